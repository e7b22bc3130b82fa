"""A trainer composed from data and configuration, for a run or for a trial of a search."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.data.interactions import Interactions
from embrec.data.sequences import Sequences, training_sequences
from embrec.data.splits import Partition
from embrec.evaluation.evaluator import evaluate
from embrec.evaluation.metrics import lower_is_better
from embrec.models.inputs import CatalogInputs
from embrec.models.interface import Factorised, Scored, Stateful
from embrec.models.zoo import build_model
from embrec.progress import Progress, silent
from embrec.runs.config import RunConfig
from embrec.training.loop.trainer import OnEpoch, Trainer, Validation
from embrec.training.streaming import TrainingStream


@dataclass(frozen=True)
class TrainingData:
    """The events that a training reads, as plain arrays that several processes can share.

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


def learned_partition(config: RunConfig, interactions: Interactions, partition: Partition) -> Partition:
    """Return the partition that a run learns from: the one of its split, or that with the validation events in training."""
    return partition if config.training.validates else partition.with_validation(interactions)


def make_trainer(
    config: RunConfig,
    data: TrainingData,
    inputs: CatalogInputs,
    device: torch.device,
    *,
    checkpoint: Path,
    fingerprint: str,
    on_epoch: OnEpoch | None = None,
    progress: Progress = silent,
    shard: tuple[int, int] = (0, 1),
) -> Trainer:
    """Return the trainer of a new model; it validates if the partition has validation targets.

    Args:
        config: configuration with the feature tables' full names.
        data: histories and partition to train on.
        inputs: what the model reads of the catalog; feature tables that it does not name are ignored.
        device: device to train on.
        checkpoint: file that a resume starts from.
        fingerprint: hash of configuration and data that the checkpoint belongs to.
        on_epoch: called with the record of each finished epoch.
        progress: called after every step.
        shard: (rank, world) of this process; see `Trainer`.
    """
    partition, max_length = data.partition, config.model.max_length
    torch.manual_seed(config.training.seed)
    model = build_model(config.model, inputs.select(config.model.features))
    model.to(device)
    names = metric_names(config)

    def validate() -> Validation:
        metrics = evaluate(
            model, data.interactions, partition, partition.valid, config.evaluation, max_length=max_length,
            hidden=partition.hidden, device=device, progress=progress, task="validate",
        ).metrics(names)["all"]  # fmt: skip
        value = metrics[config.training.select_by]
        return Validation(metrics, -value if lower_is_better(config.training.select_by) else value)

    return Trainer(
        model,
        training_rows(model, config, data),
        torch.tensor(data.popularity),
        validate if len(partition.valid) else None,
        config.training,
        checkpoint=checkpoint,
        fingerprint=fingerprint,
        on_epoch=on_epoch,
        progress=progress,
        shard=shard,
    )


def training_rows(model: Factorised | Scored, config: RunConfig, data: TrainingData) -> Sequences | TrainingStream:
    """Return what a model trains on: a history a row, a row for each prefix of one, or the events in the order of time."""
    max_length = config.model.max_length
    if isinstance(model, Stateful):
        return TrainingStream(data.interactions, data.partition, max_length, config.training.batch_size)
    if getattr(model, "prefixes", False):
        return training_sequences(data.interactions, data.partition, max_length, prefixes=True)
    if max_length != data.max_length:
        return training_sequences(data.interactions, data.partition, max_length)
    return data.sequences


def metric_names(config: RunConfig) -> tuple[str, ...]:
    """Return the metrics to compute, including the one that chooses the epoch."""
    return tuple(dict.fromkeys((*config.evaluation.metrics, config.training.select_by)))


def popularity(interactions: Interactions, partition: Partition) -> Tensor:
    """Return the number of training events of each tensor id, [n + 1]."""
    return torch.nn.functional.pad(torch.from_numpy(partition.training_counts(interactions)), (1, 0))
