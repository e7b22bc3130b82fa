"""PopRec: everybody gets what was bought most, counted over training events (spec 1.12)."""

import numpy as np
import torch
from torch import Tensor

from embrec.data.batches import Batch
from embrec.data.interactions import Interactions
from embrec.data.splits import Partition
from embrec.models.baselines.base import Baseline


class PopRec(Baseline):
    """Scores an item by its number of training events; what was never bought ranks last, all alike."""

    def fit(self, interactions: Interactions, partition: Partition) -> None:
        """Count the training events of each item."""
        items = interactions.item[partition.train.events(interactions)]
        counts = np.bincount(items + 1, minlength=len(partition.train_items) + 1)
        self._counts = torch.from_numpy(counts).float()

    def item_matrix(self) -> Tensor:
        """Return the counts, [n + 1, 1]."""
        return self._counts[:, None]

    def queries(
        self, batch: Batch, item_matrix: Tensor | None = None, at: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """Return the same for every history, [B, 1]; see `Recommender.queries`."""
        return torch.ones(len(batch.items if at is None else at[0]), 1)
