"""Batch scoring: the best items for every user, or the best users for every new item, written as one Parquet table."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.data.interactions import Interactions
from embrec.data.sequences import Sequences, latest_sequences
from embrec.data.store import Dataset
from embrec.errors import ConfigError, DataError
from embrec.files import write_parquet
from embrec.progress import Progress, silent
from embrec.serving.recommender import Recommender

_USERS_AT_A_TIME = 256


def score_by(
    what: str,
    recommender: Recommender,
    dataset: Dataset,
    k: int = 10,
    *,
    exclude_seen: bool = True,
    progress: Progress = silent,
) -> pl.DataFrame:
    """Score a data set by `user` or by `item`; see `score_by_user` and `score_by_item`.

    Raises:
        ConfigError: it is neither.
        DataError: the log's catalog is not the one that the run was trained on.
    """
    if what not in _WAYS:
        raise ConfigError(f"--by {what!r} is neither user nor item")
    if dataset.catalog.fingerprint != recommender.catalog.select(range(recommender.n_trained)).fingerprint:
        raise DataError(
            f"run {recommender.run.path} was trained on another catalog than its category holds; train again"
        )
    return _WAYS[what](recommender, dataset.interactions, k, exclude_seen=exclude_seen, progress=progress)


def score_by_user(
    recommender: Recommender,
    interactions: Interactions,
    k: int = 10,
    *,
    exclude_seen: bool = True,
    progress: Progress = silent,
) -> pl.DataFrame:
    """Return each user's best k candidates: columns user, rank (from 1), item, score, new (added after training)."""
    item_ids, user_ids = _names(recommender.catalog.item_ids), _names(interactions.user_ids)
    frames = []
    for rows, scores in _blocks(recommender, interactions, exclude_seen, progress):
        best = scores.topk(min(k, scores.shape[1] - 1), dim=1)
        values, ids = best.values.numpy(), best.indices.numpy()
        kept = np.isfinite(values)
        row, place = np.nonzero(kept)
        frames.append(
            pl.DataFrame(
                {
                    "user": user_ids.gather(rows[row]),
                    "rank": (place + 1).astype(np.int32),
                    "item": item_ids.gather(ids[kept] - 1),
                    "score": values[kept],
                    "new": ids[kept] > recommender.n_trained,
                }
            )
        )
    return pl.concat(frames)


def score_by_item(
    recommender: Recommender,
    interactions: Interactions,
    k: int = 10,
    *,
    exclude_seen: bool = True,
    progress: Progress = silent,
) -> pl.DataFrame:
    """Return each new item's best k users: columns item, rank (from 1), user, score.

    Scores of one item by different users are inner products of the same vector, so they can be compared.

    Raises:
        DataError: no items were added after training.
    """
    n_new = len(recommender.catalog) - recommender.n_trained
    if n_new == 0:
        raise DataError("there are no new items to find users for; give them with --items")
    best_scores = torch.full((n_new, 0), -torch.inf)
    best_users = torch.zeros((n_new, 0), dtype=torch.long)
    for rows, scores in _blocks(recommender, interactions, exclude_seen, progress):
        of_new = scores[:, recommender.n_trained + 1 :].T  # [n_new, users of the block]
        users = torch.from_numpy(rows).expand(n_new, -1)
        best_scores, best_users = _merge(best_scores, best_users, of_new, users, k)
    row, place = np.nonzero(np.isfinite(best_scores.numpy()))
    new_ids = _names(recommender.catalog.item_ids[recommender.n_trained :])
    users_of_items = best_users.numpy()[row, place]
    return pl.DataFrame(
        {
            "item": new_ids.gather(row),
            "rank": (place + 1).astype(np.int32),
            "user": _names(interactions.user_ids).gather(users_of_items),
            "score": best_scores.numpy()[row, place],
        }
    )


def write_scores(scores: pl.DataFrame, path: Path) -> None:
    """Write scores as Parquet, whole or not at all.

    Raises:
        DataError: the path is a folder, or cannot be written.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; name a file such as {path / 'scores.parquet'}")
    write_parquet(scores, path)


def _blocks(
    recommender: Recommender, interactions: Interactions, exclude_seen: bool, progress: Progress
) -> Iterator[tuple[NDArray[np.int64], Tensor]]:
    """Yield user indices [R] and their scores of every candidate [R, n + 1], like lengths together."""
    sequences: Sequences = latest_sequences(interactions, int(interactions.lengths.max()))
    order = np.argsort(sequences.lengths, kind="stable")
    for start in range(0, len(order), _USERS_AT_A_TIME):
        rows = order[start : start + _USERS_AT_A_TIME]
        yield rows, recommender.score(sequences, rows, exclude_seen)
        progress("score users", start + len(rows), len(order))


def _names(ids: NDArray[np.object_]) -> pl.Series:
    return pl.Series(ids.tolist(), dtype=pl.String)


def _merge(scores: Tensor, users: Tensor, more: Tensor, more_users: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Return the best k of two lists of candidates a row, both [n, *]."""
    all_scores, all_users = torch.cat([scores, more], dim=1), torch.cat([users, more_users], dim=1)
    best = all_scores.topk(min(k, all_scores.shape[1]), dim=1)
    return best.values, all_users.gather(1, best.indices)


_WAYS = {"user": score_by_user, "item": score_by_item}
