"""Which items are drawn as negatives, and which of them do not count."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from embrec.errors import ConfigError
from embrec.models.negatives import Histories, Negatives, NegativeSampler, catalog_exclusion

SIZE = 12
POPULARITY = torch.arange(1, SIZE + 1)
SHARES = ("batch", "row", "position")


def make_histories(*items):
    """Histories of columns, each event but the last predicting the next, padded with SIZE as a batch is."""
    width = max(len(history) for history in items)
    own = torch.full((len(items), width), SIZE)
    for row, history in enumerate(items):
        own[row, : len(history)] = torch.tensor(history)
    steps = [(row, target) for row, history in enumerate(items) for target in history[1:]]
    row, targets = zip(*steps, strict=True) if steps else ((), ())
    return Histories(own, torch.tensor(row, dtype=torch.long), torch.tensor(targets, dtype=torch.long))


def counts(sample, steps):
    """Which negatives count for each step, [M, N], and their columns of the catalog."""
    ids = sample.ids.expand(steps, -1)
    mask = torch.zeros(steps, ids.shape[1] + 1, dtype=torch.bool)
    if sample.exclusion is not None:
        mask.scatter_(1, sample.exclusion.columns[sample.exclusion.row], True)
    return ~mask[:, :-1], ids


def excluded(rule, histories, step):
    """The columns that are no negatives of a step, by a plain reading of the rule."""
    target = histories.targets[step].item()
    return {
        "target": {target},
        "own": set(histories.own[histories.row[step]].tolist()),
        "batch-labels": set(histories.targets.tolist()),
    }[rule]


TWO = make_histories([0, 1, 2, 1], [5, 6])


def draw(histories=TWO, moment=(0, 0), seed=0, popularity=POPULARITY, **config):
    return NegativeSampler(Negatives(**config), popularity, seed)(histories, moment)


@pytest.mark.parametrize("share", SHARES)
def test_the_seed_and_the_moment_tell_the_draws(share):
    def ids(**changes):
        return draw(count=40, alpha=0.5, share=share, **changes).ids

    assert torch.equal(ids(moment=(3, 7)), ids(moment=(3, 7)))
    for other in ({"moment": (3, 8)}, {"moment": (4, 7)}, {"moment": (3, 7), "seed": 1}):
        assert not torch.equal(ids(moment=(3, 7)), ids(**other))


def test_draws_do_not_touch_torchs_own_random_numbers():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    draw(count=8, alpha=1.0)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("exclude", ["target", "batch-labels"])
def test_items_are_drawn_in_proportion_to_popularity_to_the_power_of_alpha(alpha, exclude):
    sample = draw(count=60_000, alpha=alpha, exclude=exclude)
    probability = POPULARITY.double() ** alpha
    if exclude == "batch-labels":
        probability[TWO.targets] = 0
    expected = 60_000 * probability / probability.sum()
    observed = torch.bincount(sample.ids, minlength=SIZE)
    drawn = expected > 0
    assert (observed[~drawn] == 0).all()
    assert ((observed - expected)[drawn] ** 2 / expected[drawn]).sum() < 40  # chi-square of 11: p < 1e-4


def test_a_sample_is_shared_by_the_batch_a_history_or_nothing():
    shapes = {share: draw(count=5, share=share).ids for share in SHARES}
    assert shapes["batch"].shape == (5,)
    assert shapes["row"].shape == shapes["position"].shape == (4, 5)
    assert torch.equal(shapes["row"][:3], shapes["row"][:1].expand(3, -1))
    assert not torch.equal(shapes["row"][0], shapes["row"][3])
    assert not torch.equal(shapes["position"][0], shapes["position"][1])


def test_in_batch_negatives_are_the_targets_of_the_batch_after_those_drawn():
    drawn, with_batch = draw(count=5).ids, draw(count=5, in_batch=True).ids
    assert torch.equal(with_batch, torch.cat([drawn, TWO.targets]))
    assert torch.equal(draw(count=0, in_batch=True).ids, TWO.targets)


history = st.lists(st.integers(0, SIZE - 1), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(
    items=st.lists(history, min_size=1, max_size=5),
    share=st.sampled_from(SHARES),
    rule=st.sampled_from(["target", "own", "batch-labels"]),
    in_batch=st.booleans(),
    count=st.integers(1, 20),
)
def test_exactly_the_excluded_items_do_not_count(items, share, rule, in_batch, count):
    in_batch = in_batch and share == "batch" and rule != "batch-labels"
    histories = make_histories(*items)
    steps = len(histories.targets)
    sample = draw(histories, count=count, share=share, exclude=rule, in_batch=in_batch)
    mask, ids = counts(sample, steps)
    for step in range(steps):
        out = excluded(rule, histories, step)
        assert histories.targets[step].item() in out
        assert mask[step].tolist() == [column not in out for column in ids[step].tolist()]


@settings(max_examples=40, deadline=None)
@given(items=st.lists(history, min_size=1, max_size=5), rule=st.sampled_from(["own", "batch-labels"]))
def test_of_the_whole_catalog_the_same_items_do_not_count(items, rule):
    histories = make_histories(*items)
    exclusion = catalog_exclusion(Negatives(exclude=rule), histories, SIZE)
    for step in range(len(histories.targets)):
        columns = set(exclusion.columns[exclusion.row[step]].tolist())
        assert columns == excluded(rule, histories, step) - {SIZE}


def test_an_own_item_that_is_no_candidate_excludes_nothing_else():
    histories = Histories(torch.tensor([[SIZE, 3, 4], [SIZE, SIZE, SIZE]]), torch.tensor([0]), torch.tensor([4]))
    exclusion = catalog_exclusion(Negatives(exclude="own"), histories, SIZE)
    assert set(exclusion.columns[0].tolist()) == {3, 4}
    assert exclusion.columns.max() < SIZE


def test_by_default_the_target_does_not_count_among_all_and_the_own_items_not_among_a_sample():
    assert Negatives().excluded == "target"
    assert Negatives(count=5).excluded == "own"
    assert catalog_exclusion(Negatives(), TWO, SIZE) is None  # a step's own target is the positive anyway


def test_a_batch_that_holds_every_item_as_a_label_leaves_no_negative():
    histories = make_histories([0, *range(SIZE)])
    mask, _ = counts(draw(histories, count=7, exclude="batch-labels"), SIZE)
    assert not mask.any()


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("in_batch", [False, True])
def test_the_expected_count_is_n_p_and_for_each_step_of_the_batch_q(share, in_batch):
    if in_batch and share != "batch":
        return
    sample = draw(count=30, alpha=0.5, share=share, in_batch=in_batch)
    p = POPULARITY.double().sqrt() / POPULARITY.double().sqrt().sum()
    q = POPULARITY.double() / POPULARITY.sum()
    expected = (30 * p + in_batch * len(TWO.targets) * q).log().float()
    torch.testing.assert_close(sample.log_expected.negatives, expected[sample.ids])
    torch.testing.assert_close(sample.log_expected.positives, expected[TWO.targets])


def test_a_sample_holds_each_item_as_often_as_expected():
    torch.manual_seed(0)
    sampler = NegativeSampler(Negatives(count=20, alpha=0.7, in_batch=True), POPULARITY)
    found, batches = torch.zeros(SIZE), 2000
    targets = torch.multinomial(POPULARITY.float(), batches * SIZE, replacement=True).view(batches, SIZE)
    for moment, of_batch in enumerate(targets):
        sample = sampler(Histories(of_batch[:, None], torch.arange(SIZE), of_batch), (moment,))
        found += torch.bincount(sample.ids, minlength=SIZE)
    each = torch.arange(SIZE)
    expected = sampler(Histories(each[:, None], each, each), (0,)).log_expected.positives.exp()
    torch.testing.assert_close(found / batches, expected, rtol=0.06, atol=0)


def test_labels_that_are_left_out_keep_a_finite_expectation_for_their_correction():
    sample = draw(count=30, exclude="batch-labels")
    torch.testing.assert_close(sample.log_expected.positives, torch.full((4,), 30 / SIZE).log())
    left = SIZE - len(set(TWO.targets.tolist()))
    torch.testing.assert_close(sample.log_expected.negatives, torch.full((30,), 30 / left).log())


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"alpha": 0.5}, "alpha is for sampled negatives, but count is all"),
        ({"share": "row"}, "share is for sampled negatives"),
        ({"in_batch": True}, "in_batch is for sampled negatives"),
        ({"count": 0}, "0 negatives leave nothing to rank against"),
        ({"count": 5, "in_batch": True, "share": "row"}, "shared by the batch, so share cannot be row"),
        ({"count": 5, "in_batch": True, "exclude": "batch-labels"}, "choose one of both"),
    ],
)
def test_choices_that_contradict_each_other_are_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        Negatives(**config)
