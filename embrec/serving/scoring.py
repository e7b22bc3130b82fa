"""Batch scoring: the best items for every user or the best users for every new item, as one table."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.data.sequences import Sequences, latest_sequences
from embrec.errors import ConfigError, DataError
from embrec.files import atomic_path
from embrec.names import unknown
from embrec.parameters import call
from embrec.progress import Progress, silent
from embrec.serving.histories import check_count
from embrec.serving.logs import Log, read_log
from embrec.serving.ranking import excluded_items, map_single_threaded
from embrec.serving.recommender import Recommender

_NO_NEW_ITEMS = f"there are no new items to find users for; give them with {call('with_items', items='FILE')}"
WAYS = ("user", "item")


def score_by(
    what: str,
    recommender: Recommender,
    log: Log,
    k: int = 10,
    *,
    exclude_seen: bool = True,
    at: int | None = None,
    progress: Progress = silent,
) -> pl.DataFrame:
    """Score a log by `user` or by `item`; see `score_by_user` and `score_by_item`.

    Raises:
        ConfigError: it is neither.
    """
    score = score_by_user if check_request(what, k) == "user" else score_by_item
    return score(recommender, log, k, exclude_seen=exclude_seen, at=at, progress=progress)


def check_request(what: str, k: object = 10, new_items: bool = True) -> str:
    """Return `user` or `item` if a request can be met; checked before any data are read.

    Raises:
        ConfigError: it is neither `user` nor `item`, k is no whole number of at least 1, or there are no new items to find
            users for.
    """
    if what not in WAYS:
        raise ConfigError(unknown("way to score by", what, WAYS))
    check_count(k)
    if what == "item" and not new_items:
        raise ConfigError(_NO_NEW_ITEMS)
    return what


def score_by_user(
    recommender: Recommender,
    log: Log,
    k: int = 10,
    *,
    exclude_seen: bool = True,
    at: int | None = None,
    progress: Progress = silent,
) -> pl.DataFrame:
    """Return each user's best k candidates: columns user, rank (from 1), item, score, new (added after training).

    Args:
        recommender: recommender that scores.
        log: users and their histories: a data set, the log of one, or a table of users, items and perhaps times; see
            `read_log`. Its items are found by their ids, whatever catalog its rows belong to.
        k: number of items for each user.
        exclude_seen: leave out the items of the user's history.
        at: time in seconds at which all users are asked for their next event, for models that read times; the time of each
            user's last event if None.
        progress: called with the number of users that are done.

    Raises:
        ConfigError: k is no whole number of at least 1.
        DataError: the log has items that the recommender does not know, or is at fault itself.
    """
    k = check_count(k)
    interactions = read_log(log, recommender.catalog, recommender.run.name, recommender.context)
    item_ids, user_ids = _names(recommender.catalog.item_ids), _names(interactions.user_ids)
    sequences, order = _histories(recommender, interactions, at)
    frames = [_NOBODY]
    done = 0
    for rows, scores, tensor_ids in recommender.top_k_of_parts(sequences, order, k, exclude_seen):
        values, ids = scores.numpy(), tensor_ids.numpy()
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
        done += len(rows)
        progress("score users", done, len(order))
    return pl.concat(frames)


def score_by_item(
    recommender: Recommender,
    log: Log,
    k: int = 10,
    *,
    exclude_seen: bool = True,
    at: int | None = None,
    progress: Progress = silent,
) -> pl.DataFrame:
    """Return each new item's best k users: columns item, rank (from 1), user, score; arguments as of `score_by_user`.

    Scores of one item for different users are inner products with the same vector, so they can be compared. Among equal scores
    the user who comes first in the log comes first. An item in which the encoders found nothing to read has no users.

    Raises:
        ConfigError: k is no whole number of at least 1.
        DataError: no items were added after training, or the log is at fault.
    """
    k = check_count(k)
    n_new = len(recommender.catalog) - recommender.n_trained
    if n_new == 0:
        raise DataError(_NO_NEW_ITEMS)
    interactions = read_log(log, recommender.catalog, recommender.run.name, recommender.context)
    sequences, order = _histories(recommender, interactions, at)
    ranking = recommender.ranking  # made here, and not by several threads at once

    def of_new(rows: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.float32]]:
        """Return users [R] and their scores of the new items, [n_new, R]."""
        queries = ranking.queries(sequences, rows)
        excluded = excluded_items(sequences, rows, exclude_seen)
        first = recommender.n_trained + 1
        blocks = [block.numpy().T.copy() for _, block in ranking.blocks(queries, excluded, first)]
        return rows, np.concatenate(blocks)

    scores = np.full((n_new, 0), -np.inf, dtype=np.float32)
    users = np.zeros((n_new, 0), dtype=np.int64)
    done = 0
    for rows, more in map_single_threaded(of_new, ranking.parts(order)):
        scores = np.concatenate([scores, np.where(np.isnan(more), -np.inf, more)], axis=1)
        users = np.concatenate([users, np.broadcast_to(rows, more.shape)], axis=1)
        best = np.lexsort((users, -scores), axis=1)[:, :k]
        scores, users = np.take_along_axis(scores, best, axis=1), np.take_along_axis(users, best, axis=1)
        done += len(rows)
        progress("score users", done, len(order))
    row, place = np.nonzero(np.isfinite(scores))
    return pl.DataFrame(
        {
            "item": _names(recommender.catalog.item_ids[recommender.n_trained :]).gather(row),
            "rank": (place + 1).astype(np.int32),
            "user": _names(interactions.user_ids).gather(users[row, place]),
            "score": scores[row, place],
        }
    )


def check_output(path: Path) -> Path:
    """Return a path if scores can be written to it.

    Raises:
        DataError: it is a folder, its folder does not exist, or its ending is of no format that is written.
    """
    if path.is_dir():
        raise DataError(f"{path} is a folder; name a file such as {path / 'scores.parquet'}")
    if path.suffix.lower() not in _WRITERS:
        raise DataError(f"{path}: scores are written as {', '.join(_WRITERS)}; name a file such as {path.stem}.parquet")
    if not path.absolute().parent.is_dir():
        raise DataError(f"no such folder: {path.absolute().parent}; make it, or name another place")
    return path


def write_scores(scores: pl.DataFrame, path: Path) -> None:
    """Write scores atomically in the format of the path's ending: .parquet, .csv or .jsonl.

    Raises:
        DataError: the ending is another, or the file cannot be written.
    """
    write = _WRITERS[check_output(path).suffix.lower()]
    try:
        with atomic_path(path) as temporary:
            write(scores, temporary)
    except (pl.exceptions.PolarsError, OSError) as error:  # Polars reports a full disk as a computation gone wrong
        reason = str(error).splitlines()[0]
        raise DataError(f"cannot write {path} ({reason}); make room or choose another place") from None


def _histories(
    recommender: Recommender, interactions: Interactions, at: int | None
) -> tuple[Sequences, NDArray[np.int64]]:
    """Return the histories of all users, and the users in the order of their lengths."""
    sequences = latest_sequences(interactions, int(interactions.lengths.max(initial=0)), at)
    sequences = replace(sequences, user=recommender.user_numbers(interactions.user_ids.tolist()))
    return sequences, np.argsort(sequences.lengths, kind="stable")


def _names(ids: NDArray[np.object_]) -> pl.Series:
    return pl.Series(ids.tolist(), dtype=pl.String)


_NOBODY = pl.DataFrame(
    schema={"user": pl.String, "rank": pl.Int32, "item": pl.String, "score": pl.Float32, "new": pl.Boolean}
)
_WRITERS: Mapping[str, Callable[[pl.DataFrame, Path], object]] = {
    ".parquet": pl.DataFrame.write_parquet,
    ".csv": pl.DataFrame.write_csv,
    ".jsonl": pl.DataFrame.write_ndjson,
}
