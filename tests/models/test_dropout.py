"""Dropout drops its share, keeps the mean, and follows torch's generator."""

import pytest
import torch

from embrec.models.dropout import dropout


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5, 0.9])
def test_a_share_is_dropped_and_the_mean_stays(share):
    torch.manual_seed(0)
    kept = dropout(torch.ones(1000, 1003), share, True)
    assert (kept == 0).float().mean().item() == pytest.approx(share, abs=0.002)
    assert kept.mean().item() == pytest.approx(1, abs=0.01)
    assert len(kept.unique()) == 2


def test_the_gradient_flows_where_entries_were_kept():
    x = torch.rand(7, 3, dtype=torch.float64, requires_grad=True)
    kept = dropout(x, 0.4, True)
    kept.sum().backward()
    torch.testing.assert_close(x.grad * x, kept)


def test_the_same_state_of_the_generator_drops_the_same_entries():
    x = torch.ones(50, 50)
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first, second = dropout(x, 0.5, True), dropout(x, 0.5, True)
    assert not torch.equal(first, second)
    torch.set_rng_state(state)
    assert torch.equal(dropout(x, 0.5, True), first)
    assert torch.equal(dropout(x, 0.5, True), second)


def test_nothing_is_dropped_outside_training_or_of_nothing():
    x = torch.ones(5)
    assert dropout(x, 0.5, False) is x
    assert dropout(x, 0.0, True) is x
    assert dropout(torch.ones(0, 3), 0.5, True).shape == (0, 3)
