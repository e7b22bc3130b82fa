"""A trial of a search: a training that pauses after each epoch, so that the search can stop it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from embrec.errors import RunError
from embrec.evaluation.metrics import lower_is_better
from embrec.models.inputs import InputArrays
from embrec.runs.assembly import TrainingData, make_trainer
from embrec.runs.config import RunConfig
from embrec.runs.presets import changed_config


@dataclass(frozen=True)
class SharedData:
    """The data that all trials on a machine share in memory.

    Attributes:
        base: configuration that trials change, as plain values.
        data: events to learn from.
        inputs: what trials read of the catalog, with every feature table that one of them may read.
        fingerprint: hash of configuration and data.
        made_of: hashes of the data as plain values, see `MadeOf`; trials do not read them.
    """

    base: Mapping[str, Any]
    data: TrainingData
    inputs: InputArrays
    fingerprint: str
    made_of: Mapping[str, Any] | None = None


class TrialTraining:
    """A training in steps of one epoch; made again with the same arguments, it continues from its checkpoint.

    Args:
        shared: data that all trials share.
        settings: settings of this trial, dotted key -> value.
        checkpoint: file of the resume state.
        heard: number of epochs that the search has recorded; finished ones after them are returned again, one a step.
        device: device to train on.

    Raises:
        ConfigError: the settings do not go together.
    """

    def __init__(
        self,
        shared: SharedData,
        settings: Mapping[str, Any],
        checkpoint: Path,
        heard: int = 0,
        device: str = "cpu",
    ) -> None:
        config = changed_config(RunConfig.model_validate(shared.base), settings)
        inputs = shared.inputs.inputs(config.model.features)
        config.model.check([table.dim for table in inputs.tables.values()])
        config.training.negatives.check(int(shared.data.partition.train_items.sum()))
        self.sign = -1 if lower_is_better(config.training.select_by) else 1
        self.objective = f"valid {config.training.select_by}"
        self.heard = heard
        self.trainer = make_trainer(
            config, shared.data, inputs, torch.device(device), checkpoint=checkpoint,
            fingerprint=f"{shared.fingerprint} {sorted(settings.items())}",
        )  # fmt: skip
        try:
            self.trainer.begin()
        except RunError:  # a checkpoint that cannot be read costs the epochs that it knew, and no more
            checkpoint.unlink()

    def step(self) -> dict[str, Any]:
        """Return the record of the next epoch, which is trained unless it is finished already.

        Raises:
            RunError: loss or gradient stopped being numbers, or the disk is full.
        """
        state = self.trainer.state
        if self.heard >= len(state.history) and not state.finished:
            self.trainer.train_epoch()
        self.heard = min(self.heard + 1, len(state.history))
        return dict(state.history[self.heard - 1])

    @property
    def best(self) -> float | None:
        """The best value of the objective up to the last epoch that was returned; None if none was validated."""
        records = self.trainer.state.history[: self.heard]
        values = [record[self.objective] for record in records if self.objective in record]
        return max(values, key=lambda value: self.sign * value) if values else None

    @property
    def over(self) -> bool:
        """True if the training is finished and all its epochs were returned."""
        state = self.trainer.state
        return state.finished and self.heard >= len(state.history)
