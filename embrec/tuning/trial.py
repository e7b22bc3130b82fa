"""One trial of a search: a training that runs one epoch at a time, so that a scheduler can stop it in between."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from embrec.data.training_data import TrainingData
from embrec.errors import RunError
from embrec.evaluation.metrics import lower_is_better
from embrec.models.inputs import InputArrays
from embrec.runs.assembly import make_trainer
from embrec.runs.config import RunConfig
from embrec.runs.presets import changed_config


@dataclass(frozen=True)
class SharedData:
    """The data of a search, which all trials on a machine read from shared memory.

    Attributes:
        base: the configuration that trials change, as plain values.
        data: histories and targets of training and validation.
        inputs: inputs of all feature tables that a trial may read, by full name, and what else the model reads of the catalog.
        fingerprint: hash of data and configuration; see `run_fingerprint`.
        made_of: hashes of the data, as plain values; see `MadeOf`. Trials do not read it.
    """

    base: Mapping[str, Any]
    data: TrainingData
    inputs: InputArrays
    fingerprint: str
    made_of: Mapping[str, Any] | None = None


class TrialTraining:
    """A training in steps of one epoch, which resumes from its checkpoint.

    Args:
        shared: data of the search.
        settings: settings of this trial, dotted key -> value.
        checkpoint: path of the checkpoint.
        reported: number of epochs that the log already has. Later epochs of the checkpoint are returned again, one per step,
            without training.
        device: device to train on.

    Raises:
        ConfigError: the settings do not fit together.
    """

    def __init__(
        self,
        shared: SharedData,
        settings: Mapping[str, Any],
        checkpoint: Path,
        reported: int = 0,
        device: str = "cpu",
    ) -> None:
        config = changed_config(RunConfig.model_validate(shared.base), settings)
        inputs = shared.inputs.inputs(config.model.features)
        config.model.check([table.dim for table in inputs.tables.values()])
        config.training.negatives.check(int(shared.data.partition.train_items.sum()))
        self.sign = -1 if lower_is_better(config.training.select_by) else 1
        self.objective = f"valid {config.training.select_by}"
        self.reported = reported
        self.trainer = make_trainer(
            config,
            shared.data,
            inputs,
            torch.device(device),
            checkpoint=checkpoint,
            fingerprint=f"{shared.fingerprint} {sorted(settings.items())}",
        )
        try:
            self.trainer.begin()
        except RunError:  # without a readable checkpoint, the epochs are trained again
            checkpoint.unlink()

    def step(self) -> dict[str, Any]:
        """Return the record of the next epoch, training it if the checkpoint does not have it.

        Raises:
            RunError: the loss or the gradient became NaN or infinite, or the disk is full.
        """
        state = self.trainer.state
        if self.reported >= len(state.history) and not state.finished:
            self.trainer.train_epoch()
        self.reported = min(self.reported + 1, len(state.history))
        return dict(state.history[self.reported - 1])

    @property
    def best(self) -> float | None:
        """The best value of the objective up to the last epoch that was returned; None if none was validated."""
        records = self.trainer.state.history[: self.reported]
        values = [record[self.objective] for record in records if self.objective in record]
        return max(values, key=lambda value: self.sign * value) if values else None

    @property
    def over(self) -> bool:
        """True if the training has finished and all of its epochs were reported."""
        state = self.trainer.state
        return state.finished and self.reported >= len(state.history)
