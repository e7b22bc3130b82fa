import numpy as np
import polars as pl
import pytest
from support.catalogs import titled
from support.logs import log_of

from embrec.data.catalog import Catalog
from embrec.data.splits import LeaveOneOut
from embrec.data.store import Dataset
from embrec.evaluation.leaks import Status
from embrec.evaluation.leaks.content import equal_texts, fitting, missing_features, text_groups
from embrec.features.build import build
from embrec.features.registry import make_encoder
from embrec.features.table import FeatureTable

TITLES = ["red pen", "blue pen", "red ink", "blue ink", "", "paper"]


@pytest.fixture
def dataset():
    """Six items, the fifth without a text; three users of four events."""
    return Dataset(titled(TITLES), log_of([[0, 1, 2, 4], [1, 2, 0, 3], [2, 0, 1, 5]]))


def table_of(dataset, folder, fit_rows):
    return FeatureTable.open(build(dataset.catalog, make_encoder("tfidf"), folder, fit_rows=fit_rows).path)


def test_targets_without_a_vector_are_counted(dataset, tmp_path):
    log = dataset.interactions
    found = missing_features(table_of(dataset, tmp_path, None), log, LeaveOneOut()(log, 6))
    assert found.value == pytest.approx(1 / 3)
    assert (found.counts["items without a vector"], found.status) == (1, Status.WARNING)
    assert found.name.startswith("items without tfidf-")


def test_an_encoder_is_asked_what_it_was_fitted_on(dataset, tmp_path):
    log = dataset.interactions
    partition = LeaveOneOut()(log, 6)
    here = fitting(table_of(dataset, tmp_path, partition.train_items), dataset, partition)
    assert (here.status, here.value, here.counts["items fitted on"]) == (Status.OK, 0, 3)
    whole = fitting(table_of(dataset, tmp_path, None), dataset, partition)
    assert (whole.status, whole.value) == (Status.NOTE, 1)
    assert "the whole catalog" in whole.meaning
    assert "`build_features(fit_on='train')`" in whole.meaning
    others = np.array([True, False, True, True, False, False])
    elsewhere = fitting(table_of(dataset, tmp_path, others), dataset, partition)
    assert elsewhere.status == Status.WARNING


def test_texts_are_equal_but_for_case_punctuation_and_spaces():
    catalog = titled(["Red  Pen!", "red-pen", "red pens", "", "...", "Äpfel, grün", "äpfel (GRÜN)"])
    groups = text_groups(catalog).tolist()
    assert groups[0] == groups[1] != groups[2]
    assert groups[3] == groups[4] == 0
    assert groups[5] == groups[6] > 0


def test_twins_are_counted_among_items_targets_and_histories():
    catalog = titled(["Red pen", "red pen.", "ink", "paper", "", ""])
    log = log_of([[0, 2, 3, 1], [2, 3, 2, 0], [2, 3, 4, 5], [0, 2, 3, 0]])
    found = equal_texts(Dataset(catalog, log), LeaveOneOut()(log, 6))
    assert found.counts["items with a twin"] == 2  # not those without a text
    assert found.value == 0.75
    # The first user met the twin; the last met the item itself, which is another matter.
    assert found.counts["test targets with a twin in their own history"] == 1
    assert found.status == Status.WARNING


def test_a_catalog_without_twins_or_without_texts_is_fine(dataset):
    partition = LeaveOneOut()(dataset.interactions, 6)
    assert equal_texts(dataset, partition).status == Status.OK
    bare = Dataset(Catalog(pl.DataFrame({"item": [f"i{n}" for n in range(6)]})), dataset.interactions)
    found = equal_texts(bare, partition)
    assert (found.value, found.status) == (None, Status.OK)


def test_twins_that_nobody_meets_are_a_note():
    log = log_of([[0, 1, 2] for _ in range(3)])
    found = equal_texts(Dataset(titled(["a", "b", "c", "d", "D"]), log), LeaveOneOut()(log, 5))
    assert (found.value, found.status) == (0, Status.NOTE)
