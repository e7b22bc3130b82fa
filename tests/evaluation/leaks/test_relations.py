import numpy as np
import pytest
from support.logs import log_of

from embrec.data.preparation import PRESETS, prepare
from embrec.data.readers.table import TableSource
from embrec.data.relations import Relations
from embrec.data.splits import GlobalTime, LeaveOneOut, UserHoldout
from embrec.evaluation.leaks import Status, check_leaks
from embrec.evaluation.leaks.relations import leaking_relations

GROUPS, SIZE = 20, 30
N = GROUPS * SIZE


@pytest.fixture(scope="module")
def log():
    """300 users of eight events, each mostly within one of 20 groups of items; some items are popular."""
    generator = np.random.default_rng(0)
    rows = []
    for user in range(300):
        inside = user % GROUPS * SIZE + (generator.beta(1, 3, 8) * SIZE).astype(int)
        rows.append(np.where(generator.random(8) < 0.7, inside, generator.integers(0, N, 8)).tolist())
    return log_of(rows)


def everything(log):
    return np.arange(len(log))


def same_group():
    heads, tails = np.divmod(np.arange(N * N), N)
    inside = heads // SIZE == tails // SIZE
    return Relations.from_pairs(N, {"group": (heads[inside] + 1, tails[inside] + 1)})


def only(relations, log, split=None, **options):
    (check,) = leaking_relations(relations, log, (split or LeaveOneOut())(log, N), **options)
    return check


def test_by_hand():
    # Training: 1>2 and 1>2. Test pairs: 3>4, which only the test supports, and 3>2. Tensor ids are one more than the rows.
    log = log_of([[0, 1, 2, 3], [0, 1, 2, 1]])
    check = only(Relations.from_transitions(log, everything(log), N), log)
    assert check.counts == {
        "pairs of the relation": 4,
        "entries that name no item of the catalog": 0,
        "test pairs": 2,
        "share of them in the relation": 1.0,
        "the same, shuffled": 1.0,
        "test pairs without support by training": 2,
        "share of them in the relation, without support": 1.0,
        "the same, without support, shuffled": 1.0,
        "pairs of the relation without support by training": 3,
        "of these held-out transitions": 3,
    }


@pytest.mark.parametrize("split", [LeaveOneOut(), UserHoldout(), GlobalTime()], ids=lambda split: split.kind)
@pytest.mark.parametrize("most", [None, 5])
def test_relations_of_all_events_are_a_warning_and_those_of_training_events_are_fine(log, split, most):
    leaking = only(Relations.from_transitions(log, everything(log), N, most=most), log, split)
    assert leaking.status == Status.WARNING
    assert leaking.value > 5 * leaking.counts["the same, without support, shuffled"]
    assert "partition.train.events(interactions)" in leaking.meaning
    training = split(log, N).train.events(log)
    honest = only(Relations.from_transitions(log, training, N, most=most), log, split)
    assert (honest.status, honest.value) == (Status.OK, 0)
    assert honest.counts["share of them in the relation"] > 0


def test_a_relation_of_content_knows_more_than_training_and_is_only_noted(log):
    check = only(same_group(), log)
    assert check.status == Status.NOTE
    assert check.value > 5 * check.counts["the same, without support, shuffled"]
    assert "if it comes from content" in check.meaning


def test_a_leak_diluted_with_content_is_found_where_little_is_held_out():
    generator = np.random.default_rng(1)
    log = log_of([generator.integers(0, N, 100).tolist() for _ in range(60)])
    heads, tails = Relations.from_transitions(log, everything(log), N).pairs("next")
    more = generator.integers(1, N + 1, (2, 400))
    mixed = Relations.from_pairs(N, {"mixed": (np.append(heads, more[0]), np.append(tails, more[1]))})
    check = only(mixed, log)
    assert (
        0.1
        < check.counts["of these held-out transitions"]
        / check.counts["pairs of the relation without support by training"]
        < 0.5
    )
    assert check.status == Status.WARNING


def test_pairs_at_random_are_fine(log):
    pairs = np.random.default_rng(2).integers(1, N + 1, (2, 20_000))
    check = only(Relations.from_pairs(N, {"any": (pairs[0], pairs[1])}), log)
    assert check.status == Status.OK
    assert "chance" in check.meaning


@pytest.mark.parametrize("unknown", [0, 40])
def test_a_relation_that_names_no_items_is_no_comfort(log, unknown):
    nothing = np.empty(0, dtype=np.int64)
    check = only(Relations.from_pairs(N, {"none": (nothing, nothing)}, {"none": unknown}), log)
    assert (check.status, check.value) == (Status.NOTE, 0)
    assert f"0 pairs of items, and {unknown} entries of its lists name no item" in check.meaning


def test_the_control_is_seeded(log):
    relations = same_group()
    assert only(relations, log, seed=1) == only(relations, log, seed=1)
    assert only(relations, log, seed=1).counts != only(relations, log, seed=2).counts


def test_each_relation_is_judged_for_itself(log):
    training = LeaveOneOut()(log, N).train.events(log)
    relations = Relations.from_transitions(log, training, N, name="train").beside(
        Relations.from_transitions(log, everything(log), N, name="all").beside(same_group())
    )
    checks = leaking_relations(relations, log, LeaveOneOut()(log, N))
    assert {check.name: check.status for check in checks} == {
        "relation train": Status.OK,
        "relation all": Status.WARNING,
        "relation group": Status.NOTE,
    }


def test_the_published_relations_of_ml_1m_hold_the_test_items(real_data):
    folder = real_data / "ml-1m"
    source = TableSource(
        interactions=folder / "interactions.parquet", items=folder / "items.parquet", time_column="position"
    )
    dataset, _ = prepare(source.read(), PRESETS["none"])
    log, n = dataset.interactions, len(dataset.catalog)
    partition = LeaveOneOut()(log, n)
    published = Relations.from_transitions(log, everything(log), n, most=151, name="published")
    honest = Relations.from_transitions(log, partition.train.events(log), n, most=151, name="honest")
    genres = dataset.catalog.frame["genres"].to_numpy()
    heads, tails = published.pairs("published")
    other = genres[heads - 1] != genres[tails - 1]
    fewer = Relations.from_pairs(n, {"other genres": (heads[other], tails[other])})
    report = check_leaks(dataset, partition, relations=published.beside(honest).beside(fewer))
    leak, fine, without = (report[f"relation {name}"] for name in ("published", "honest", "other genres"))
    assert 0.6 < leak.counts["share of them in the relation"] < 0.75
    # Spec 2.3 counts 65.4 % on the published files, where lists are filled up again to 151 without those of the same genres.
    assert 0.55 < without.counts["share of them in the relation"] < 0.654
    assert without.status == Status.WARNING
    assert leak.counts["the same, shuffled"] == pytest.approx(0.143, abs=0.01)
    assert leak.value > 0.6
    assert leak.counts["the same, without support, shuffled"] < 0.01
    assert leak.status == Status.WARNING
    assert (fine.status, fine.value) == (Status.OK, 0)
    assert 0.35 < fine.counts["share of them in the relation"] < 0.5
    assert "look like places" in report["time overlap"].meaning
