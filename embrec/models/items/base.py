"""The base class of the item encoders."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn import functional as F


class ItemEncoder(nn.Module, ABC):
    """Turns items into the vectors that the sequence encoder reads and the queries are compared with.

    A subclass implements `all_items`; it also implements `encode` if it can represent items from outside the catalog.

    Attributes:
        out_dim: length of an item vector, d.
        inductive: True if items without training events get a meaningful vector.
    """

    out_dim: int
    inductive: bool

    @abstractmethod
    def all_items(self) -> Tensor:
        """Return the vectors of the whole catalog, row 0 (padding) zero, [n + 1, d]."""

    def forward(self, ids: Tensor) -> Tensor:
        """Return the vectors of tensor ids of any shape, [..., d]."""
        return F.embedding(ids, self.all_items())

    def encode(self, features: Mapping[str, Tensor]) -> Tensor:
        """Encode items from outside the catalog, without dropout or gradients.

        An item's vector does not depend on the other items of the call, to the last bit. It agrees with that of a catalog item
        with the same features up to rounding.

        Args:
            features: source name -> feature vectors, [k, d_s].

        Returns:
            Item vectors, [k, d].

        Raises:
            TypeError: the encoder knows items only by identity.
        """
        raise TypeError(f"{type(self).__name__} knows items by identity only and cannot encode new ones")
