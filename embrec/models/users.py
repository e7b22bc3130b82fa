"""User vectors: what a model knows of a user beside the history it reads."""

from torch import Tensor, nn

from embrec.data.batches import Batch


class NoUser(nn.Module):
    """No user vector: the history is all there is, so any visitor can be served."""

    dim = 0
    inductive = True

    def forward(self, batch: Batch, items: Tensor) -> Tensor | None:
        """Return None; other user vectors return [B, d_u] from the batch and the item vectors [n + 1, d]."""
        return None
