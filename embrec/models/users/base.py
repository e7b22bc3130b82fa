"""The base class of the user vectors."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from embrec.data.batches import Batch


class UserVector(nn.Module, ABC):
    """Gives a vector of each history's user, which the sequence encoder and the scorer receive.

    Attributes:
        dim: length of a vector, d_u; 0 if there is none.
        inductive: True if users without training events get a meaningful vector.
    """

    dim: int
    inductive: bool

    @abstractmethod
    def forward(self, batch: Batch, items: Tensor) -> Tensor | None:
        """Return the user vectors of a batch.

        Args:
            batch: B histories; `batch.user` is -1 where the user is not one of the training log.
            items: item vectors of the catalog, [n + 1, d].

        Returns:
            [B, d_u], or None if the model has no user vectors.
        """
