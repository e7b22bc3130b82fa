"""The base of the objectives: candidates, the sampler of negatives, and the weights of the steps."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from embrec.data.batches import Batch
from embrec.models.losses.config import Loss
from embrec.models.negatives import Histories, Negatives, NegativeSampler

Moment = tuple[int, ...]


class Objective(nn.Module, ABC):
    """The loss of a model on a batch: each valid step's next item against its negatives.

    Items without a training event are no candidates: as eternal negatives they would be pushed down for being new.

    Args:
        model: the model to train; `known` is True for the items with training events, [n + 1].
        loss: the loss.
        negatives: the negatives.
        popularity: training events of each tensor id, [n + 1].
        seed: seed of the drawn negatives.
    """

    def __init__(self, model: nn.Module, loss: Loss, negatives: Negatives, popularity: Tensor, seed: int = 0) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.negatives = negatives
        known: Tensor = model.known  # type: ignore[assignment]
        self.candidates = known.nonzero().squeeze(1)  # tensor ids, [C]
        self.column = torch.full((len(known),), len(self.candidates), device=known.device)
        self.column[self.candidates] = torch.arange(len(self.candidates), device=known.device)
        self.sampler: NegativeSampler | None = None
        if negatives.sampled:
            self.sampler = NegativeSampler(negatives, popularity.to(known.device)[self.candidates], seed)

    @abstractmethod
    def forward(self, batch: Batch, weights: Tensor, moment: Moment) -> Tensor:
        """Return the weighted sum of the losses of the batch's steps, and the auxiliary losses, a scalar.

        Args:
            batch: B histories with M valid steps.
            weights: weight of each valid step in the sum, row by row, [M].
            moment: position in the training, such as (epoch, step); each one has draws of its own.
        """

    def histories(self, batch: Batch, targets: Tensor, row: Tensor) -> Histories:
        """Return the part of a batch that negatives depend on.

        Args:
            batch: B histories.
            targets: the tensor id of each valid step's next item, [M].
            row: the history of each step, [M].
        """
        column = self.column
        own = column.new_empty(0, 0)
        if self.negatives.excluded != "target":
            last = batch.targets.gather(1, (batch.lengths[:, None] - 1).clamp(min=0))
            own = column[torch.cat([batch.items, last], dim=1)]
        return Histories(own, row, column[targets])


def with_auxiliary(loss: Tensor, weights: Tensor, auxiliary: dict[str, Tensor]) -> Tensor:
    """Return a loss with a model's auxiliary losses added.

    Each counts as much as the share of the batch that the weights stand for, so that the shares of several processes add up.

    Args:
        loss: weighted sum over the steps, a scalar.
        weights: weight of each step, [M]; they add up to 1 in a whole batch.
        auxiliary: name -> scalar.
    """
    if not auxiliary:
        return loss
    return loss + weights.sum() * torch.stack([value.float() for value in auxiliary.values()]).sum()


def step_weights(batch: Batch, reduction: str, total: int, steps: int) -> Tensor:
    """Return the weight of each valid step in the batch's loss, [M].

    Args:
        batch: B histories; those of a worker, where a batch is shared.
        reduction: "token-mean": each step counts alike; "user-mean": each history does ([semikin2019] eq. 1).
        total: steps of the whole batch, or its histories for the user mean.
        steps: valid steps of `batch`, M, so that no accelerator need be asked.
    """
    if reduction == "token-mean":
        return torch.full((steps,), 1 / total, device=batch.targets.device)
    counts = (batch.targets > 0).sum(dim=1)
    return (1 / (counts * total)).repeat_interleave(counts, output_size=steps)
