"""A trainer composed from data and configuration, for a run or for a trial of a search."""

from functools import partial
from pathlib import Path

import torch

from embrec.data.interactions import Interactions
from embrec.data.splits import Partition
from embrec.data.training_data import TrainingData
from embrec.models.inputs import CatalogInputs
from embrec.models.training_rows import training_rows
from embrec.models.zoo import build_model
from embrec.progress import Progress, silent
from embrec.runs.config import RunConfig
from embrec.runs.validation import Validator
from embrec.training.loop.trainer import OnEpoch, Trainer


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
    training, max_length = config.training, config.model.max_length
    validator = Validator(data, config.evaluation, training.select_by, max_length, device, progress)
    torch.manual_seed(training.seed)
    model = build_model(config.model, inputs.select(config.model.features))
    model.to(device)
    rows = training_rows(model, data, max_length, training, fixed=training.negatives.frozen)
    return Trainer(
        model,
        rows,
        torch.tensor(data.popularity),
        partial(validator, model) if len(data.partition.valid) else None,
        training,
        checkpoint=checkpoint,
        fingerprint=fingerprint,
        on_epoch=on_epoch,
        progress=progress,
        shard=shard,
    )
