"""What the evaluator asks of a model without training."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor
from torch.nn import functional as F

from embrec.data.batches import Batch
from embrec.data.interactions import Interactions
from embrec.data.splits import Partition
from embrec.models.factors import Factors


class Baseline(ABC):
    """Fits on training events in one pass, and scores the items that may follow a history.

    One that scores by products of vectors is a `FactorisedBaseline`; any other gives whole rows of scores, a batch at a time.

    Attributes:
        reads: how many of the last events of a history the scores depend on.
    """

    reads: int = 1

    @abstractmethod
    def fit(self, interactions: Interactions, partition: Partition) -> None:
        """Learn from the training events of the partition, and from nothing else."""

    @abstractmethod
    def score(self, batch: Batch, candidates: Tensor | None = None, item_matrix: Tensor | None = None) -> Tensor:
        """Score items as what comes after each history; arguments and result as of `Recommender.score`."""

    def item_matrix(self) -> Tensor:
        """Return what `score` and `queries` need of the catalog: nothing where scores are no products."""
        return torch.empty(0, 0)

    def factors(self, item_matrix: Tensor | None = None) -> Factors | None:
        """Return the catalog's side of the scores; None where they are no products of vectors."""
        return None

    def queries(
        self, batch: Batch, item_matrix: Tensor | None = None, at: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """Return the histories' side of the scores; arguments and result as of `Recommender.queries`.

        Raises:
            NotImplementedError: the scores are no products of vectors.
        """
        raise NotImplementedError(f"the scores of {type(self).__name__} are no products of vectors")

    def eval(self) -> "Baseline":
        """Do nothing: there is no dropout to turn off."""
        return self


class FactorisedBaseline(Baseline):
    """Scores like a `Recommender`: by products of queries and item vectors."""

    @abstractmethod
    def item_matrix(self) -> Tensor:
        """Return the vectors of the catalog, row 0 zero, [n + 1, d]."""

    @abstractmethod
    def queries(
        self, batch: Batch, item_matrix: Tensor | None = None, at: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """Return the vectors of the histories; arguments and result as of `Recommender.queries`."""

    def factors(self, item_matrix: Tensor | None = None) -> Factors:
        """Return the catalog's side of the scores; every item can be scored."""
        matrix = self.item_matrix() if item_matrix is None else item_matrix
        scorable = torch.ones(len(matrix), dtype=torch.bool)
        scorable[0] = False
        return Factors(matrix, scorable)

    def score(self, batch: Batch, candidates: Tensor | None = None, item_matrix: Tensor | None = None) -> Tensor:
        """Score items as what comes after each history; arguments and result as of `Recommender.score`."""
        queries, items = self.queries(batch, item_matrix), self.factors(item_matrix).items
        if candidates is not None:
            return (F.embedding(candidates, items) @ queries[:, :, None]).squeeze(-1)
        scores = queries @ items.T
        scores[:, 0] = -torch.inf
        return scores
