"""Ranking a log's targets by any model under one protocol, and what came out of it, target by target."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from embrec.data.batches import Batch
from embrec.data.interactions import Interactions
from embrec.data.splits import Label, Partition, Positions
from embrec.data.times import require_timestamps
from embrec.errors import ConfigError
from embrec.evaluation.candidates import AllItems, CandidatesConfig, Sampled, Sampler, SeenSoFar
from embrec.evaluation.forward_plan import ForwardBatch, forward_batches
from embrec.evaluation.metrics import check_metrics, cutoff, metric, tells_apart
from embrec.evaluation.ranks import (
    BatchScores,
    CatalogScan,
    NotCandidates,
    Products,
    Standing,
    Ties,
    WholeScores,
)
from embrec.evaluation.seen import SeenItems, seen_since
from embrec.evaluation.streaming import streamed_batches
from embrec.models.factors import Queries, product_scores
from embrec.models.interface import SequenceModel, Stateful
from embrec.parameters import parameter
from embrec.progress import Progress, silent
from embrec.validation import Checked

DEFAULT_METRICS = ("hr@10", "ndcg@10", "mrr@10", "hr@50", "auc")


class EvaluationConfig(Checked):
    """The protocol: every report names it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seen: Annotated[
        Literal["exclude", "keep"],
        Field(description="whether items of the user's history are candidates (keep) or not"),
    ] = "exclude"
    ties: Annotated[Ties, Field(description="rank of a tied target")] = "mean"
    candidates: Annotated[
        CandidatesConfig, Field(description="what targets are ranked against: all, seen-so-far, or sampled:count=99")
    ] = AllItems()
    metrics: Annotated[tuple[str, ...], Field(description="which metrics, such as hr@10")] = DEFAULT_METRICS
    batch_size: Annotated[int, Field(ge=1, description="targets scored at a time")] = 256

    def words(self) -> str:
        """Return what the title of every table says of the protocol."""
        seen = "" if isinstance(self.candidates, Sampled) else f", seen items: {self.seen}"
        return f"ranked among {self.candidates.words()}{seen}, ties: {self.ties}"


@dataclass(frozen=True)
class Evaluation:
    """The outcome of every target.

    Attributes:
        standing: place of each target among its candidates.
        user: user index of the target, [T].
        event: index of the target's event in the log, [T].
        label: `Label` of the target: what training knew of its user and its item, [T].
        ties: policy for ties in ranks.
        top: tensor ids of the best items, best first, 0 where there are fewer, [T, k]; None if they were not kept.
    """

    standing: Standing
    user: NDArray[np.int64]
    event: NDArray[np.int64]
    label: NDArray[np.int8]
    ties: Ties = "mean"
    top: NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.user)

    @property
    def rank(self) -> NDArray[np.float64]:
        """The rank of every target, from 1, [T]."""
        return self.standing.rank(self.ties)

    @property
    def undefined(self) -> int:
        """How many targets have a score that is not a number."""
        return int(self.standing.undefined.sum())

    def values(self, name: str) -> NDArray[np.float64]:
        """Return a metric of every target, [T]."""
        return metric(name, self.standing, self.ties)

    def slices(self) -> dict[str, NDArray[np.bool_]]:
        """Return which targets belong to each slice, name -> [T]: all of them, those of warm items, which have training events,
        and those of cold ones. There are finer ones in `embrec.evaluation.slices`.
        """
        return {
            "all": np.ones(len(self), dtype=bool),
            "warm items": self.label != Label.NEW_ITEM,
            "cold items": self.label == Label.NEW_ITEM,
        }

    def metrics(self, names: Sequence[str]) -> dict[str, dict[str, float]]:
        """Return the mean of each metric in each slice, slice -> metric -> value, with the slice's size as `targets`.

        A slice without targets has no metrics.
        """
        values = {name: self.values(name) for name in names}
        return {
            label: {"targets": int(members.sum())}
            | ({name: float(value[members].mean()) for name, value in values.items()} if members.any() else {})
            for label, members in self.slices().items()
        }


@torch.inference_mode()
def evaluate(
    model: SequenceModel,
    interactions: Interactions,
    partition: Partition,
    targets: Positions,
    config: EvaluationConfig,
    *,
    max_length: int,
    hidden: NDArray[np.bool_] | None = None,
    keep: int = 0,
    device: torch.device | None = None,
    progress: Progress = silent,
    task: str = "evaluate",
    learned: Partition | None = None,
) -> Evaluation:
    """Rank every target.

    A stateful model is asked in the order of time and observes the events between the targets: see
    `embrec.evaluation.streaming`.

    Beside the results it takes room for a block of scores and the histories of some targets, whatever the number of users.

    Args:
        model: the model to evaluate.
        interactions: the log.
        partition: division of the log by its split.
        targets: the targets to rank, `partition.valid` or `partition.test`.
        config: the protocol.
        max_length: longest history that the model reads, in events.
        hidden: items that are neither history nor candidates yet, [n]: `partition.hidden` for validation.
        keep: number of best items to keep for each target; none are kept of sampled candidates.
        device: device of the model; the CPU if None.
        progress: called after every batch.
        task: name of the evaluation in `progress`.
        learned: division of the log that was used for training, if it differs from `partition`; a stateful model has observed
            its training events.

    Raises:
        ConfigError: there are too few items to draw candidates from.
        DataError: candidates are those seen so far, but the log's times are places in histories.
    """
    model.eval()
    device = device or torch.device("cpu")
    n_items = len(partition.train_items)
    hidden = np.zeros(n_items, dtype=bool) if hidden is None else hidden
    ranking = _Ranking(model, interactions, partition, config, hidden, device, keep)
    parts: list[tuple[NDArray[np.int64], Standing, NDArray[np.int32] | None]] = []
    done = 0
    unread = hidden if hidden.any() else None
    if isinstance(model, Stateful):
        batches = streamed_batches(
            model,
            interactions,
            learned or partition,
            targets,
            max_length,
            config.batch_size,
            hidden=unread,
            device=device,
        )
    else:
        batches = forward_batches(
            interactions, targets, max_length, config.batch_size, hidden=unread, shared=ranking.shares
        )
    with closing(batches):
        for reading in batches:
            parts.extend(ranking(reading, targets))
            done += len(reading.targets)
            progress(task, done, len(targets))
    return _gathered(parts, interactions, partition, targets, config.ties)


def protocol_for(config: EvaluationConfig, n_items: int, select_by: str | None = None) -> EvaluationConfig:
    """Return a protocol as it fits a catalog, before anything is computed.

    Of the default metrics, which nobody asked for, those that look further down than there are candidates are left out.

    Args:
        config: the protocol that is asked for.
        n_items: the size of the catalog.
        select_by: the metric that is to choose an epoch, if any.

    Raises:
        ConfigError: a metric is unknown or looks further down than there are candidates, the one that chooses cannot tell
            epochs apart, or there are too few items to draw candidates from.
    """
    if isinstance(config.candidates, Sampled) and config.candidates.count >= n_items:
        raise ConfigError(f"candidates.count is {config.candidates.count}, but the catalog has {n_items:,} items")
    candidates = config.candidates.count + 1 if isinstance(config.candidates, Sampled) else n_items
    if select_by is not None and not tells_apart(select_by, candidates):
        raise ConfigError(
            f"training.select_by is {select_by!r}, but there are only {candidates:,} candidates, so every target would be a "
            "hit in every epoch; use ndcg@10 or auc "
            f"({parameter('training.select_by', 'auc')})"
        )
    if config.metrics == DEFAULT_METRICS:
        fitting = tuple(name for name in config.metrics if (cutoff(name) or 0) <= candidates)
        return config.model_copy(update={"metrics": fitting})
    check_metrics(config.metrics, candidates)
    return config


def _gathered(
    parts: Sequence[tuple[NDArray[np.int64], Standing, NDArray[np.int32] | None]],
    interactions: Interactions,
    partition: Partition,
    targets: Positions,
    ties: Ties,
) -> Evaluation:
    """Put the batches' results into the order of the targets."""
    place = np.argsort(np.concatenate([rows for rows, _, _ in parts]), kind="stable")
    standings = [standing for _, standing, _ in parts]
    tops = [top for _, _, top in parts if top is not None]
    event = targets.events(interactions)
    return Evaluation(
        standing=Standing(
            greater=np.concatenate([one.greater for one in standings])[place],
            tied=np.concatenate([one.tied for one in standings])[place],
            candidates=np.concatenate([one.candidates for one in standings])[place],
            undefined=np.concatenate([one.undefined for one in standings])[place],
        ),
        user=targets.user,
        event=event,
        label=partition.label[event],
        ties=ties,
        top=np.concatenate(tops)[place] if tops else None,
    )


class _Ranking:
    """Ranks the targets of one reading after the other."""

    def __init__(
        self,
        model: SequenceModel,
        interactions: Interactions,
        partition: Partition,
        config: EvaluationConfig,
        hidden: NDArray[np.bool_],
        device: torch.device,
        keep: int,
    ) -> None:
        stateful = isinstance(model, Stateful)  # what is held in memory would not change with the state
        self.model = model if stateful else model.cached()
        self.interactions = interactions
        self.config = config
        self.device = device
        self.keep = keep
        self.factors = None if stateful else self.model.factors()
        self.shares = self.factors is not None and self.factors.causal
        self.seen = SeenItems(interactions)
        candidate = np.concatenate([[False], ~hidden])
        if isinstance(config.candidates, Sampled):
            weights = candidate.astype(np.float64)
            if config.candidates.by == "popularity":
                weights[1:] *= partition.training_counts(interactions)
            self.sampler = Sampler(config.candidates, weights)
            return
        scorable = np.ones_like(candidate) if self.factors is None else self.factors.scorable.cpu().numpy()
        since = None
        if isinstance(config.candidates, SeenSoFar):
            require_timestamps(interactions, "other candidates")
            since = seen_since(interactions, len(hidden))
        self.scan = CatalogScan(candidate, scorable, config.batch_size, device, since=since)
        if self.factors is not None:
            self.products = Products(self.factors, config.batch_size, self.scan.width)

    def __call__(
        self, reading: ForwardBatch, targets: Positions
    ) -> Iterator[tuple[NDArray[np.int64], Standing, NDArray[np.int32] | None]]:
        """Yield which targets, their standing and their best items, no more than fit a block at a time."""
        batch = reading.batch.to(self.device)
        if self.factors is None:
            yield reading.targets, *self._rank(targets.select(reading.targets), batch)
            return
        row, step = (side.to(self.device) for side in reading.at)
        queries = self.model.queries(batch, (row, step))
        for start in range(0, len(queries), self.config.batch_size):
            piece = slice(start, start + self.config.batch_size)
            asked = reading.targets[piece]
            yield asked, *self._rank(targets.select(asked), batch, queries.select(piece))

    def _rank(
        self, targets: Positions, batch: Batch, queries: Queries | None = None
    ) -> tuple[Standing, NDArray[np.int32] | None]:
        """Rank targets by their queries, or where there are none, by whatever scores the model gives their histories."""
        event = targets.events(self.interactions)
        ids = self.interactions.item[event].astype(np.int64) + 1
        if isinstance(self.config.candidates, Sampled):
            return self._among_sampled(targets, ids, event, batch, queries), None
        scores: BatchScores
        if queries is not None:
            scores = self.products(queries)
        else:
            scores = WholeScores(self.model.score(batch))
        excluded = self.seen.excluded(targets, ids) if self.config.seen == "exclude" else NotCandidates.none()
        return self.scan(scores, ids, excluded, time=self.interactions.time[event], keep=self.keep)

    def _among_sampled(
        self,
        targets: Positions,
        ids: NDArray[np.int64],
        event: NDArray[np.int64],
        batch: Batch,
        queries: Queries | None,
    ) -> Standing:
        config = self.sampler.config
        nothing = np.empty(0, dtype=np.int64)
        row, item = {
            "history": self.seen.before,
            "interacted": self.seen.ever,
            "nothing": lambda _: (nothing, nothing),
        }[config.exclude](targets)
        drawn = self.sampler.draw(ids, event, row, item)
        candidates = torch.from_numpy(np.concatenate([ids[:, None], drawn], axis=1)).to(self.device)
        if queries is not None and self.factors is not None:
            scores = product_scores(self.factors, queries, candidates)
        else:
            scores = self.model.score(batch, candidates)
        own, others = scores[:, :1], scores[:, 1:]
        undefined = own[:, 0].isnan().cpu().numpy()
        return Standing(
            greater=np.where(undefined, config.count, (others > own).sum(dim=1).cpu().numpy()),
            tied=(others == own).sum(dim=1).cpu().numpy(),
            candidates=np.full(len(ids), candidates.shape[1], dtype=np.int64),
            undefined=undefined,
        )


def summary(evaluations: Mapping[str, Evaluation], names: Sequence[str]) -> list[tuple[str, str, dict[str, float]]]:
    """Return one row for each model and slice, (model, slice, metrics), leaving out slices without targets."""
    return [
        (model, label, values)
        for model, evaluation in evaluations.items()
        for label, values in evaluation.metrics(names).items()
        if values["targets"]
    ]
