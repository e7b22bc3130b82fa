"""The validation of a model during its training."""

import torch

from embrec.data.training_data import TrainingData
from embrec.evaluation.evaluator import EvaluationConfig, evaluate
from embrec.evaluation.metrics import lower_is_better
from embrec.models.interface import SequenceModel
from embrec.progress import Progress
from embrec.training.loop.trainer import Validation


class Validator:
    """Ranks the validation targets by a model.

    Args:
        data: the log and its division; items that are hidden in validation are neither read nor ranked.
        protocol: how targets are ranked.
        select_by: the metric that chooses the epoch.
        max_length: longest history that the model reads, in events.
        device: device of the model.
        progress: called after every batch.
    """

    def __init__(
        self,
        data: TrainingData,
        protocol: EvaluationConfig,
        select_by: str,
        max_length: int,
        device: torch.device,
        progress: Progress,
    ) -> None:
        self.data = data
        self.protocol = protocol
        self.select_by = select_by
        self.max_length = max_length
        self.device = device
        self.progress = progress

    def __call__(self, model: SequenceModel) -> Validation:
        """Return the metrics of a model, and the value to be maximised over the epochs."""
        partition = self.data.partition
        evaluation = evaluate(
            model,
            self.data.interactions,
            partition,
            partition.valid,
            self.protocol,
            max_length=self.max_length,
            hidden=partition.hidden,
            device=self.device,
            progress=self.progress,
            task="validate",
        )
        metrics = evaluation.metrics(metric_names(self.protocol, self.select_by))["all"]
        value = metrics[self.select_by]
        return Validation(metrics, -value if lower_is_better(self.select_by) else value)


def metric_names(protocol: EvaluationConfig, select_by: str) -> tuple[str, ...]:
    """Return the metrics to compute, including the one that chooses the epoch."""
    return tuple(dict.fromkeys((*protocol.metrics, select_by)))
