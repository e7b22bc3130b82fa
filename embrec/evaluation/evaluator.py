"""Full ranking of a log's targets by any model, and what came out of it, target by target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from embrec.data.batches import Batch, batches_in_order
from embrec.data.interactions import Interactions
from embrec.data.sequences import target_sequences
from embrec.data.splits import Partition, Positions
from embrec.evaluation.metrics import metric
from embrec.evaluation.ranks import Excluded, ranks
from embrec.progress import Progress, silent

DEFAULT_METRICS = ("hr@10", "ndcg@10", "mrr@10", "hr@50", "auc")


class EvaluationConfig(BaseModel):
    """The protocol: every report names it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    seen: Annotated[
        Literal["exclude", "keep"],
        Field(description="whether items of the user's history are candidates (keep) or not"),
    ] = "exclude"
    ties: Annotated[Literal["mean", "optimistic", "pessimistic"], Field(description="rank of a tied target")] = "mean"
    metrics: Annotated[tuple[str, ...], Field(description="which metrics, such as hr@10")] = DEFAULT_METRICS
    batch_size: Annotated[int, Field(ge=1, description="targets scored at a time")] = 256


class Ranker(Protocol):
    """A model as the evaluator sees it: `Recommender` and every `Baseline`."""

    def item_matrix(self) -> Tensor:
        """Return what `score` needs of the catalog."""
        ...

    def score(self, batch: Batch, candidates: Tensor | None = None, item_matrix: Tensor | None = None) -> Tensor:
        """Return scores of the whole catalog, [B, n + 1]."""
        ...

    def eval(self) -> object:
        """Turn off what only training does."""
        ...


@dataclass(frozen=True)
class Evaluation:
    """The rank of every target.

    Attributes:
        rank: from 1, [T].
        candidates: how many were ranked, [T].
        new_item: True where the target's item has no training event, [T].
    """

    rank: NDArray[np.float64]
    candidates: NDArray[np.float64]
    new_item: NDArray[np.bool_]

    def slices(self) -> dict[str, NDArray[np.bool_]]:
        """Return which targets belong to each slice: all of them, those of warm items, those of cold ones; name -> [T]."""
        return {"all": np.ones_like(self.new_item), "warm items": ~self.new_item, "cold items": self.new_item}

    def metrics(self, names: Sequence[str]) -> dict[str, dict[str, float]]:
        """Return the mean of each metric in each slice, slice -> metric -> value, with the slice's size as `targets`.

        A slice without targets has no metrics.
        """
        values = {name: metric(name, self.rank, self.candidates) for name in names}
        return {
            label: {"targets": int(members.sum())}
            | ({name: float(value[members].mean()) for name, value in values.items()} if members.any() else {})
            for label, members in self.slices().items()
        }


def seen_before(interactions: Interactions, targets: Positions) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct tensor ids of each target's earlier events as slices: target t's are `ids[ptr[t] : ptr[t + 1]]`."""
    sequences = target_sequences(interactions, targets, max_length=int(targets.position.max(initial=0)))
    width = int(interactions.item.max()) + 2
    row = np.repeat(np.arange(len(targets)), sequences.lengths)
    pairs = np.unique(row * width + sequences.items)
    counts = np.bincount(pairs // width, minlength=len(targets))
    return np.concatenate([[0], np.cumsum(counts)]), pairs % width


@torch.inference_mode()
def evaluate(
    model: Ranker,
    interactions: Interactions,
    partition: Partition,
    targets: Positions,
    config: EvaluationConfig,
    *,
    max_length: int,
    hidden: NDArray[np.bool_] | None = None,
    device: torch.device | None = None,
    progress: Progress = silent,
    task: str = "evaluate",
) -> Evaluation:
    """Rank every target among the whole catalog.

    Args:
        model: what scores.
        interactions: the log.
        partition: how it was split.
        targets: which of its targets, `partition.valid` or `partition.test`.
        config: the protocol.
        max_length: the longest history the model reads.
        hidden: items that are neither history nor candidates yet, [n]: `partition.hidden` for validation.
        device: where the model is; the CPU if None.
        progress: told of every batch.
        task: what to call it.
    """
    model.eval()
    device = device or torch.device("cpu")
    sequences = target_sequences(interactions, targets, max_length, hidden)
    ptr, seen = seen_before(interactions, targets)
    matrix = model.item_matrix()
    hidden_items = np.flatnonzero(hidden) + 1 if hidden is not None else np.empty(0, dtype=np.int64)
    target_ids = interactions.item[targets.events(interactions)].astype(np.int64) + 1
    rank = np.empty(len(targets))
    candidates = np.empty(len(targets))
    done = 0
    for rows, batch in batches_in_order(sequences, config.batch_size):
        scores = model.score(batch.to(device), item_matrix=matrix)
        excluded = _excluded(rows, ptr, seen if config.seen == "exclude" else None, hidden_items, scores.shape[1])
        batch_rank, batch_candidates = ranks(
            scores,
            torch.from_numpy(target_ids[rows]).to(scores.device),
            Excluded(excluded.row.to(scores.device), excluded.item.to(scores.device)),
            config.ties,
        )
        rank[rows], candidates[rows] = batch_rank.cpu().numpy(), batch_candidates.cpu().numpy()
        done += len(rows)
        progress(task, done, len(targets))
    return Evaluation(rank, candidates, new_item=~partition.train_items[target_ids - 1])


def _excluded(
    rows: NDArray[np.int64],
    ptr: NDArray[np.int64],
    seen: NDArray[np.int64] | None,
    hidden_items: NDArray[np.int64],
    width: int,
) -> Excluded:
    """Return the pairs of a batch that are no candidates: items seen by the row's user, and hidden ones."""
    pairs = [(np.arange(len(rows))[:, None] * width + hidden_items).ravel()]
    if seen is not None:
        counts = ptr[rows + 1] - ptr[rows]
        index = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - ptr[rows], counts)
        pairs.append(np.repeat(np.arange(len(rows)), counts) * width + seen[index])
    distinct = np.unique(np.concatenate(pairs))
    return Excluded(torch.from_numpy(distinct // width), torch.from_numpy(distinct % width))


def summary(evaluations: Mapping[str, Evaluation], names: Sequence[str]) -> list[tuple[str, str, dict[str, float]]]:
    """Return one row a model and slice, (model, slice, metrics), leaving out slices without targets."""
    return [
        (model, label, values)
        for model, evaluation in evaluations.items()
        for label, values in evaluation.metrics(names).items()
        if values["targets"]
    ]
