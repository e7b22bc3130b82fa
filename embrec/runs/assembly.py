"""A trainer composed from data and configuration, for a run or for a trial of a search."""

from pathlib import Path

import torch

from embrec.data.interactions import Interactions
from embrec.data.splits import Partition
from embrec.data.training_data import TrainingData
from embrec.evaluation.evaluator import evaluate
from embrec.evaluation.metrics import lower_is_better
from embrec.models.inputs import CatalogInputs
from embrec.models.training_rows import training_rows
from embrec.models.zoo import build_model
from embrec.progress import Progress, silent
from embrec.runs.config import RunConfig
from embrec.training.loop.trainer import OnEpoch, Trainer, Validation


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
    rows = training_rows(model, data, max_length, config.training, fixed=config.training.negatives.frozen)
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
        rows,
        torch.tensor(data.popularity),
        validate if len(partition.valid) else None,
        config.training,
        checkpoint=checkpoint,
        fingerprint=fingerprint,
        on_epoch=on_epoch,
        progress=progress,
        shard=shard,
    )


def metric_names(config: RunConfig) -> tuple[str, ...]:
    """Return the metrics to compute, including the one that chooses the epoch."""
    return tuple(dict.fromkeys((*config.evaluation.metrics, config.training.select_by)))
