"""PopRec: everybody gets what was bought most, counted over training events."""

import torch
from torch import Tensor
from torch.nn import functional as F

from embrec.data.batches import Batch
from embrec.data.interactions import Interactions
from embrec.data.splits import Partition
from embrec.models.baselines.base import FactorisedBaseline
from embrec.models.baselines.registry import BaselineRegistration
from embrec.models.factors import Queries
from embrec.models.interface import Step


class PopRec(FactorisedBaseline):
    """Scores an item by its number of training events; what was never bought ranks last, all alike."""

    def fit(self, interactions: Interactions, partition: Partition) -> None:
        """Count the training events of each item."""
        self._counts = F.pad(torch.from_numpy(partition.training_counts(interactions)).float(), (1, 0))

    def catalog(self) -> Tensor:
        """Return the counts, [n + 1, 1]."""
        return self._counts[:, None]

    def queries(self, batch: Batch, at: Step | None = None) -> Queries:
        """Return the same query for every history, [B, 1]; see `SequenceModel.queries`."""
        return Queries(torch.ones(len(batch.items if at is None else at[0]), 1))


POPULARITY = BaselineRegistration(
    "pop",
    lambda _: PopRec(),
    title="Popularity",
    knows="which lists the same for everyone",
    about="Popularity lists the items with the most training events, the same for everyone.",
)
