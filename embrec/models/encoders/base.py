"""The base class of the sequence encoders."""

from abc import ABC, abstractmethod
from typing import Any

from torch import Tensor, nn

from embrec.data.batches import Batch


class SequenceEncoder(nn.Module, ABC):
    """Turns the item vectors of a history into the input of a query.

    A causal encoder gives one output per step, [B, L, h], that depends on that step and earlier ones. A pooled encoder gives
    one output per history, [B, h], and is trained on a row for each prefix of a history.

    A subclass implements `forward`; it also implements `init_state` and `step` if it can read one event at a time.

    Attributes:
        out_dim: length of an output, h.
        causal: True if the output at a step is the same whatever follows; only such encoders can serve one event at a time.
        pooled: True if there is one output per history.
    """

    out_dim: int
    causal: bool = True
    pooled: bool = False

    @abstractmethod
    def forward(self, x: Tensor, batch: Batch, user: Tensor | None = None) -> Tensor:
        """Read right-padded histories.

        Outputs past a history's length are meaningless and must not be read.

        Args:
            x: item vectors, [B, L, d].
            batch: the histories: lengths, times and context of the steps.
            user: user vectors, [B, d_u], for encoders that take one.

        Returns:
            [B, L, h], or [B, h] if the encoder is pooled.
        """

    def empty(self, size: int, like: Tensor) -> Tensor:
        """Return the output before the first event, zeros [size, h], with the device and type of `like`."""
        return like.new_zeros(size, self.out_dim)

    def init_state(self, size: int, like: Tensor) -> Any:
        """Return the state of `size` histories without an event, which `step` starts from.

        Raises:
            TypeError: the encoder reads whole histories only.
        """
        raise TypeError(self._whole_only)

    def step(self, x: Tensor, state: Any, user: Tensor | None = None) -> tuple[Tensor, Any]:
        """Read one more event of each history, without dropout.

        Args:
            x: item vectors of the events, [B, d].
            state: state of the histories so far.
            user: user vectors, [B, d_u], for encoders that take one.

        Returns:
            The output, [B, h], and the new state.

        Raises:
            TypeError: the encoder reads whole histories only.
        """
        raise TypeError(self._whole_only)

    @property
    def _whole_only(self) -> str:
        return f"{type(self).__name__} reads whole histories only, not one event at a time"
