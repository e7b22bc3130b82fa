"""Negatives: the items that the next item of a step is ranked against."""

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import BeforeValidator, ConfigDict, Field, model_validator
from torch import Tensor

from embrec.distributions import Searchable, Uniform
from embrec.errors import ConfigError
from embrec.models.losses.blocks import Exclusion, Offsets
from embrec.parameters import parameter
from embrec.validation import Checked

Exclude = Literal["target", "own", "batch-labels"]


class Negatives(Checked):
    """The choice of negatives: all items or a sample, how it is drawn, and the items that are excluded from it.

    Use all items where the catalog fits into memory: the loss is then exact. Draw a sample from a large catalog, by popularity
    (`alpha` from 0.5 to 1) if popular items crowd the lists. `in_batch` adds the next items of the batch, as GRU4Rec does
    [hidasi2016]; additional negatives by popularity are those of [hidasi2018]. A number alone is a sample of that size.

    An item is drawn with a probability in proportion to (its training events) ** alpha.

    Examples:
        >>> Negatives(count=256, alpha=0.75).excluded  # a sample leaves out the items of the history
        'own'
        >>> Negatives().sampled, Negatives().excluded  # all items but the next one
        (False, 'target')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    count: Annotated[
        Literal["all"] | Annotated[int, Field(ge=0)],
        Field(description="all training items, or number of items drawn for each step, with replacement"),
    ] = "all"
    alpha: Annotated[
        float,
        Field(ge=0, description="power of the popularity by which items are drawn: 0 = uniform, 1 = by popularity"),
        Searchable(Uniform(0, 1), lambda negatives: negatives.sampled),
    ] = 0.0
    share: Annotated[
        Literal["batch", "row", "position"],
        Field(description="steps that share a sample: of the batch, of a history, or each its own"),
    ] = "batch"
    in_batch: Annotated[bool, Field(description="the next items of the batch as further negatives")] = False
    exclude: Annotated[
        Exclude | None,
        Field(
            description="items that are no negatives: the next item of the step (default with all), all items of its history "
            "(default with a sample), or the next items of the whole batch, as in the published code"
        ),
    ] = None
    frozen: Annotated[
        bool, Field(description="the batches and samples of the first epoch in every epoch, as in the published code")
    ] = False

    @model_validator(mode="after")
    def _makes_sense(self) -> "Negatives":
        if self.count == "all":
            extra = [name for name in ("alpha", "share", "in_batch") if getattr(self, name) != _default(name)]
            if extra:
                raise ValueError(f"{extra[0]} is for sampled negatives, but count is all; set a number of negatives")
        elif not self.count and not self.in_batch:
            raise ValueError(
                "0 negatives leave nothing to rank against; set count to a number above 0 or to all, or in_batch to true"
            )
        if self.in_batch and self.share != "batch":
            raise ValueError(f"in_batch negatives are shared by the batch, so share cannot be {self.share}")
        if self.in_batch and self.exclude == "batch-labels":
            raise ValueError(
                "in_batch negatives are the labels that exclude=batch-labels leaves out; choose one of both"
            )
        return self

    @property
    def sampled(self) -> bool:
        """True if negatives are drawn, rather than all items."""
        return self.count != "all"

    @property
    def excluded(self) -> Exclude:
        """The excluded items, with the default resolved."""
        return self.exclude or ("own" if self.sampled else "target")

    def check(self, items: int) -> None:
        """Raise a ConfigError if a sample is larger than the number of training items."""
        if self.count != "all" and self.count > items:
            raise ConfigError(
                f"training.negatives.count is {self.count:,}, but there are only {items:,} training items; "
                f"draw fewer, or rank against all ({parameter('training.negatives.count', 'all')})"
            )


def _default(name: str) -> Any:
    return Negatives.model_fields[name].default


def _from_count(value: Any) -> Any:
    return {"count": value} if isinstance(value, str | int | float) and not isinstance(value, bool) else value


NegativesConfig = Annotated[Negatives, BeforeValidator(_from_count)]


class Histories(NamedTuple):
    """The part of a batch that negatives depend on; items are columns of the candidates, C for no item.

    Attributes:
        own: all items of each history, including its next items, [B, K].
        row: history of each step, [M].
        targets: next item of each step, [M].
    """

    own: Tensor
    row: Tensor
    targets: Tensor


class Sample(NamedTuple):
    """Negatives of one batch.

    Attributes:
        ids: columns of the candidates, shared by all steps [N] or of each step [M, N].
        exclusion: negatives that do not count; its columns are places in `ids`, N for none.
        log_expected: logarithm of how often a sample holds each negative, [N] or [M, N], and each next item, [M], as it is
            drawn: what is left out afterwards, step by step, does not count.
    """

    ids: Tensor
    exclusion: Exclusion | None
    log_expected: Offsets


class NegativeSampler:
    """Draws the negatives of a batch, the same ones for the same seed and moment.

    >>> sampler = NegativeSampler(Negatives(count=4), popularity=torch.tensor([5.0, 3.0, 1.0]))
    >>> batch = Histories(own=torch.tensor([[0, 1]]), row=torch.tensor([0]), targets=torch.tensor([1]))
    >>> sample = sampler(batch, moment=(0, 0))  # epoch 0, step 0
    >>> sample.ids.shape, torch.equal(sample.ids, sampler(batch, moment=(0, 0)).ids)
    (torch.Size([4]), True)

    Args:
        config: number of negatives, and how they are drawn.
        popularity: training events of each candidate, [C].
        seed: seed of the draws.
    """

    def __init__(self, config: Negatives, popularity: Tensor, seed: int = 0) -> None:
        self.config = config
        self.seed = seed
        self.size = len(popularity)
        self.frequency = popularity.double() / popularity.sum()
        weights = popularity.double() ** config.alpha
        self.probability = weights / weights.sum()
        self.cumulative = self.probability.cumsum(0).cpu()
        self.marks = torch.zeros(0, self.size + 1, dtype=torch.bool, device=popularity.device)

    def __call__(self, histories: Histories, moment: tuple[int, ...]) -> Sample:
        """Draw the negatives of a batch.

        Args:
            histories: items and next items of the batch.
            moment: key of the draw within the training, such as (epoch, step).
        """
        config, device = self.config, histories.targets.device
        assert isinstance(config.count, int)
        shape = {"batch": (), "row": (len(histories.own),), "position": (len(histories.targets),)}[config.share]
        probability, cumulative = self.probability, self.cumulative
        if config.excluded == "batch-labels":
            probability = self._without(histories.targets)
            cumulative = probability.cumsum(0).cpu()
        ids = self._draw((*shape, config.count), cumulative, moment).to(device)
        if config.in_batch:
            ids = torch.cat([ids, histories.targets])
        if config.share == "row":
            ids = ids[histories.row]
        of_negatives = of_targets = self._log_expected(probability, len(histories.targets))
        if config.excluded == "batch-labels":  # the targets as if they could be drawn
            of_targets = self._log_expected(self.probability, len(histories.targets))
        return Sample(ids, self._exclusion(histories, ids), Offsets(of_negatives[ids], of_targets[histories.targets]))

    def _log_expected(self, probability: Tensor, steps: int) -> Tensor:
        """Return the logarithm of the expected number of draws of each candidate in a sample for that many steps, [C]."""
        assert isinstance(self.config.count, int)
        expected = self.config.count * probability
        if self.config.in_batch:
            expected = expected + steps * self.frequency
        return expected.clamp(min=1e-30).log().float()

    def _draw(self, shape: tuple[int, ...], cumulative: Tensor, moment: tuple[int, ...]) -> Tensor:
        state = np.random.SeedSequence([self.seed, *moment]).generate_state(1, np.uint64)[0]
        generator = torch.Generator().manual_seed(int(state >> np.uint64(1)))
        if self.config.alpha == 0 and cumulative is self.cumulative:
            return torch.randint(self.size, shape, generator=generator)
        places = torch.rand(shape, generator=generator, dtype=torch.float64) * cumulative[-1]
        return torch.searchsorted(cumulative, places, right=True).clamp_(max=self.size - 1)

    def _without(self, labels: Tensor) -> Tensor:
        """Return the probabilities without some candidates, scaled to the sum 1, [C]."""
        probability = self.probability.clone()
        probability[labels] = 0
        total = probability.sum()
        # A batch with every item leaves nothing to draw; the items drawn instead are excluded later.
        return probability / total if total > 0 else self.probability

    def _exclusion(self, histories: Histories, ids: Tensor) -> Exclusion | None:
        """Return which places of `ids` do not count, list by list."""
        each = torch.arange(len(histories.targets), device=ids.device)
        if self.config.excluded == "target":
            if ids.dim() == 1:
                return Exclusion(_places_of(histories.targets, ids), each)
            return _exclusion(ids == histories.targets[:, None], each)
        rows = len(histories.own)
        if len(self.marks) < rows:
            self.marks = self.marks.new_zeros(rows, self.size + 1)
        marks = self.marks[:rows]
        own = histories.own
        if self.config.excluded == "batch-labels":
            own = histories.targets.expand(rows, -1)
        marks.scatter_(1, own, True)
        if ids.dim() == 1:
            exclusion = _exclusion(marks[:, ids], histories.row)
        else:
            exclusion = _exclusion(marks[histories.row[:, None], ids], each)
        marks.scatter_(1, own, False)
        return exclusion


def catalog_exclusion(config: Negatives, histories: Histories, size: int) -> Exclusion | None:
    """Return the candidates that are no negatives if all `size` of them are candidates; None if only the next items."""
    if config.excluded == "target":
        return None
    if config.excluded == "batch-labels":
        labels = histories.targets.unique()
        return Exclusion(labels[None], torch.zeros_like(histories.row))
    own = histories.own
    fill = own.amin(dim=1, keepdim=True).clamp(max=size - 1)  # an item of the same history, if it has any
    return Exclusion(torch.where(own < size, own, fill), histories.row)


def _places_of(targets: Tensor, ids: Tensor) -> Tensor:
    """Return the positions of each target in the sample [N], [M, K], filled up with N."""
    ordered, order = ids.sort(stable=True)
    low = torch.searchsorted(ordered, targets)
    high = torch.searchsorted(ordered, targets, right=True)
    most = int((high - low).max()) if len(targets) else 0
    places = low[:, None] + torch.arange(most, device=ids.device)
    return torch.where(places < high[:, None], order[places.clamp(max=len(ids) - 1)], len(ids))


def _exclusion(hits: Tensor, row: Tensor) -> Exclusion | None:
    """Return the positions of the hits [R, N] of each row, filled up with N; None if there are none."""
    counts = hits.sum(dim=1)
    most = int(counts.max()) if len(counts) else 0
    if most == 0:
        return None
    rows, columns = hits.nonzero(as_tuple=True)
    place = torch.arange(len(rows), device=hits.device) - (counts.cumsum(0) - counts)[rows]
    lists = torch.full((len(hits), most), hits.shape[1], device=hits.device)
    lists[rows, place] = columns
    return Exclusion(lists, row)
