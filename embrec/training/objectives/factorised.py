"""The objective of models that are trained on products of queries and item vectors."""

import torch
from torch import Tensor, nn

from embrec.data.batches import Batch
from embrec.models.interface import Factorised, TrainingSteps
from embrec.models.losses.blocks import catalog_loss, gathered_loss, shared_loss
from embrec.models.losses.config import Loss
from embrec.models.negatives import Negatives, catalog_exclusion
from embrec.training.objectives.base import Moment, Objective, with_auxiliary


class FactorisedObjective(Objective):
    """The loss of a `Factorised` model, in blocks: no tensor of all steps' scores is made.

    The arguments are those of `Objective`.
    """

    def __init__(self, model: Factorised, loss: Loss, negatives: Negatives, popularity: Tensor, seed: int = 0) -> None:
        super().__init__(model, loss, negatives, popularity, seed)  # type: ignore[arg-type]
        self.every_item = len(self.candidates) == len(model.known) - 1

    def forward(self, batch: Batch, weights: Tensor, moment: Moment) -> Tensor:
        """Return the loss of a batch, a scalar; see `Objective`."""
        steps = self.model.training_steps(batch)  # type: ignore[operator]
        return with_auxiliary(self._loss(batch, steps, weights, moment), weights, steps.auxiliary)

    def _loss(self, batch: Batch, steps: TrainingSteps, weights: Tensor, moment: Moment) -> Tensor:
        if self.loss.needs == "nothing":
            losses = self.loss.target_form()(steps.queries, nn.functional.embedding(steps.targets, steps.items))
            return (losses * weights).sum()  # in float32 under autocast too, which a product would not be
        size = len(self.candidates)
        histories = self.histories(batch, steps.targets, steps.row)
        if self.sampler is None:
            items = steps.items[1:] if self.every_item else steps.items[self.candidates]
            kernel = self.loss.kernel(size - 1, size)
            exclusion = catalog_exclusion(self.negatives, histories, size)
            return catalog_loss(steps.queries, items, histories.targets, weights, kernel, exclusion)
        sample = self.sampler(histories, moment)
        kernel = self.loss.kernel(sample.ids.shape[-1], size)
        offsets = self.loss.offsets(sample.log_expected)
        negatives = self.candidates[sample.ids]
        if negatives.dim() == 1:
            # One look-up, because each has a gradient as large as the catalog.
            vectors = nn.functional.embedding(torch.cat([steps.targets, negatives]), steps.items)
            positives, shared = vectors.split([len(steps.targets), len(negatives)])
            return shared_loss(steps.queries, positives, shared, weights, kernel, sample.exclusion, offsets)
        candidates = torch.cat([negatives, steps.targets[:, None]], dim=1)
        return gathered_loss(steps.queries, steps.items, candidates, weights, kernel, sample.exclusion, offsets)
