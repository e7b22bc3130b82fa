"""The rows of a training and their order: shuffled histories, or events in the order of time."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embrec.data.batches import Batch, BucketSampler, collate
from embrec.data.events import Events
from embrec.data.sequences import Sequences
from embrec.training.config import TrainingConfig


class TrainingRows(Protocol):
    """What the trainer reads of its data.

    Attributes:
        steps: number of steps with a loss of each row, [R].
    """

    @property
    def steps(self) -> NDArray[np.int64]:
        """The number of steps with a loss of each row, [R]."""
        ...

    def epoch(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return the rows of each batch of an epoch."""
        ...

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """Gather rows into a batch."""
        ...

    def events(self, rows: NDArray[np.int64]) -> Events | None:
        """Return what a stateful model observes after a step on these rows; None for rows that are no events."""
        ...


class ShuffledHistories:
    """Histories in batches of like length, in another order every epoch.

    Args:
        sequences: rows in which each event predicts the next one, or rows with a target each.
        config: sizes of the batches, and the seed.
    """

    def __init__(self, sequences: Sequences, config: TrainingConfig) -> None:
        self.sequences = sequences
        self.steps = sequences.steps
        self._sampler = BucketSampler(
            sequences.inputs,
            config.batch_size,
            tokens=config.batch_tokens,
            bucket=config.bucket,
            seed=config.seed,
        )
        self._first_only = config.negatives.frozen

    def epoch(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return the rows of each batch of an epoch; those of the first one if the negatives are frozen."""
        return self._sampler.epoch(0 if self._first_only else epoch)

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """Gather rows into a batch."""
        return collate(self.sequences, rows)

    def events(self, rows: NDArray[np.int64]) -> None:
        """Return None: nothing is observed."""
        return None
