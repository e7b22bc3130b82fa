"""The final steps of a search, tested without training a trial."""

import pytest
from support.categories import config_of, toy_category
from support.searches import made_trial, search_config

from embrec.comparisons.search_tables import test_table as table_of_tests
from embrec.runs.seeds import train_seeds
from embrec.tuning.categories import measured
from embrec.tuning.folder import SearchFolder
from embrec.tuning.records import TrialLog
from embrec.tuning.search import SearchResult, final_config, final_name


@pytest.mark.parametrize(
    ("changes", "name", "epochs"),
    [
        ({}, "one-t3", 9),
        ({"final_epochs": 60}, "one-t3-e60", 60),
        ({"final_on": "train+validation"}, "one-t3-train-validation", 2),
        ({"final_on": "train+validation", "final_epochs": 4}, "one-t3-train-validation-e4", 4),
    ],
)
def test_models_that_are_trained_in_another_way_have_another_name(tmp_path, changes, name, epochs):
    config = search_config({"model.dropout": {"uniform": [0, 0.5]}}, **changes)
    folder = SearchFolder(tmp_path / "toys" / "searches" / "one")
    best = made_trial(config, 3, {"model.dropout": 0.25}, [0.1, 0.3, 0.2])
    result = SearchResult(folder, config, TrialLog(folder.log_file), best, None)
    assert final_name(result) == name
    assert (final_config(result).training.epochs, final_config(result).model.dropout) == (epochs, 0.25)


def test_what_was_searched_for_stands_first_beside_what_else_is_measured(tmp_path):
    category = toy_category(tmp_path)
    runs = train_seeds(category, config_of(**{"training.epochs": 1}), [0, 1], "one-t3")
    config = search_config({"model.dropout": {"uniform": [0, 0.5]}}, objective="mrr@5")
    folder = SearchFolder(category.searches / "one")
    best = made_trial(config, 3, {"model.dropout": 0.25}, [0.1])
    found = measured(SearchResult(folder, config, TrialLog(folder.log_file), best, runs))
    # HR@50 looks at more than the 40 items that there are.
    assert list(found.best) == ["mrr@5", "auc"]
    assert table_of_tests({"toys": found}).columns == ["category", "model", "mrr@5", "auc"]
