"""Coverage of draws against plain loops, and the effect of the kind of draw."""

import doctest
import json
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from support.standings import standing_at

from embrec.data.interactions import Interactions
from embrec.errors import ConfigError
from embrec.evaluation.candidates import AllItems, Sampled
from embrec.evaluation.evaluator import Evaluation
from embrec.report.analyses.context import AnalysisContext
from embrec.report.analyses.coverage import measure as coverage
from embrec.report.analyses.coverage.analyze import analyze_coverage
from embrec.report.analyses.coverage.measure import by_length, distinct, drawings, table

N_ITEMS = 500


def alike(lengths, seed=0):
    """A log of random items by users with so many events each, and random lists after every event but the last."""
    generator = np.random.default_rng(seed)
    user = np.repeat(np.arange(len(lengths)), lengths)
    names = np.array([f"u{number}" for number in range(len(lengths))], dtype=object)
    log = Interactions.from_events(names, user, generator.integers(0, N_ITEMS, len(user)), np.arange(len(user)))
    events = np.flatnonzero(log.position > 0)
    top = generator.integers(1, N_ITEMS + 1, (len(events), 3)).astype(np.int32)
    labels = np.zeros(len(events), dtype=np.int8)
    return log, Evaluation(
        standing_at(np.zeros(len(events))), log.user[events].astype(np.int64), events, labels, top=top
    )


def test_the_examples_in_the_docstrings_are_right():
    assert doctest.testmod(coverage).failed == 0


@pytest.mark.parametrize("block", [1, 300, 1 << 20])
def test_different_items_are_counted_as_sets_count_them(monkeypatch, block):
    monkeypatch.setattr(coverage, "_BLOCK", block)
    generator = np.random.default_rng(0)
    ids, draws = generator.integers(0, 9, (20, 4)), generator.integers(0, 20, (30, 5))
    expected = [len(set(ids[draw].ravel().tolist()) - {0}) for draw in draws]
    assert distinct(ids, draws).tolist() == expected


def test_draws_without_replacement_are_even_and_hold_nothing_twice():
    draws = np.concatenate(list(drawings(5, 2, 20_000, False, np.random.default_rng(0))))
    pairs = [tuple(sorted(draw)) for draw in draws.tolist()]
    shares = [pairs.count(pair) / len(pairs) for pair in combinations(range(5), 2)]
    assert shares == pytest.approx([0.1] * 10, abs=0.01)
    assert [len(draw[0]) for draw in drawings(4, 4, 1, False, np.random.default_rng(0))] == [4]
    replaced = np.concatenate(list(drawings(5, 2, 20_000, True, np.random.default_rng(0))))
    assert (replaced[:, 0] == replaced[:, 1]).mean() == pytest.approx(0.2, abs=0.02)


def test_coverage_of_draws_is_what_chance_makes_it():
    # Lists of one item each that all differ: m of them always cover m items.
    log, evaluation = alike([2] * 200)
    evaluation.top[:, 0] = np.arange(200) + 1
    (only,) = by_length(evaluation, log, N_ITEMS, k=1, resamples=50).lengths
    assert (only.recommended.low, only.recommended.mean, only.recommended.high) == pytest.approx([100 / N_ITEMS] * 3)
    # Of the context items c different ones, each of n_i events, m of T events hold sum of 1 - C(T - n_i, m) / C(T, m).
    counts = np.bincount(log.item[evaluation.event - 1])
    none_drawn = [np.prod([(200 - n - i) / (200 - i) for i in range(100)]) for n in counts[counts > 0]]
    assert only.context.mean * N_ITEMS == pytest.approx(np.sum(1 - np.array(none_drawn)), rel=0.01)
    assert only.context.low < only.context.mean < only.context.high


def test_rare_lengths_cover_as_much_as_common_ones_unless_targets_are_drawn_twice():
    # Lists are equally diverse after every number of events, and four in five users leave after the first.
    log, evaluation = alike([2] * 800 + [3] * 200)
    fair, published = (
        by_length(evaluation, log, N_ITEMS, k=3, replace=replace, resamples=300) for replace in (False, True)
    )
    assert (fair.drawn, published.drawn) == (100, 200)
    common, rare = (length.recommended.mean for length in fair.lengths)
    assert rare == pytest.approx(common, rel=0.03)
    common, rare = (length.recommended.mean for length in published.lengths)
    assert rare < 0.85 * common


def test_lengths_of_few_targets_are_left_out_and_said_so(monkeypatch):
    log, evaluation = alike([2] * 50 + [5] * 60)
    found = by_length(evaluation, log, N_ITEMS, k=3, longest=3, resamples=10)
    assert [length.events for length in found.lengths] == [1]
    assert (found.left_out, found.longer) == ({2: 60, 3: 60}, 60)
    assert found.notes()[0] == "fewer than 100 targets each, so left out: after 2 to 3 events"
    monkeypatch.setattr(coverage, "FEWEST", 200)
    with pytest.raises(
        ConfigError, match=r"has 200 targets after it \(the most are 110 after 1 events\); .*`UserHoldout\(\)`"
    ):
        by_length(evaluation, log, N_ITEMS, k=3)


def test_a_run_is_measured_and_written(toys, tmp_path):
    context, found, folder = analyze_coverage(toys["prefixes"], k=3, resamples=50, output=tmp_path, command="it")
    assert context.title == "toys, run prefixes, user-holdout:test=0.5"
    assert [length.events for length in found.lengths] == list(range(1, len(found.lengths) + 1))
    assert len(table(found).rows) == len(found.lengths)
    numbers = json.loads((folder / "coverage.json").read_text())
    assert numbers["lengths"][0]["recommended"]["mean"] == found.lengths[0].recommended.mean
    assert (folder / "coverage.png").stat().st_size > 10_000
    assert analyze_coverage(toys["prefixes"], k=3, resamples=50, output=tmp_path, command="it")[1] == found
    with pytest.raises(ConfigError, match="`k` is 41, but the catalog has 40 items"):
        analyze_coverage(toys["prefixes"], k=41)


def test_lists_are_of_the_whole_catalog_where_a_run_ranks_among_a_sample(toys):
    context = AnalysisContext.open(toys["last"])
    assert context.protocol_of_lists() == context.config.evaluation
    evaluation = context.config.evaluation.model_copy(update={"candidates": Sampled(count=5)})
    sampled = replace(context, config=context.config.model_copy(update={"evaluation": evaluation}))
    assert sampled.protocol_of_lists().candidates == AllItems()
    assert sampled.evaluated(sampled.protocol_of_lists(), keep=4).top.shape[1] >= 4
