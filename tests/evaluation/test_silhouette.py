"""Clusters from category texts, and their silhouette against scikit-learn's own cosine distance."""

import doctest

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse import random as sparse_random
from sklearn.metrics import silhouette_samples, silhouette_score
from sklearn.preprocessing import normalize

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError
from embrec.evaluation import silhouette
from embrec.evaluation.silhouette import (
    category_column,
    category_paths,
    clustered,
    clusters,
    cosine_silhouette,
    cosine_silhouettes,
)

GENERATOR = np.random.default_rng(0)
LABELS = GENERATOR.integers(4, size=60)


def test_the_tables_in_the_docstrings_are_right():
    assert doctest.testmod(silhouette).failed == 0


def test_dense_and_sparse_vectors_score_as_scikit_learn_says():
    dense = GENERATOR.normal(size=(60, 9)).astype(np.float32) + LABELS[:, None]
    sparse = sparse_random(60, 40, density=0.3, format="csr", random_state=1, dtype=np.float32)
    for vectors in (dense, sparse):
        assert cosine_silhouette([vectors], LABELS) == pytest.approx(
            silhouette_score(vectors, LABELS, metric="cosine"), abs=1e-5
        )


def test_sources_side_by_side_count_alike_whatever_their_length():
    dense = GENERATOR.normal(size=(60, 9)).astype(np.float32)
    sparse = csr_matrix(np.where(GENERATOR.random((60, 30)) < 0.3, GENERATOR.random((60, 30)), 0).astype(np.float32))
    side_by_side = np.concatenate([normalize(dense), normalize(sparse).toarray()], axis=1)
    expected = silhouette_score(side_by_side, LABELS, metric="cosine")
    assert cosine_silhouette([dense * 50, sparse], LABELS) == pytest.approx(expected, abs=1e-5)


def test_an_item_that_one_source_lacks_is_placed_by_the_other():
    dense = GENERATOR.normal(size=(60, 9)).astype(np.float32)
    lacking = dense.copy()
    lacking[:5] = 0
    expected = silhouette_score(np.concatenate([normalize(dense), normalize(lacking)], axis=1), LABELS, metric="cosine")
    assert cosine_silhouette([dense, lacking], LABELS) == pytest.approx(expected, abs=1e-5)


def test_clean_clusters_score_one_and_swapped_ones_less_than_nothing():
    vectors = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    assert cosine_silhouette([vectors], np.repeat([0, 1, 2], 5)) == pytest.approx(1)
    assert cosine_silhouette([vectors], np.tile([0, 1, 2], 5)) < 0


@pytest.mark.parametrize("labels", [[0, 0, 0], [0, 1, 2]])
def test_there_is_no_silhouette_of_one_cluster_or_of_single_items(labels):
    assert cosine_silhouette([np.eye(3, dtype=np.float32)], np.array(labels)) is None


@pytest.mark.parametrize(
    ("texts", "paths"),
    [
        (["Care > Hair > Shampoo", "Care > Nails, Hands"], [("Care", "Hair", "Shampoo"), ("Care", "Nails, Hands")]),
        (["Action|Comedy", "Drama"], [("Action", "Comedy"), ("Drama",)]),
        (["Cases Basic Cases", None, ""], [("Cases Basic Cases",), (), ()]),
    ],
)
def test_paths_are_read_as_they_are_written(texts, paths):
    assert category_paths(texts) == paths


def test_rare_paths_fall_back_to_what_enough_items_share():
    paths = [("a", "x")] * 3 + [("a", "y")] + [("a",)] * 2 + [("b", "z")] * 2 + [()]
    assert clusters(paths, smallest=3).tolist() == [1, 1, 1, 0, 0, 0, -1, -1, -1]
    assert clusters(paths, smallest=2).tolist() == [1, 1, 1, 0, 0, 0, 2, 2, -1]
    assert clusters(paths, smallest=2, level=1).tolist() == [0] * 6 + [1, 1, -1]


def test_the_category_column_is_found_or_asked_for():
    catalog = Catalog(pl.DataFrame({"item": ["1", "2"], "category": [None, None], "genres": ["a", None], "title": "t"}))
    assert category_column(catalog) == "genres"
    assert category_column(catalog, "title") == "title"
    assert category_column(Catalog(catalog.frame.drop("genres"))) is None
    with pytest.raises(ConfigError, match="no column 'kind' to cluster by; there are: item, category, genres, title"):
        category_column(catalog, "kind")


def test_items_without_a_direction_are_left_out():
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(40, 5)).astype(np.float32)
    labels = np.arange(40) % 4
    expected = cosine_silhouette([vectors[4:]], labels[4:])
    vectors[:4] = 0
    assert cosine_silhouette([vectors], labels) == pytest.approx(expected, abs=1e-6)
    assert cosine_silhouette([np.zeros((6, 2), dtype=np.float32)], np.arange(6) % 2) is None


def test_the_silhouette_of_each_item_is_that_of_scikit_learn():
    dense = GENERATOR.normal(size=(60, 9)).astype(np.float32)
    dense[7] = 0  # has no direction
    known = np.arange(60) != 7
    expected = silhouette_samples(dense[known], LABELS[known], metric="cosine")
    assert cosine_silhouettes([dense], LABELS) == pytest.approx(expected, abs=1e-5)
    assert cosine_silhouettes([dense], np.zeros(60, dtype=np.int64)) is None


def test_items_without_a_category_or_a_vector_are_in_no_cluster(monkeypatch):
    kinds = ["a > x"] * 12 + ["a > y"] * 12 + [None] * 5 + ["b"] * 11
    catalog = Catalog(pl.DataFrame({"item": [f"i{row}" for row in range(40)], "kind": kinds}))
    whole = clustered(catalog, "kind")
    assert whole.rows.tolist() == [*range(24), *range(29, 40)]
    assert len(np.unique(whole.labels)) == 3
    assert len(np.unique(clustered(catalog, "kind", level=1).labels)) == 2
    assert len(clustered(catalog, None).rows) == 0
    some = whole.among(np.arange(40) % 2 == 0)
    assert some.rows.tolist() == [row for row in whole.rows if row % 2 == 0]
    assert some.labels.tolist() == [label for row, label in zip(*whole, strict=True) if row % 2 == 0]
    monkeypatch.setattr(silhouette, "SAMPLE", 34)
    assert len(clustered(catalog, "kind", level=1).rows) == 34
