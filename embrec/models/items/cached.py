"""Item vectors that are held in memory instead of being computed."""

from collections.abc import Mapping

from torch import Tensor

from embrec.models.items.base import ItemEncoder


class CachedItems(ItemEncoder):
    """The vectors of a catalog as an item encoder.

    A loaded run has one, since its item vectors are saved with it and its feature tables are not. Evaluation and serving wrap
    a model's encoder in one, so that the catalog is encoded once and not at every batch.

    Args:
        matrix: item vectors, row 0 (padding) zero, [n + 1, d].
        encoder: the encoder that made them, which also encodes new items; None if there are no new items to encode.
        inductive: True if items without training events have a meaningful vector; that of `encoder` if there is one.
    """

    matrix: Tensor
    encoder: ItemEncoder | None

    def __init__(self, matrix: Tensor, encoder: ItemEncoder | None = None, *, inductive: bool = True) -> None:
        super().__init__()
        self.out_dim = matrix.shape[1]
        self.inductive = inductive if encoder is None else encoder.inductive
        self.encoder = encoder
        self.register_buffer("matrix", matrix, persistent=False)

    def all_items(self) -> Tensor:
        """Return the vectors, [n + 1, d]."""
        return self.matrix

    def encode(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the vectors of items outside the catalog, [k, d]; see `ItemEncoder.encode`."""
        return super().encode(features) if self.encoder is None else self.encoder.encode(features)
