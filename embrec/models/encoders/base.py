"""What every sequence encoder offers."""

from typing import Any

from torch import Tensor, nn


class SequenceEncoder(nn.Module):
    """Base of the sequence encoders: from the vectors of a history to what a query is made of.

    Attributes:
        out_dim: h, the length of an output.
        causal: whether the output at a step is the same whatever follows, as all are that can serve one event at a time.
    """

    out_dim: int
    causal: bool = True

    def forward(self, x: Tensor, lengths: Tensor, user: Tensor | None = None, dt: Tensor | None = None) -> Tensor:
        """Read right-padded histories; the output at a step depends on that and earlier steps, [B, L, h].

        Outputs past a history's length are meaningless and must not be read.

        Args:
            x: item vectors, [B, L, d].
            lengths: valid steps of each history, [B].
            user: user vectors, [B, d_u], for encoders that take one.
            dt: seconds since the event before, [B, L], for encoders that read them.
        """
        raise NotImplementedError

    def empty(self, size: int, like: Tensor) -> Tensor:
        """Return the output before the first event, zeros [size, h], with the device and type of `like`."""
        return like.new_zeros(size, self.out_dim)

    def init_state(self, size: int, like: Tensor) -> Any:
        """Return what `step` starts from: the state of `size` histories without an event."""
        raise NotImplementedError

    def step(self, x: Tensor, state: Any, user: Tensor | None = None) -> tuple[Tensor, Any]:
        """Read one more event of each history, x [B, d]; return the output [B, h] and the new state.

        It serves one event at a time, so it never drops anything.
        """
        raise NotImplementedError
