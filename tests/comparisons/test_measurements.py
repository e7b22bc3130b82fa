"""Measuring evaluations: seeds, slices and the reference, against plain means."""

import json

import numpy as np
import pytest
from support.standings import standing_at

from embrec.comparisons.measurements import measure
from embrec.data.splits import Label
from embrec.evaluation.evaluator import Evaluation
from embrec.evaluation.statistics import PairedTest

GENERATOR = np.random.default_rng(0)
NEW = GENERATOR.random(300) < 0.2


def evaluation(best, new=NEW):
    """Ranks from 1 to 100 that lie between 1 and `best`, mostly."""
    place = np.arange(len(new))
    label = np.where(new, Label.NEW_ITEM, Label.OBSERVED).astype(np.int8)
    return Evaluation(standing_at(GENERATOR.integers(0, best - 1, len(new))), place, place, label)


def test_seeds_are_averaged_and_slices_kept_apart():
    runs = {"good": [evaluation(20), evaluation(25)], "bad": [evaluation(90), evaluation(80)]}
    measured = measure(runs, ["hr@10", "auc"], "bad")
    for model, seeds in runs.items():
        for label in ("all", "warm items", "cold items"):
            members = seeds[0].slices()[label]
            value = measured[model][label]["hr@10"]
            assert value.seeds == pytest.approx([(seed.rank[members] <= 10).mean() for seed in seeds])
            assert value.estimate.mean == pytest.approx(np.mean(value.seeds))
    assert measured["bad"]["all"]["auc"].estimate.test is None
    assert measured["good"]["all"]["auc"].estimate.test.verdict() == "better"
    assert measured["good"]["cold items"]["auc"].estimate.test.verdict() == "better"


def test_the_same_ranks_are_no_difference():
    same = evaluation(50)
    measured = measure({"one": [same], "other": [same]}, ["ndcg@10"], "one")
    assert measured["other"]["warm items"]["ndcg@10"].estimate.test == PairedTest(0, 0, 0, 1, 1, 0)


def test_a_slice_without_targets_is_left_out():
    warm = evaluation(50, np.zeros(20, dtype=bool))
    assert list(measure({"one": [warm]}, ["auc"], "one")["one"]) == ["all", "warm items"]


def test_the_correction_counts_the_encoders_that_are_compared():
    runs = {name: [evaluation(50)] for name in ("reference", "a", "b", "c")}
    measured = measure(runs, ["auc"], "reference")
    tests = sorted((measured[name]["all"]["auc"].estimate.test for name in "abc"), key=lambda test: test.p_value)
    assert tests[0].adjusted == pytest.approx(min(1, 3 * tests[0].p_value))
    assert json.dumps(tests[0].adjusted)
