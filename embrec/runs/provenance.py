"""Provenance of a run: hashes of its data, and the events that it learned from."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.data.splits import Partition
from embrec.data.store import Dataset
from embrec.errors import RunError
from embrec.features.table import FeatureTable


@dataclass(frozen=True)
class MadeOf:
    """Hashes of the data of a run, of a search, or of a category as it is now.

    Attributes:
        log: hash of the events in their order: users by number, items by catalog row, times.
        users: hash of the users' names in their order.
        catalog: hash of the item ids in their order.
        partition: hash of the training, validation and test events of the split.
        tables: name of a feature table -> hash of the contents that it was encoded from.
        counts: number of users, items, events, and events of training, validation and test.
    """

    log: str
    users: str
    catalog: str
    partition: str
    tables: Mapping[str, str] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, dataset: Dataset, partition: Partition, tables: Sequence[FeatureTable] = ()) -> "MadeOf":
        """Describe data.

        Args:
            dataset: catalog and log.
            partition: how the split divides the log, whatever was learned from.
            tables: the feature tables that are read too.
        """
        log = dataset.interactions
        return cls(
            log=log_hash(log).hex(),
            users=_users_hash(log),
            catalog=dataset.catalog.fingerprint,
            partition=partition_hash(partition),
            tables={table.path.stem: table_hash(table) for table in tables},
            counts={
                "users": log.n_users,
                "items": len(dataset.catalog),
                "events": len(log),
                "training events": len(partition.train),
                "validation targets": len(partition.valid),
                "test targets": len(partition.test),
            },
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "MadeOf":
        """Read what `as_dict` returned.

        Raises:
            KeyError: something is missing.
            TypeError: something is of another kind.
        """
        return cls(**{name: values[name] for name in cls.__dataclass_fields__})

    @classmethod
    def read(cls, file: Path) -> "MadeOf | None":
        """Read the hashes of a run or a search; None if there is no such file, since earlier versions wrote none.

        Raises:
            RunError: the file is damaged.
        """
        if not file.is_file():
            return None
        try:
            return cls.from_dict(json.loads(file.read_text(encoding="utf-8")))
        except (KeyError, TypeError, ValueError):
            raise RunError(f"{file} is damaged, so it is unknown which data were used; train or search again") from None

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain values for JSON."""
        return asdict(self)

    def differences(self, now: "MadeOf") -> list[str]:
        """Return in words what has changed from this to now, the most serious first; tables that only one has are ignored."""
        changed = []
        if self.catalog != now.catalog:
            changed.append("the catalog has other items, or the same in another order")
        if (self.log, self.users) != (now.log, now.users):
            before, after = self.counts["events"], now.counts["events"]
            changed.append(f"the log has other events: {before:,} before, {after:,} now")
        elif self.partition != now.partition:
            changed.append("the split divides the log differently")
        both = [name for name in self.tables if name in now.tables]
        changed += [
            f"the contents of feature table {name} have changed"
            for name in both
            if self.tables[name] != now.tables[name]
        ]
        return changed

    def is_of(self, dataset: Dataset) -> bool:
        """Return True if these are the log and the catalog of a data set, whatever its split."""
        log = dataset.interactions
        now = log_hash(log).hex(), _users_hash(log), dataset.catalog.fingerprint
        return (self.log, self.users, self.catalog) == now

    @property
    def data(self) -> tuple[str, ...]:
        """All hashes but those of the tables: equal for everything that is measured on the same targets."""
        return self.log, self.users, self.catalog, self.partition


def log_hash(interactions: Interactions) -> bytes:
    """Hash the events of a log in their order."""
    digest = hashlib.blake2b(digest_size=16)
    for column in (interactions.user, interactions.item, interactions.time):
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.digest()


def _users_hash(interactions: Interactions) -> str:
    """Hash the names of a log's users in their order."""
    return _hash("\n".join(map(str, interactions.user_ids.tolist())).encode())


def context_hash(interactions: Interactions) -> bytes:
    """Hash the numeric context columns of a log; empty if it has none.

    It is no part of `log_hash`, by which runs of models that read no context are found again. Give the log as a model reads it.
    """
    columns = interactions.numeric_context()
    if not columns:
        return b""
    digest = hashlib.blake2b(digest_size=16)
    for name, values in columns.items():
        digest.update(json.dumps([name, str(values.dtype)]).encode() + np.ascontiguousarray(values).tobytes())
    return digest.digest()


def partition_hash(partition: Partition) -> str:
    """Hash the training, validation and test events of a split."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (partition.train, partition.valid, partition.test):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part.user.astype(np.int64).tobytes() + part.position.astype(np.int64).tobytes())
    digest.update(partition.hidden.tobytes())
    return digest.hexdigest()


def targets_hash(interactions: Interactions, partition: Partition) -> bytes:
    """Hash a log and its training, validation and test events: all that the ranks of its test targets depend on.

    Args:
        interactions: the log as the model reads it, with the context columns that it reads alone.
        partition: how it is divided.
    """
    return log_hash(interactions) + bytes.fromhex(partition_hash(partition)) + context_hash(interactions)


def table_hash(table: FeatureTable) -> str:
    """Hash the contents that a feature table was encoded from; its name says by which encoder."""
    return _hash(np.ascontiguousarray(table.fingerprints).tobytes())


def used_events(interactions: Interactions, learned: Partition) -> pl.DataFrame:
    """Return the training and validation events of a training: columns user (a hash of the name) and items.

    Items are catalog rows, one sorted list for each user, with repeats, so that a user's nth event on an item can be found.

    Args:
        interactions: the log.
        learned: how it is divided for the training itself, as `learned_partition` returns it.
    """
    events = np.concatenate([learned.train.events(interactions), learned.valid.events(interactions)])
    users, items = interactions.user[events], interactions.item[events]
    order = np.lexsort((items, users))
    numbers, starts = np.unique(users[order], return_index=True)
    lengths = np.diff(np.append(starts, len(order)))
    names = user_hashes(interactions.user_ids[numbers])
    flat = pl.DataFrame({"row": np.repeat(np.arange(len(numbers)), lengths), "items": items[order].astype(np.uint32)})
    lists = flat.group_by("row", maintain_order=True).agg("items")["items"]
    return pl.DataFrame({"user": names, "items": lists}).sort("user")


def used_targets(
    used: pl.DataFrame, item_ids: NDArray[np.object_], dataset: Dataset, partition: Partition
) -> NDArray[np.bool_]:
    """Return which test targets of a log a training on another log has used, [T]; items are matched by their ids.

    A target that is its user's nth event on its item was used if the training had at least n such events.

    Args:
        used: events that `used_events` returned.
        item_ids: item ids of the catalog of that training.
        dataset: data of the targets.
        partition: how they are split.
    """
    log = dataset.interactions
    row_of = pl.DataFrame(
        {
            "items": np.arange(len(item_ids), dtype=np.uint32),
            "item": pl.Series(item_ids.tolist(), dtype=pl.String),
        }
    )
    counts = (
        used.explode("items")
        .drop_nulls()
        .group_by("user", "items")
        .len("used")
        .join(row_of, on="items", how="inner")
        .select("user", "item", "used")
    )
    targets = partition.test.events(log)
    nth = pl.DataFrame({"user": log.user, "item": log.item}).select(
        pl.int_range(1, pl.len() + 1).over("user", "item").alias("nth")
    )["nth"]
    asked = pl.DataFrame(
        {
            "user": user_hashes(log.user_ids)[log.user[targets]],
            "item": dataset.catalog.frame["item"].gather(log.item[targets]),
            "nth": nth.gather(targets),
        }
    )
    joined = asked.join(counts, on=["user", "item"], how="left", maintain_order="left")
    return (joined["nth"] <= joined["used"]).fill_null(False).to_numpy()


def user_hashes(names: NDArray[np.object_]) -> NDArray[np.uint64]:
    """Return a hash of each user's name, [k]: a run keeps no names of people."""
    digests = [hashlib.blake2b(str(name).encode(), digest_size=8).digest() for name in names.tolist()]
    return np.frombuffer(b"".join(digests), dtype="<u8").astype(np.uint64)


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
