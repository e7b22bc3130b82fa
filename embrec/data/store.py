"""A prepared data set on disk: two Parquet tables, the users' names and a description, replaced as one."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from embrec.data.catalog import ITEM, Catalog
from embrec.data.interactions import Interactions
from embrec.errors import DataError
from embrec.files import atomic_folder, write_json, write_parquet
from embrec.workspace import Category

FORMAT = 1


@dataclass(frozen=True)
class Dataset:
    """A catalog and the log of interactions with it; `meta` says where they came from and what was kept."""

    catalog: Catalog
    interactions: Interactions
    meta: dict[str, Any] = field(default_factory=dict)

    def statistics(self) -> dict[str, float]:
        """Return the counts that papers print: users, items, events, and their means."""
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
        """Return the tables that are stored, name -> table."""
        log = self.interactions
        context = {f"context.{name}": values for name, values in log.context.items()}
        return {
            "catalog": self.catalog.frame,
            "interactions": pl.DataFrame({"user": log.user, "item": log.item, "time": log.time} | context),
            "users": pl.DataFrame({"user": pl.Series(log.user_ids.tolist(), dtype=pl.String)}),
        }

    def same_data(self, other: "Dataset") -> bool:
        """Return whether another data set holds the same items, users and events in the same order."""
        others = other.frames()
        return self.catalog.text_columns == other.catalog.text_columns and all(
            frame.equals(others[name]) for name, frame in self.frames().items()
        )


def save_dataset(category: Category, dataset: Dataset) -> None:
    """Write a data set into its category, replacing what was there.

    Raises:
        DataError: the files cannot be written, for example because the disk is full; what was there stays.
    """
    with atomic_folder(category.data) as folder:
        for name, frame in dataset.frames().items():
            write_parquet(frame, folder / f"{name}.parquet")
        meta = {"format": FORMAT, "text_columns": list(dataset.catalog.text_columns), **dataset.meta}
        write_json(folder / "meta.json", meta)


def load_dataset(category: Category) -> Dataset:
    """Read the data set of a category.

    Raises:
        DataError: the category does not exist or was written by another version.
    """
    category.require()
    meta = json.loads((category.data / "meta.json").read_text(encoding="utf-8"))
    if meta.get("format") != FORMAT:
        raise DataError(
            f"the data of category {category.name!r} have format {meta.get('format')}, this version reads {FORMAT}; "
            "import them again"
        )
    frame = pl.read_parquet(category.data / "interactions.parquet")
    users = pl.read_parquet(category.data / "users.parquet")["user"]
    catalog = Catalog(pl.read_parquet(category.data / "catalog.parquet"), meta["text_columns"])
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
