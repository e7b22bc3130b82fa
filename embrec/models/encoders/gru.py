"""Gated recurrent units: the cell of the published EmbRec, and torch's fast one.

The published cell is TensorFlow 1's `GRUCell` with a ReLU candidate. It has the form of [cho2014] that applies the reset gate
before the matrix product. torch's cell applies it after the product. The two are different functions, so a model trained with
one cannot be served with the other.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from embrec.data.batches import Batch
from embrec.models.dropout import dropout
from embrec.models.encoders.base import SequenceEncoder


class PublishedGRU(SequenceEncoder):
    """The GRU in the code of [semikin2019]: reset gate before the matrix product, ReLU instead of tanh.

    Use it to reproduce published results of EmbRec; `FastGRU` is faster.

    For input x and state h: gates [r, u] = sigmoid([x; h] W_g + b_g), where b_g starts at 1; candidate
    c = ReLU([x; r * h] W_c + b_c); new state h' = u * h + (1 - u) * c. Source: [cho2014].

    Args:
        in_dim: length of an input vector, d.
        units: length of the state, h.
        dropout: dropout rate of the outputs; the state is carried on without dropout.

    Examples:
        >>> encoder = PublishedGRU(in_dim=3, units=2)
        >>> output, state = encoder.step(torch.ones(1, 3), encoder.init_state(1, torch.ones(1)))
        >>> output.shape
        torch.Size([1, 2])
    """

    def __init__(self, in_dim: int, units: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.out_dim = units
        self.dropout = dropout
        self.gates = nn.Linear(in_dim + units, 2 * units)
        self.candidate = nn.Linear(in_dim + units, units)
        nn.init.xavier_uniform_(self.gates.weight)
        nn.init.ones_(self.gates.bias)
        nn.init.xavier_uniform_(self.candidate.weight)
        nn.init.zeros_(self.candidate.bias)

    def init_state(self, size: int, like: Tensor) -> Tensor:
        """Return the state before the first event, zeros [size, h]."""
        return self.empty(size, like)

    def forward(self, x: Tensor, batch: Batch, user: Tensor | None = None) -> Tensor:
        """Read right-padded histories; see `SequenceEncoder`."""
        in_dim = x.shape[-1]
        # The inputs' part of both products does not depend on the state: one large product instead of L small ones.
        gates_of_x = F.linear(x, self.gates.weight[:, :in_dim], self.gates.bias).unbind(1)
        candidate_of_x = F.linear(x, self.candidate.weight[:, :in_dim], self.candidate.bias).unbind(1)
        gates_weight, candidate_weight = self.gates.weight[:, in_dim:].T, self.candidate.weight[:, in_dim:].T
        state = self.init_state(len(x), x)
        states = []
        for gates_x, candidate_x in zip(gates_of_x, candidate_of_x, strict=True):
            reset, update = torch.sigmoid(torch.addmm(gates_x, state, gates_weight)).chunk(2, dim=1)
            candidate = F.relu(torch.addmm(candidate_x, reset * state, candidate_weight))
            state = torch.lerp(candidate.to(x.dtype), state, update.to(x.dtype))  # in full precision under autocast too
            states.append(state)
        return dropout(torch.stack(states, dim=1), self.dropout, self.training)

    def step(self, x: Tensor, state: Tensor, user: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Read one more event of each history, x [B, d] with state [B, h]; return the output and the new state."""
        reset, update = torch.sigmoid(self.gates(torch.cat([x, state], dim=1))).chunk(2, dim=1)
        candidate = F.relu(self.candidate(torch.cat([x, reset * state], dim=1)))
        state = torch.lerp(candidate, state, update)
        return state, state


class FastGRU(SequenceEncoder):
    """torch's GRU (tanh candidate, reset gate after the matrix product), which runs as one fused kernel.

    Use it unless you reproduce published results of EmbRec; GRU4Rec is built on it.

    For input x and state h: r, u = sigmoid of linear layers of x and h; c = tanh(W x + b + r * (V h + b'));
    h' = u * h + (1 - u) * c. Source: [cho2014].

    Args:
        in_dim: length of an input vector, d.
        units: length of the state, h.
        dropout: dropout rate of the outputs.
        input_dropout: dropout rate of the inputs.

    Examples:
        >>> encoder = FastGRU(in_dim=3, units=2)
        >>> output, state = encoder.step(torch.ones(1, 3), encoder.init_state(1, torch.ones(1)))
        >>> output.shape
        torch.Size([1, 2])
    """

    def __init__(self, in_dim: int, units: int, dropout: float = 0.0, input_dropout: float = 0.0) -> None:
        super().__init__()
        self.out_dim = units
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.gru = nn.GRU(in_dim, units, batch_first=True)

    def init_state(self, size: int, like: Tensor) -> Tensor:
        """Return the state before the first event, zeros [size, h]."""
        return self.empty(size, like)

    def forward(self, x: Tensor, batch: Batch, user: Tensor | None = None) -> Tensor:
        """Read right-padded histories; see `SequenceEncoder`."""
        states, _ = self.gru(dropout(x, self.input_dropout, self.training))
        return dropout(states, self.dropout, self.training)

    def step(self, x: Tensor, state: Tensor, user: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Read one more event of each history, x [B, d] with state [B, h]; return the output and the new state."""
        _, last = self.gru(x[:, None], state[None])
        return last[0], last[0]


CELLS: dict[str, type[PublishedGRU] | type[FastGRU]] = {"published": PublishedGRU, "fast": FastGRU}
