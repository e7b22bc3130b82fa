"""The protocols of a model: all that training, evaluation, serving and reports may ask of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from embrec.data.batches import Batch
from embrec.data.events import Events
from embrec.models.factors import Factors, Queries

Step = tuple[Tensor, Tensor]


@runtime_checkable
class SequenceModel(Protocol):
    """A model that scores the items that may follow a history: trained models and baselines alike."""

    def cached(self) -> "SequenceModel":
        """Return the same model with all that it computes of the catalog held in memory; itself if there is nothing to hold."""
        ...

    def catalog(self) -> Tensor:
        """Return the item vectors, row 0 zero, [n + 1, d]; [0, 0] for a model without."""
        ...

    def factors(self) -> Factors | None:
        """Return the catalog's factor of the scores; None if scores are no sums of products."""
        ...

    def queries(self, batch: Batch, at: Step | None = None) -> Queries:
        """Return the histories' factor of the scores; called only if `factors()` is not None.

        Args:
            batch: B histories.
            at: row and step of each query, [M] and [M]; the last step of each row if None. Step -1 is before all events.

        Returns:
            B queries, or M.
        """
        ...

    def score(self, batch: Batch, candidates: Tensor | None = None) -> Tensor:
        """Score items as the one that follows each history.

        Args:
            batch: B histories.
            candidates: tensor ids, [C] for all histories or [B, C]; the whole catalog if None.

        Returns:
            [B, C], or [B, n + 1] with the padding column -inf. Items that the model cannot score get -inf.
        """
        ...

    def eval(self) -> Any:
        """Turn off everything that only training uses, such as dropout."""
        ...


class TrainingSteps(NamedTuple):
    """The M valid steps of a batch, as a loss of factorised scores reads them.

    Attributes:
        queries: projected for the scorer, [M, d]; d may be one more than that of item vectors (a bias).
        items: the vectors of the whole catalog, projected alike, [n + 1, d].
        targets: tensor ids to be predicted, [M].
        row: the history of each step, [M].
        auxiliary: name -> scalar that is added to the loss, its weight included.
    """

    queries: Tensor
    items: Tensor
    targets: Tensor
    row: Tensor
    auxiliary: Mapping[str, Tensor] = {}


class Scores(NamedTuple):
    """The scores of the M valid steps of a batch, as a loss of scores reads them.

    Attributes:
        positive: scores of the next items, [M].
        negative: scores of the negatives, [M, N].
        mask: True where a negative counts, [M, N].
        auxiliary: name -> scalar that is added to the loss, its weight included.
    """

    positive: Tensor
    negative: Tensor
    mask: Tensor
    auxiliary: Mapping[str, Tensor] = {}


@runtime_checkable
class Trainable(SequenceModel, Protocol):
    """A model with weights: an `nn.Module`.

    Attributes:
        known: True for the items with training events, [n + 1]; the others are no candidates in training.
    """

    known: Tensor

    def state_dict(self) -> dict[str, Any]:
        """Return weights and state by name."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any], /) -> Any:
        """Take weights and state by name."""
        ...

    def to(self, device: torch.device, /) -> Any:
        """Move weights and buffers to a device, in place."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """Return the weights."""
        ...


@runtime_checkable
class Factorised(Trainable, Protocol):
    """A model that is trained on products of queries and item vectors: see `embrec.training.objectives.factorised`."""

    def training_steps(self, batch: Batch) -> TrainingSteps:
        """Return the valid steps of a batch; padding costs nothing."""
        ...


@runtime_checkable
class Scored(Trainable, Protocol):
    """A model that is trained on scores of given candidates: see `embrec.training.objectives.scored`."""

    def training_scores(self, batch: Batch, negatives: Tensor) -> Scores:
        """Score the next item and the negatives of each valid step, row by row.

        Args:
            batch: B histories with M valid steps.
            negatives: tensor ids, [N] for all steps or [M, N].
        """
        ...


@runtime_checkable
class Stateful(Trainable, Protocol):
    """A model whose scores depend on the events that it has observed: it is trained and evaluated in the order of time.

    Its state is buffers of `state_dict`: saved with the run and in checkpoints, and restored.
    """

    def observe(self, events: Events) -> None:
        """Take in the next events, in the order of time."""
        ...

    def reset(self) -> None:
        """Forget all events."""
        ...


class ParameterGroup(NamedTuple):
    """Weights with optimiser settings of their own; a model may have a method `parameter_groups() -> Sequence[ParameterGroup]`.

    Attributes:
        parameters: the weights.
        rate: factor of the learning rate.
        weight_decay: weight decay of the group; None for that of the training.
    """

    parameters: Sequence[nn.Parameter]
    rate: float = 1.0
    weight_decay: float | None = None


@runtime_checkable
class Grouped(Protocol):
    """A model whose weights are in groups for the optimiser; each weight is in one group."""

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """Return the groups."""
        ...


@runtime_checkable
class Extensible(Protocol):
    """A model that can score items from outside its catalog, by their features."""

    def encode_items(self, features: Mapping[str, Tensor]) -> Tensor:
        """Return the vectors of k items, [k, d], from their feature vectors, source name -> [k, d_s].

        Raises:
            TypeError: the model knows items by identity only.
        """
        ...

    def extended(self, vectors: Tensor, attributes: Mapping[str, Tensor] = {}) -> SequenceModel:
        """Return the model with items at the end of its catalog.

        Args:
            vectors: as `encode_items` returned them, [k, d].
            attributes: for models that read attributes of items: those of the new ones, name -> [k, ...].
        """
        ...
