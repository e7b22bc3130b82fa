"""The configuration of a run: everything that it depends on beside the data."""

from typing import Any

from pydantic import ConfigDict, model_validator

from embrec.data.splits import LeaveOneOut, SplitConfig
from embrec.evaluation.evaluator import EvaluationConfig
from embrec.models.registry import MODELS, ModelConfig
from embrec.training.config import TrainingConfig
from embrec.training.objectives.scored import refusal
from embrec.validation import Checked


class RunConfig(Checked):
    """Everything a run depends on besides the data: what `config.yaml` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    category: str
    split: SplitConfig = LeaveOneOut()
    model: ModelConfig
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    def identity(self, *, training: set[str], model: set[str] | None = None) -> dict[str, Any]:
        """Return the plain values that identify runs and comparisons.

        Args:
            training: settings of the training that are left out.
            model: likewise of the model.
        """
        values = self.model_dump(mode="json", exclude={"training": training, "model": model or set()})
        if self.training.learn_from == "train":
            # The setting is younger than many runs: without its default they are named as they were, and are found again.
            del values["training"]["learn_from"]
        return values

    @model_validator(mode="after")
    def _loss_fits_the_model(self) -> "RunConfig":
        if self.training.loss.needs == "nothing":
            self.model.check_fixed_targets(self.training.loss.name)
        return self

    @model_validator(mode="after")
    def _negatives_fit_the_model(self) -> "RunConfig":
        if self.model.kind in MODELS and MODELS[self.model.kind].scored:
            message = refusal(self.training.loss, self.training.negatives)
            if message:
                raise ValueError(message)
        return self
