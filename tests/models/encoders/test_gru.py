"""The published cell against the paper's formula written out by hand, and what any cell must promise."""

import numpy as np
import pytest
import torch
from support.toys import of_lengths

from embrec.models.encoders.gru import CELLS, PublishedGRU


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_published_cell_equals_the_formula_unrolled_by_hand():
    torch.manual_seed(0)
    cell = PublishedGRU(in_dim=3, units=4).double()
    x = torch.randn(1, 3, 3, dtype=torch.float64)
    gates, gates_bias = cell.gates.weight.detach().numpy(), cell.gates.bias.detach().numpy()
    candidate, candidate_bias = cell.candidate.weight.detach().numpy(), cell.candidate.bias.detach().numpy()
    state = np.zeros(4)
    expected = []
    for step in range(3):
        event = x[0, step].numpy()
        both = sigmoid(gates @ np.concatenate([event, state]) + gates_bias)
        reset, update = both[:4], both[4:]
        new = np.maximum(candidate @ np.concatenate([event, reset * state]) + candidate_bias, 0)
        state = update * state + (1 - update) * new
        expected.append(state)
    output = cell(x, of_lengths(3))
    np.testing.assert_allclose(output[0].detach().numpy(), np.stack(expected), rtol=1e-12)


def test_published_gates_start_open():
    cell = PublishedGRU(in_dim=3, units=4)
    assert torch.equal(cell.gates.bias, torch.ones(8))
    assert torch.equal(cell.candidate.bias, torch.zeros(4))


@pytest.mark.parametrize("name", CELLS)
def test_stepping_through_a_history_gives_the_same_outputs(name):
    torch.manual_seed(0)
    cell = CELLS[name](5, 6).eval()
    x = torch.randn(2, 4, 5)
    whole = cell(x, of_lengths(4, 4))
    state = cell.init_state(2, x)
    for step in range(4):
        output, state = cell.step(x[:, step], state)
        torch.testing.assert_close(output, whole[:, step])


@pytest.mark.parametrize("name", CELLS)
def test_dropout_is_off_outside_training(name):
    cell = CELLS[name](5, 64, dropout=0.5)
    x = torch.randn(2, 3, 5)
    lengths = of_lengths(3, 3)
    assert not torch.equal(cell.train()(x, lengths), cell(x, lengths))
    assert torch.equal(cell.eval()(x, lengths), cell(x, lengths))
