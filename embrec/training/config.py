"""How a model is trained, as plain values."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from embrec.data.splits import LeaveOneOut, SplitConfig
from embrec.evaluation.evaluator import EvaluationConfig
from embrec.models.config import ModelConfig


class TrainingConfig(BaseModel):
    """The optimiser, the batches, and when to stop."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    loss: Annotated[Literal["cross-entropy"], Field(description="over the full catalog of training items")] = (
        "cross-entropy"
    )
    epochs: Annotated[int, Field(ge=1, description="at most")] = 30
    batch_size: Annotated[int, Field(ge=1, description="histories a step")] = 128
    learning_rate: Annotated[float, Field(gt=0, description="of Adam")] = 1e-3
    weight_decay: Annotated[float, Field(ge=0, description="L2 on all weights, decoupled (AdamW)")] = 0.0
    clip_norm: Annotated[float, Field(ge=0, description="largest norm of the gradient; 0 = no limit")] = 0.0
    select_by: Annotated[str, Field(description="validation metric that chooses the best epoch")] = "ndcg@10"
    patience: Annotated[int, Field(ge=1, description="epochs without a better value before stopping")] = 3
    seed: Annotated[int, Field(ge=0, description="of the weights, the order of batches and dropout")] = 0
    device: Annotated[str, Field(description="auto, cpu, cuda or cuda:N")] = "auto"
    checkpoint_seconds: Annotated[float, Field(ge=0, description="time between checkpoints within an epoch")] = 60.0


class RunConfig(BaseModel):
    """Everything a run depends on besides the data: what `config.yaml` holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    category: str
    split: SplitConfig = LeaveOneOut()
    model: ModelConfig
    training: TrainingConfig = TrainingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
