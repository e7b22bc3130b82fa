"""Storage of prepared data sets: Parquet tables and `meta.json` in one folder, which is replaced atomically.

Catalog, interactions and user names are the data for training and evaluation; the events that the filters of the import
removed are stored with them, for serving.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl

from embrec.data.catalog import ITEM, Catalog
from embrec.data.interactions import Interactions
from embrec.data.other_events import EVENTS, USERS, OtherEvents
from embrec.errors import DataError
from embrec.files import atomic_folder, retired_folders, tidy, write_json, write_parquet
from embrec.locks import locked
from embrec.workspace import Category

FORMAT = 1
Content = TypeVar("Content")
_NARROW = (pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32)
_PATIENCE = 0.5  # seconds: who was alone with the data a moment ago looks whether the lock's file can go


@dataclass(frozen=True)
class Dataset:
    """A catalog and its interaction log.

    Attributes:
        catalog: items.
        interactions: events for training and evaluation.
        meta: arguments and report of the import.
        others: events that the filters removed; None if unknown or not loaded.
    """

    catalog: Catalog
    interactions: Interactions
    meta: dict[str, Any] = field(default_factory=dict)
    others: OtherEvents | None = None

    def statistics(self) -> dict[str, float]:
        """Return the usual statistics: users, items, events, means, density and the size of the catalog."""
        events, users = len(self.interactions), self.interactions.n_users
        items = len(np.unique(self.interactions.item))
        return {
            "users": users,
            "items": items,
            "events": events,
            "events per user": events / users,
            "events per item": events / items,
            "density": events / (users * items),
            "catalog": len(self.catalog),
        }

    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the stored tables, name -> table."""
        log = self.interactions
        context = {f"context.{name}": values for name, values in log.context.items()}
        return {
            "catalog": self.catalog.frame,
            "interactions": pl.DataFrame({"user": log.user, "item": log.item, "time": log.time} | context),
            "users": pl.DataFrame({"user": pl.Series(log.user_ids.tolist(), dtype=pl.String)}),
            **(self.others.frames() if self.others is not None else {}),
        }

    def same_data(self, other: "Dataset") -> bool:
        """Return True if another data set has the same items, users and events in the same order.

        The events that the filters removed are compared if both data sets have them.
        """
        return (
            self.catalog.text_columns == other.catalog.text_columns and self.same_items(other) and self.same_log(other)
        )

    def same_items(self, other: "Dataset") -> bool:
        """Return True if the catalogs have the same columns and values, whichever columns are text columns."""
        return _alike(self.catalog.frame, other.catalog.frame)

    def same_log(self, other: "Dataset") -> bool:
        """Return True if the logs have the same users and events in the same order, whatever the catalogs."""
        mine, theirs = self.frames(), other.frames()
        return all(_alike(mine[name], theirs[name]) for name in (mine.keys() & theirs.keys()) - {"catalog"})


def _alike(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    """Return True if two tables have the same values, whatever the width of their integer types."""
    wide = pl.col(_NARROW).cast(pl.Int64)
    return one.with_columns(wide).equals(other.with_columns(wide))


def save_dataset(category: Category, dataset: Dataset) -> None:
    """Write a data set into its category, replacing the previous one.

    Raises:
        DataError: the files cannot be written, for example because the disk is full; the previous data remain.
    """
    with atomic_folder(category.data) as folder:
        for name, frame in dataset.frames().items():
            write_parquet(frame, folder / f"{name}.parquet")
        meta = {
            "format": FORMAT,
            "text_columns": list(dataset.catalog.text_columns),
            "title_column": dataset.catalog.named_title,
            **dataset.meta,
        }
        write_json(folder / "meta.json", meta)


def load_dataset(category: Category | str) -> Dataset:
    """Read the data set of a category, given as such or by name: the data for training and evaluation.

    Raises:
        ConfigError: the value is neither a category nor the name of one.
        DataError: the category does not exist or was written by another version.
    """
    return _whole(Category.of(category), _read_dataset)


def load_with_others(category: Category) -> Dataset:
    """Read the data set of a category with the events that the filters removed; None if its version did not store them.

    Raises:
        DataError: the category does not exist or was written by another version.
    """
    return _whole(category, lambda found: replace(_read_dataset(found), others=_read_others(found)))


def catalog_size(category: Category) -> int:
    """Return the number of items of a category, from the header of its catalog's file.

    Raises:
        DataError: the category does not exist.
    """
    return _whole(category, lambda found: int(pl.scan_parquet(_catalog_file(found)).select(pl.len()).collect().item()))


@contextlib.contextmanager
def in_use(category: Category) -> Iterator[None]:
    """Keep imports from replacing the data of a category while the body uses them.

    Raises:
        DataError: the category does not exist, or is being imported.
    """
    category.require()
    busy = DataError(f"category {category.name!r} is being imported by another process; wait for it or stop it")
    with locked(category.lock, busy, shared=True, patience=_PATIENCE):
        yield


def _whole(category: Category, read: Callable[[Category], Content]) -> Content:
    """Read from a data set that may be replaced at any moment: all of it from before or all from after."""
    while True:
        moved = not category.data.exists() and retired_folders(category.data)
        if moved:  # the data are being replaced, or a process died while replacing them
            with contextlib.suppress(OSError), locked(category.lock, None):
                tidy(category.data)
        category.require()
        before = _state(category)
        try:
            found = read(category)
        except (OSError, pl.exceptions.PolarsError):
            if _state(category) == before:
                raise
            continue
        if _state(category) == before:
            return found


def _catalog_file(category: Category) -> Path:
    return category.data / "catalog.parquet"


def _state(category: Category) -> tuple[int, int] | None:
    try:
        status = (category.data / "meta.json").stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def _read_dataset(category: Category) -> Dataset:
    meta = json.loads((category.data / "meta.json").read_text(encoding="utf-8"))
    if meta.get("format") != FORMAT:
        raise DataError(
            f"the data of category {category.name!r} have format {meta.get('format')}, this version reads {FORMAT}; "
            "import them again"
        )
    frame = pl.read_parquet(category.data / "interactions.parquet")
    users = pl.read_parquet(category.data / "users.parquet")["user"]
    catalog = Catalog(pl.read_parquet(_catalog_file(category)), meta["text_columns"], meta.get("title_column"))
    interactions = Interactions(
        user_ids=users.to_numpy().astype(object),
        user=frame["user"].to_numpy(),
        item=frame["item"].to_numpy(),
        time=frame["time"].to_numpy(),
        context={
            name.removeprefix("context."): frame[name].to_numpy()
            for name in frame.columns
            if name.startswith("context.")
        },
        item_ids=catalog.frame[ITEM],
    )
    return Dataset(catalog, interactions, meta)


def _read_others(category: Category) -> OtherEvents | None:
    if not (category.data / f"{EVENTS}.parquet").is_file():
        return None
    return OtherEvents(*(pl.read_parquet(category.data / f"{name}.parquet") for name in (EVENTS, USERS)))
