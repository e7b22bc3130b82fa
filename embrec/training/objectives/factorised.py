"""From a batch to the number that is minimised."""

import torch
from torch import Tensor, nn

from embrec.data.batches import Batch
from embrec.models.interface import Factorised, TrainingSteps
from embrec.models.losses.blocks import catalog_loss, gathered_loss, shared_loss
from embrec.models.losses.config import Loss
from embrec.models.losses.cosine import cosine
from embrec.models.negatives import Histories, Negatives, NegativeSampler, catalog_exclusion

Moment = tuple[int, ...]


class Objective(nn.Module):
    """The loss of a model on a batch: each valid step's next item against its negatives.

    Items without a training event are no candidates: as eternal negatives they would be pushed down for being new.

    Args:
        model: what is trained.
        loss: which loss.
        negatives: which negatives.
        popularity: training events of each tensor id, [n + 1].
        seed: of the draws.
    """

    def __init__(self, model: Factorised, loss: Loss, negatives: Negatives, popularity: Tensor, seed: int = 0) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.negatives = negatives
        known = model.known
        self.candidates = known.nonzero().squeeze(1)  # tensor ids, [C]
        self.every_item = len(self.candidates) == len(known) - 1
        self.column = torch.full((len(known),), len(self.candidates), device=known.device)
        self.column[self.candidates] = torch.arange(len(self.candidates), device=known.device)
        self.sampler: NegativeSampler | None = None
        if negatives.sampled:
            self.sampler = NegativeSampler(negatives, popularity.to(known.device)[self.candidates], seed)

    def forward(self, batch: Batch, weights: Tensor, moment: Moment) -> Tensor:
        """Return the weighted sum of the losses of the batch's steps, a scalar.

        Args:
            batch: B histories with M valid steps.
            weights: of each valid step, row by row, [M].
            moment: tells the draws of one training apart, such as (epoch, step).
        """
        steps = self.model.training_steps(batch)
        if self.loss.needs == "nothing":
            losses = cosine(steps.queries, nn.functional.embedding(steps.targets, steps.items))
            return (losses * weights).sum()  # in float32 under autocast too, which a product would not be
        size = len(self.candidates)
        histories = self._histories(batch, steps)
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

    def _histories(self, batch: Batch, steps: TrainingSteps) -> Histories:
        column = self.column
        own = column.new_empty(0, 0)
        if self.negatives.excluded != "target":
            last = batch.targets.gather(1, (batch.lengths[:, None] - 1).clamp(min=0))
            own = column[torch.cat([batch.items, last], dim=1)]
        return Histories(own, steps.row, column[steps.targets])


def step_weights(batch: Batch, reduction: str, total: int, steps: int) -> Tensor:
    """Return the weight of each valid step in the batch's loss, [M].

    Args:
        batch: B histories; those of a worker, where a batch is shared.
        reduction: "token-mean": each step counts alike; "user-mean": each history does (EmbRec, eq. 1).
        total: steps of the whole batch, or its histories for the user mean.
        steps: valid steps of `batch`, M, so that no accelerator need be asked.
    """
    if reduction == "token-mean":
        return torch.full((steps,), 1 / total, device=batch.targets.device)
    counts = (batch.targets > 0).sum(dim=1)
    return (1 / (counts * total)).repeat_interleave(counts, output_size=steps)
