"""What the evaluator asks of a model without training."""

from abc import ABC, abstractmethod

from torch import Tensor

from embrec.data.batches import Batch
from embrec.data.interactions import Interactions
from embrec.data.splits import Partition


class Baseline(ABC):
    """Fits on training events in one pass and scores like a `Recommender`."""

    @abstractmethod
    def fit(self, interactions: Interactions, partition: Partition) -> None:
        """Learn from the training events of the partition, and from nothing else."""

    @abstractmethod
    def item_matrix(self) -> Tensor:
        """Return what `score` needs of the catalog, [n + 1, d]."""

    @abstractmethod
    def score(self, batch: Batch, candidates: Tensor | None = None, item_matrix: Tensor | None = None) -> Tensor:
        """Score items as what comes after each history; arguments and result as of `Recommender.score`."""

    def eval(self) -> "Baseline":
        """Do nothing: there is no dropout to turn off."""
        return self


def of_candidates(scores: Tensor, candidates: Tensor | None) -> Tensor:
    """Pick the candidates' columns [B, C] from scores of the whole catalog [B, n + 1]; all of them if None."""
    return scores if candidates is None else scores.gather(1, candidates)
