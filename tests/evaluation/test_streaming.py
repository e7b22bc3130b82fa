"""A stateful model is asked in the order of time: it has observed what came before a target and nothing else."""

import numpy as np
import pytest
import torch
from support.logs import toy_log
from support.toys import N_ITEMS

from embrec.data.interactions import Interactions
from embrec.data.splits import GlobalTime, ItemHoldout, LeaveOneOut
from embrec.evaluation.evaluator import EvaluationConfig, evaluate
from embrec.models.interface import Stateful


class Remembers:
    """Scores an item by how often it was observed, and keeps what it has observed before each question."""

    def __init__(self, log, trained):
        self.known = torch.ones(N_ITEMS + 1, dtype=torch.bool)
        self.counts = torch.zeros(N_ITEMS + 1)
        self.seen = [(int(log.user[e]), int(log.item[e]) + 1, int(log.time[e])) for e in trained]
        self.trained = len(self.seen)
        self.asked = []

    def observe(self, events):
        self.seen += list(zip(events.user.tolist(), events.item.tolist(), events.time.tolist(), strict=True))
        self.counts[events.item] += 1

    def score(self, batch, candidates=None):
        self.asked += [
            (int(user), int(time), list(self.seen)) for user, time in zip(batch.user, batch.query_time, strict=True)
        ]
        scores = self.counts.expand(len(batch.items), -1)
        return scores if candidates is None else scores.gather(1, candidates)

    def state_dict(self):
        return {"counts": self.counts}

    def load_state_dict(self, state):
        self.counts.copy_(state["counts"])

    def reset(self):
        self.counts.zero_()

    def parameters(self):
        return iter(())

    def to(self, device):
        return self

    def cached(self):
        raise AssertionError("what is held in memory would not change with the state")

    factors = queries = catalog = cached

    def eval(self):
        return self


def shuffled_log(seed=0):
    """A log whose users' events are mixed in time, with ties between users."""
    log = toy_log(n_users=15, seed=seed)
    time = np.random.default_rng(seed).integers(0, 60, len(log))
    return Interactions.from_events(log.user_ids, log.user, log.item, time)


LOG = shuffled_log()


@pytest.mark.parametrize("split", [LeaveOneOut(), GlobalTime(train=0.5, valid=0.2), ItemHoldout(fraction=0.2, seed=3)])
@pytest.mark.parametrize("which", ["valid", "test"])
@pytest.mark.parametrize("candidates", ["all", "sampled:count=3:exclude=nothing"])
def test_a_target_is_scored_when_all_earlier_events_were_observed(split, which, candidates):
    partition = split(LOG, N_ITEMS)
    targets = getattr(partition, which)
    hidden = partition.hidden if which == "valid" else None
    train = partition.train.events(LOG)
    model = Remembers(LOG, train)
    config = EvaluationConfig(candidates=candidates, batch_size=2)
    found = evaluate(model, LOG, partition, targets, config, max_length=50, hidden=hidden)
    assert len(model.asked) == len(found) == len(targets)
    assert (found.event == targets.events(LOG)).all()

    last = {int(user): int(targets.position[targets.user == user].max()) for user in np.unique(targets.user)}
    later = [
        event
        for event in range(len(LOG))
        if event not in set(train.tolist())
        and LOG.position[event] <= last.get(int(LOG.user[event]), -1)
        and (hidden is None or not hidden[LOG.item[event]])
    ]
    trained = sorted((int(LOG.user[e]), int(LOG.item[e]) + 1, int(LOG.time[e])) for e in train)
    for _, time, seen in model.asked:
        expected = [(int(LOG.user[e]), int(LOG.item[e]) + 1, int(LOG.time[e])) for e in later if LOG.time[e] < time]
        assert sorted(seen) == sorted(trained + expected)
        own = [event[2] for event in seen[model.trained :]]
        assert own == sorted(own)
    assert [time for _, time, _ in model.asked] == sorted(time for _, time, _ in model.asked)


def test_the_state_is_restored_even_after_an_error():
    partition = LeaveOneOut()(LOG, N_ITEMS)
    model = Remembers(LOG, partition.train.events(LOG))
    assert isinstance(model, Stateful)
    model.counts += 3
    evaluate(model, LOG, partition, partition.test, EvaluationConfig(), max_length=50)
    assert (model.counts == 3).all()

    def fail(task, done, total, note=""):
        if done > 5:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        evaluate(model, LOG, partition, partition.test, EvaluationConfig(), max_length=50, progress=fail)
    assert (model.counts == 3).all()


def test_what_training_has_learned_from_is_not_observed_again():
    partition = LeaveOneOut()(LOG, N_ITEMS)
    learned = partition.with_validation(LOG)
    model = Remembers(LOG, learned.train.events(LOG))
    evaluate(model, LOG, partition, partition.test, EvaluationConfig(), max_length=50, learned=learned)
    assert max(len(seen) for _, _, seen in model.asked) <= len(LOG)


def test_validation_does_not_depend_on_test_events():
    partition = LeaveOneOut()(LOG, N_ITEMS)
    item = LOG.item.copy()
    test = partition.test.events(LOG)
    item[test] = (item[test] + 7) % N_ITEMS
    changed = Interactions(LOG.user_ids, LOG.user, item, LOG.time)
    ranks = [
        evaluate(
            Remembers(log, partition.train.events(log)),
            log,
            partition,
            partition.valid,
            EvaluationConfig(),
            max_length=50,
        ).rank
        for log in (LOG, changed)
    ]
    assert (ranks[0] == ranks[1]).all()
