"""The absence of a user vector."""

from torch import Tensor

from embrec.data.batches import Batch
from embrec.models.users.base import UserVector


class NoUser(UserVector):
    """No user vector: the history is all that the model knows of a user, so that any visitor can be served."""

    dim = 0
    inductive = True

    def forward(self, batch: Batch, items: Tensor) -> Tensor | None:
        """Return None; see `UserVector`."""
        return None
