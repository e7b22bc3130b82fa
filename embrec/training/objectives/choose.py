"""The choice of the objective: by the protocol that a model satisfies."""

from torch import Tensor

from embrec.models.interface import Factorised, Scored
from embrec.models.losses.config import Loss
from embrec.models.negatives import Negatives
from embrec.training.objectives.base import Objective
from embrec.training.objectives.factorised import FactorisedObjective
from embrec.training.objectives.scored import ScoredObjective


def make_objective(
    model: Factorised | Scored, loss: Loss, negatives: Negatives, popularity: Tensor, seed: int = 0
) -> Objective:
    """Return the objective of a model; the arguments are those of `Objective`.

    Raises:
        ConfigError: the model is trained on scores, and the negatives or the loss need the whole catalog.
        TypeError: the model satisfies neither `Factorised` nor `Scored`.
    """
    if isinstance(model, Factorised):
        return FactorisedObjective(model, loss, negatives, popularity, seed)
    if isinstance(model, Scored):
        return ScoredObjective(model, loss, negatives, popularity, seed)
    raise TypeError(f"{type(model).__name__} has neither training_steps nor training_scores, so it cannot be trained")
