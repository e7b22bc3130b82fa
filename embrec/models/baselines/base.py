"""The base classes of the baselines: models that fit by counting, without gradient steps."""

from abc import ABC, abstractmethod
from typing import Self

import torch
from torch import Tensor

from embrec.data.batches import Batch
from embrec.data.interactions import Interactions
from embrec.data.splits import Partition
from embrec.models.factors import Factors, Queries, product_scores
from embrec.models.interface import Step


class Baseline(ABC):
    """A `SequenceModel` that fits on training events in one pass.

    A baseline whose scores are sums of products is a `FactorisedBaseline`; any other gives whole rows of scores.

    Attributes:
        reads: number of last events of a history that the scores depend on.
    """

    reads: int = 1

    @abstractmethod
    def fit(self, interactions: Interactions, partition: Partition) -> None:
        """Learn from the training events of the partition, and from nothing else."""

    @abstractmethod
    def score(self, batch: Batch, candidates: Tensor | None = None) -> Tensor:
        """Score items as the one that follows each history; see `SequenceModel.score`."""

    def cached(self) -> Self:
        """Return the baseline itself: it holds what it has counted."""
        return self

    def catalog(self) -> Tensor:
        """Return an empty matrix, [0, 0]: there are no item vectors."""
        return torch.empty(0, 0)

    def factors(self) -> Factors | None:
        """Return None: the scores are no sums of products."""
        return None

    def queries(self, batch: Batch, at: Step | None = None) -> Queries:
        """Return the histories' factor of the scores; see `SequenceModel.queries`.

        Raises:
            TypeError: the scores are no sums of products.
        """
        raise TypeError(f"the scores of {type(self).__name__} are no sums of products")

    def eval(self) -> Self:
        """Do nothing: there is no dropout to turn off."""
        return self


class FactorisedBaseline(Baseline):
    """A baseline whose scores are sums of products of queries and items."""

    @abstractmethod
    def catalog(self) -> Tensor:
        """Return the vectors of the catalog, row 0 zero, [n + 1, d]."""

    @abstractmethod
    def queries(self, batch: Batch, at: Step | None = None) -> Queries:
        """Return the histories' factor of the scores; see `SequenceModel.queries`."""

    def factors(self) -> Factors:
        """Return the catalog's factor of the scores; every item can be scored."""
        matrix = self.catalog()
        scorable = torch.ones(len(matrix), dtype=torch.bool)
        scorable[0] = False
        return Factors(matrix, scorable)

    def score(self, batch: Batch, candidates: Tensor | None = None) -> Tensor:
        """Score items as the one that follows each history; see `SequenceModel.score`."""
        return product_scores(self.factors(), self.queries(batch), candidates)


def steps_of(batch: Batch, at: Step | None) -> Step:
    """Return row and step of each query: the given ones, or the last step of each row, -1 where it has no events."""
    return (torch.arange(len(batch.items)), batch.lengths - 1) if at is None else at
