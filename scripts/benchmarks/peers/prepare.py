"""Writes what every peer learns from and is judged by: leave-one-out of one data set.

The events of a user are in order of time, then of the file. The last is the test target; all others, the validation item
among them, are learned from.
"""

from pathlib import Path
from typing import NamedTuple

import polars as pl


class Prepared(NamedTuple):
    """Paths and contents of a prepared data set.

    Attributes:
        train: CSV file with columns user, item, order.
        seen: user -> items of the training events.
        targets: user -> item to be found.
    """

    train: Path
    seen: dict[str, set[str]]
    targets: dict[str, str]


def read_events(path: Path) -> pl.DataFrame:
    """Return the events of a parquet file (user, item; timestamp or position) or of a RecBole .inter file, in order."""
    if path.suffix == ".parquet":
        events = pl.read_parquet(path)
    else:
        events = pl.read_csv(path, separator="\t", infer_schema=False).rename(lambda name: name.partition(":")[0])
        events = events.rename({"user_id": "user", "item_id": "item"}).with_columns(pl.col("timestamp").cast(float))
    key = "position" if "position" in events.columns else "timestamp"
    return events.sort(key, maintain_order=True).select(pl.col("user", "item").cast(str))


def prepare(path: Path, folder: Path) -> Prepared:
    """Split the events of a file, and write the training table into a folder."""
    events = read_events(path)
    from_end = pl.int_range(pl.len(), 0, -1).over("user")
    train, test = events.filter(from_end > 1), events.filter(from_end == 1)
    folder.mkdir(parents=True, exist_ok=True)
    table = folder / "train.csv"
    train.with_row_index("order").select("user", "item", "order").write_csv(table)
    seen: dict[str, set[str]] = {}
    for user, item in train.iter_rows():
        seen.setdefault(user, set()).add(item)
    targets = {user: item for user, item in test.iter_rows() if user in seen}
    return Prepared(table, seen, targets)
