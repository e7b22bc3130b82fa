"""Data that several steps of one command need are read once."""

import numpy as np
import pytest
from support.categories import config_of, toy_category
from typer.testing import CliRunner

from embrec.cli.app import app
from embrec.data import store
from embrec.data.prepared import PreparedSplit, open_split
from embrec.data.splits import LeaveOneOut
from embrec.errors import DataError
from embrec.features.category import build_features
from embrec.runs.pipeline import train
from embrec.workspace import Workspace


@pytest.fixture(scope="module")
def content_run(tmp_path_factory):
    """A run of a model that reads feature tables, so that every baseline can be computed."""
    category = toy_category(tmp_path_factory.mktemp("prepared"))
    build_features(category, ["tfidf"])
    content = {"model.source": "content", "model.features": ["tfidf"], "training.epochs": 1}
    return train(category, config_of(**content), "one").run


@pytest.fixture
def reads(monkeypatch):
    """The data sets that were read."""
    found = []
    read = store._read_dataset

    def counted(category):
        found.append(category.name)
        return read(category)

    monkeypatch.setattr(store, "_read_dataset", counted)
    return found


@pytest.mark.parametrize("command", [["report"], ["compare", "runs"], ["evaluate"]])
def test_a_command_reads_its_data_once(content_run, reads, command, tmp_path):
    extra = ["--output", str(tmp_path / "report.html")] if command == ["report"] else []
    result = CliRunner().invoke(app, [*command, *extra, str(content_run.path)])
    assert result.exit_code == 0, result.output
    assert (content_run.category.path / "evaluations").is_dir()  # of content-knn, whose tables fit the data
    assert len(reads) == 1


def test_a_prepared_split_is_the_data_and_their_division(content_run):
    found = open_split(content_run.category, LeaveOneOut())
    again = PreparedSplit.of(found.dataset, LeaveOneOut())
    assert found.catalog is found.dataset.catalog
    assert found.interactions is found.dataset.interactions
    assert np.array_equal(found.partition.label, again.partition.label)
    assert np.array_equal(found.partition.test.user, again.partition.test.user)
    assert found.n_train_items == found.partition.train_items.sum() <= len(found.catalog)
    assert store.catalog_size(content_run.category) == len(found.catalog)


def test_the_size_of_a_catalog_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match="nothing"):
        store.catalog_size(Workspace(tmp_path).category("nothing"))
