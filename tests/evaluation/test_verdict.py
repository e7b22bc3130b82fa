"""Whether a model beats the best baseline, in constructed cases."""

import numpy as np
import pytest
from support.standings import standing_at

from embrec.evaluation.evaluator import Evaluation
from embrec.evaluation.verdict import verdict_lines, verdicts

TARGETS = 200


def hits(share, seed=0, second=5):
    """Targets of as many users: some in the first place, the others further down."""
    places = np.full(TARGETS, second)
    places[np.random.default_rng(seed).permutation(TARGETS)[: round(share * TARGETS)]] = 0
    return Evaluation(standing_at(places), np.arange(TARGETS), np.arange(TARGETS), np.zeros(TARGETS, dtype=np.int8))


def said(evaluations, metrics=("hr@1",), baselines=("pop", "markov", "content-knn")):
    return verdict_lines(verdicts(evaluations, baselines, metrics))


def test_a_baseline_that_wins_is_named_first():
    (line,) = said({"first": [hits(0.3)], "pop": [hits(0.1, 1)], "content-knn": [hits(0.6, 2)]})
    assert line == "content-knn, which learns nothing, is better: HR@1 0.6000 against 0.3000 of first"


def test_a_model_that_wins_is_held_against_the_best_baseline_and_not_against_popularity():
    others = {"pop": [hits(0.1, 1)], "markov": [hits(0.3, 2)], "content-knn (tfidf)": [hits(0.2, 3)]}
    (line,) = said({"first": [hits(0.6)], **others}, baselines=tuple(others))
    assert line == ("first is better than the best baseline, markov: HR@1 0.6000 against 0.3000, 2.00 times as much")


def test_the_best_of_the_baselines_that_were_asked_for_is_not_called_the_best_there_is():
    (line,) = said({"first": [hits(0.6)], "pop": [hits(0.3, 1)]})
    assert line == (
        "first is better than the best baseline here, pop: HR@1 0.6000 against 0.3000, 2.00 times as much; "
        "not compared with markov, content-knn"
    )


def test_what_cannot_be_told_apart_is_not_beaten():
    (line,) = said({"first": [hits(0.31)], "markov": [hits(0.3, 2)]})
    assert line.startswith(
        "markov, which only counts what followed the last item, is not beaten: HR@1 0.3000 against 0.3100 of"
    )
    (line,) = said({"first": [hits(0.3)], "markov": [hits(0.3)]})
    assert "is not beaten" in line


def test_the_metric_that_chose_comes_first_and_others_only_where_a_baseline_is_better():
    model = {"first": [hits(0.6, second=90)], "pop": [hits(0.2, 1, second=5)]}
    lines = said(model, ("hr@1", "auc", "mrr@5"))
    assert lines[0].startswith("first is better than the best baseline here, pop: HR@1")
    assert lines[1:] == ["a baseline is better by AUC (pop 0.9596 against 0.6364 of first)"]
    lines = said(model, ("auc", "hr@1"))
    assert len(lines) == 1
    assert lines[0].startswith("pop, which lists the same for everyone, is better: AUC 0.9596 against 0.6364")


def test_less_is_better_where_it_is():
    found = verdicts(
        {"first": [hits(0.6)], "pop": [hits(0.1, 1)], "markov": [hits(0.3, 2)]}, ["pop", "markov"], ["rank"]
    )
    assert (found[0].baseline, found[0].outcome) == ("markov", "better")
    assert "times" not in found[0].words()


def test_the_best_of_several_models_speaks_and_those_that_win_nothing_are_named():
    (line,) = said({"a": [hits(0.3, 3)], "b": [hits(0.7)], "c": [hits(0.32, 4)], "markov": [hits(0.3, 2)]})
    assert line.startswith("b is better than the best baseline here, markov: ")
    assert line.endswith("; not better than it: a, c")


def test_a_metric_that_looks_further_down_than_there_are_candidates_decides_nothing():
    few = {"first": [hits(0.6)], "pop": [hits(0.1, 1)]}  # among 100
    assert said(few, ("ndcg@101", "hr@1")) == said(few, ("hr@1",))
    assert said(few, ("ndcg@101",)) == []
    assert "NDCG@100" in said(few, ("ndcg@100",))[0]


def test_seeds_are_averaged_target_by_target():
    (found,) = verdicts({"first": [hits(0.2), hits(0.4, 5)], "pop": [hits(0.1, 1)]}, ["pop"], ["hr@1"])
    assert found.value == pytest.approx(0.3)
    assert found.of_baseline == pytest.approx(0.1)


def test_nothing_is_said_of_nothing():
    assert said({"first": [hits(0.3)]}) == []
    assert said({"pop": [hits(0.3)]}) == []
    assert said({"first": [hits(0.3)], "pop": [hits(0.1, 1)]}, ("hr@100",)) == []  # all of 100 candidates are hits
