"""The objective of models that are trained on the scores of given candidates."""

import torch
from torch import Tensor

from embrec.data.batches import Batch
from embrec.errors import ConfigError
from embrec.models.interface import Scored
from embrec.models.losses.blocks import Exclusion
from embrec.models.losses.config import Loss
from embrec.models.negatives import Negatives
from embrec.parameters import parameter
from embrec.training.objectives.base import Moment, Objective, with_auxiliary


class ScoredObjective(Objective):
    """The loss of a `Scored` model: each step's next item against drawn negatives, by any loss of scores.

    Negatives are drawn per batch, row or position; those that are excluded are masked. A sampled softmax corrects the scores
    before the loss.

    The arguments are those of `Objective`.

    Raises:
        ConfigError: the negatives or the loss need the whole catalog.
    """

    def __init__(self, model: Scored, loss: Loss, negatives: Negatives, popularity: Tensor, seed: int = 0) -> None:
        message = refusal(loss, negatives)
        if message:
            raise ConfigError(message)
        super().__init__(model, loss, negatives, popularity, seed)  # type: ignore[arg-type]

    def forward(self, batch: Batch, weights: Tensor, moment: Moment) -> Tensor:
        """Return the loss of a batch, a scalar; see `Objective`."""
        row, step = batch.targets.nonzero(as_tuple=True)
        targets = batch.targets[row, step]
        assert self.sampler is not None
        sample = self.sampler(self.histories(batch, targets, row), moment)
        positive, negative, mask, auxiliary = self.model.training_scores(batch, self.candidates[sample.ids])  # type: ignore[operator]
        positive, negative = positive.float(), negative.float()  # whole under autocast too
        if sample.exclusion is not None:
            mask = mask & counted(sample.exclusion, negative.shape[1])
        offsets = self.loss.offsets(sample.log_expected)
        if offsets is not None:
            positive, negative = positive + offsets.positives, negative + offsets.negatives
        form = self.loss.score_form(negative.shape[1], len(self.candidates))
        losses = form(positive, negative, mask)
        return with_auxiliary((losses * weights).sum(), weights, auxiliary)


def counted(exclusion: Exclusion, negatives: int) -> Tensor:
    """Return where negatives count, [M, N], from the places of those that are excluded."""
    size = (len(exclusion.row), negatives + 1)  # the last column is the filling of short lists
    mask = torch.ones(size, dtype=torch.bool, device=exclusion.row.device)
    return mask.scatter_(1, exclusion.columns[exclusion.row], False)[:, :negatives]


def refusal(loss: Loss, negatives: Negatives) -> str:
    """Return why a scored model cannot be trained so, in one line; empty if it can."""
    if loss.needs == "nothing":
        return (
            f"loss {loss.name} reads item vectors, and this model gives scores only; choose a loss of scores, such as "
            f"{parameter('training.loss', 'cross-entropy')}"
        )
    if not negatives.sampled:
        return (
            "this model scores given candidates only, so it cannot rank against all items; draw negatives, such as "
            f"{parameter('training.negatives', 256)}"
        )
    return ""
