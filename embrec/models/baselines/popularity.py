"""PopRec: everybody gets what was bought most, counted over training events (spec 1.12)."""

import numpy as np
import torch
from torch import Tensor

from embrec.data.batches import Batch
from embrec.data.interactions import Interactions
from embrec.data.splits import Partition
from embrec.models.baselines.base import Baseline, of_candidates


class PopRec(Baseline):
    """Scores an item by its number of training events; what was never bought ranks last, all alike."""

    def fit(self, interactions: Interactions, partition: Partition) -> None:
        """Count the training events of each item."""
        items = interactions.item[partition.train.events(interactions)]
        counts = np.bincount(items + 1, minlength=len(partition.train_items) + 1)
        self._counts = torch.from_numpy(counts).float()
        self._counts[0] = -torch.inf

    def item_matrix(self) -> Tensor:
        """Return the counts, [n + 1, 1]."""
        return self._counts[:, None]

    def score(self, batch: Batch, candidates: Tensor | None = None, item_matrix: Tensor | None = None) -> Tensor:
        """Score every history alike; see `Recommender.score`."""
        return of_candidates(self._counts.expand(len(batch.items), -1), candidates)
