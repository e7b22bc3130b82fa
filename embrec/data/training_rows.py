"""The rows of a training and their order: shuffled histories, or events in the order of time."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embrec.data.batches import Batch, BucketSampler, collate
from embrec.data.events import Events
from embrec.data.sequences import Sequences


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


class Batching(Protocol):
    """Settings of the batches; `TrainingConfig` has them.

    Attributes:
        batch_size: number of rows of a batch.
        batch_tokens: number of events of a batch, padding included; replaces `batch_size`.
        bucket: True for batches of rows of like length.
        seed: seed of the order.
    """

    @property
    def batch_size(self) -> int: ...  # noqa: D102
    @property
    def batch_tokens(self) -> int | None: ...  # noqa: D102
    @property
    def bucket(self) -> bool: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102


class ShuffledHistories:
    """Histories in batches of like length, in another order every epoch.

    Args:
        sequences: rows in which each event predicts the next one, or rows with a target each.
        batching: sizes of the batches, and the seed.
        fixed: True for the batches of the first epoch in every epoch.
    """

    def __init__(self, sequences: Sequences, batching: Batching, *, fixed: bool = False) -> None:
        self.sequences = sequences
        self.steps = sequences.steps
        self._sampler = BucketSampler(
            sequences.inputs,
            batching.batch_size,
            tokens=batching.batch_tokens,
            bucket=batching.bucket,
            seed=batching.seed,
        )
        self._fixed = fixed

    def epoch(self, epoch: int) -> list[NDArray[np.int64]]:
        """Return the rows of each batch of an epoch."""
        return self._sampler.epoch(0 if self._fixed else epoch)

    def batch(self, rows: NDArray[np.int64]) -> Batch:
        """Gather rows into a batch."""
        return collate(self.sequences, rows)

    def events(self, rows: NDArray[np.int64]) -> None:
        """Return None: nothing is observed."""
        return None
