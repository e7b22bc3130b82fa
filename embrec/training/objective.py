"""From a batch to the number that is minimised."""

import torch
from torch import Tensor

from embrec.data.batches import Batch
from embrec.models.losses.cross_entropy import catalog_cross_entropy
from embrec.models.recommender import Recommender


class CatalogObjective:
    """Cross-entropy of each valid step over all training items, averaged over the steps of the batch (token mean).

    Items without a training event are no candidates: as eternal negatives they would be pushed down for being new.

    Args:
        known: True for the items with training events, [n + 1].
    """

    def __init__(self, known: Tensor) -> None:
        self.candidates = known.nonzero().squeeze(1)  # tensor ids, [C]
        self.column = torch.zeros(len(known), dtype=torch.long, device=known.device)
        self.column[self.candidates] = torch.arange(len(self.candidates), device=known.device)

    def __call__(self, model: Recommender, batch: Batch) -> tuple[Tensor, int]:
        """Return the mean loss and the number of steps it is the mean of."""
        queries, items, targets = model.training_steps(batch)
        losses = catalog_cross_entropy(queries, items[self.candidates], self.column[targets])
        return losses.mean(), len(losses)
