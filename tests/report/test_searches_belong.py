"""A search and its data: notes and errors after the category has been imported again."""

from dataclasses import replace

import pytest
from support.categories import toy_category, toy_run
from support.logs import shortened
from support.searches import search_config, some_trials, write_search

from embrec.comparisons.search_tables import SearchProgress
from embrec.comparisons.searches import compare_searches
from embrec.data.splits import ItemHoldout, LeaveOneOut
from embrec.data.store import Dataset, load_dataset, save_dataset
from embrec.errors import RunError
from embrec.files import write_json
from embrec.report.page.context import read_run, read_search
from embrec.runs.provenance import MadeOf

SPACE = {"model.dropout": {"uniform": [0, 0.5]}}


def made_of(category, split=None):
    """What the category holds now."""
    dataset = load_dataset(category)
    return MadeOf.of(dataset, (split or ItemHoldout(fraction=0.2))(dataset.interactions, len(dataset.catalog)))


def import_again(category):
    dataset = load_dataset(category)
    save_dataset(category, Dataset(dataset.catalog, shortened(dataset.interactions, 1)))


def begun(category, name, data, seed=0):
    """A search with trials, begun with data."""
    config = search_config(SPACE, seed=seed)
    folder = write_search(category, name, config, some_trials(config))
    if data is not None:
        write_json(folder.made_of_file, data.as_dict())
    return folder


@pytest.fixture
def category(tmp_path):
    return toy_category(tmp_path / "workspace")


def test_searches_of_different_data_are_not_compared(category):
    first = begun(category, "first", made_of(category))
    second = begun(category, "second", made_of(category), seed=1)
    assert len(compare_searches([first, second]).groups) == 1
    import_again(category)
    third = begun(category, "third", made_of(category), seed=2)
    with pytest.raises(
        RunError, match=r"searches first and third were begun with different data \(the log has other events"
    ):
        compare_searches([first, second, third])
    tables = (
        replace(made_of(category), tables={"tfidf-1": "one"}),
        replace(made_of(category), tables={"tfidf-1": "other"}),
    )
    changed = [begun(category, f"table-{n}", data, seed=n) for n, data in enumerate(tables)]
    with pytest.raises(RunError, match="the contents of feature table tfidf-1 have changed"):
        compare_searches(changed)
    assert compare_searches([first, begun(category, "old", None)]).groups  # of an earlier version: nobody knows


def test_a_search_says_that_its_category_was_imported_again(category):
    folder = begun(category, "first", made_of(category))
    assert "imported again" not in SearchProgress(folder).notes()[0]
    import_again(category)
    assert (
        SearchProgress(folder)
        .notes()[0]
        .startswith("The category was imported again since: the log has other events: ")
    )


def test_a_report_leaves_out_a_search_of_other_data_than_its_run(category):
    run = toy_run(category, LeaveOneOut())
    run.search_file.write_text("best\n")
    folder = begun(category, "best", made_of(category, LeaveOneOut()))
    search, notes = read_search([read_run(run)])
    assert (search.name, notes) == ("best", [])
    import_again(category)
    write_json(folder.made_of_file, made_of(category, LeaveOneOut()).as_dict())
    search, (note,) = read_search([read_run(run)])
    assert search is None
    assert "was begun with other data than the run (the log has other events" in note
