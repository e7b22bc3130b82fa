"""The events that a training reads, as plain arrays that several processes can share."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.data.interactions import Interactions
from embrec.data.sequences import Sequences, training_sequences
from embrec.data.splits import Partition


@dataclass(frozen=True)
class TrainingData:
    """The events that a training reads.

    Attributes:
        interactions: the log as the model reads it.
        partition: how it is divided, as `learned_partition` returns it.
        sequences: the training histories, of `max_length` steps at most.
        popularity: number of training events of each tensor id, [n + 1].
        max_length: largest number of steps of a history.
    """

    interactions: Interactions
    partition: Partition
    sequences: Sequences
    popularity: NDArray[np.int64]
    max_length: int

    @classmethod
    def of(cls, interactions: Interactions, partition: Partition, max_length: int) -> "TrainingData":
        """Gather what a training reads."""
        sequences = training_sequences(interactions, partition, max_length)
        return cls(interactions, partition, sequences, popularity(interactions, partition).numpy(), max_length)


def popularity(interactions: Interactions, partition: Partition) -> Tensor:
    """Return the number of training events of each tensor id, [n + 1]."""
    return torch.nn.functional.pad(torch.from_numpy(partition.training_counts(interactions)), (1, 0))
