"""Relations between items, such as bought with, looked at instead of, or touched right after.

Relations come from lists of the catalog, or are counted from events. Counted relations know the events that they were counted
from, so they are counted from training events only: `partition.train.events(interactions)`. The published relations of ML-1M
were counted from all events and hold the test item of two users in three; `embrec.evaluation.leaks` finds such relations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, overload

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.catalog import ITEM, Catalog
from embrec.data.interactions import Interactions
from embrec.data.repeats import is_repeat
from embrec.errors import ConfigError, DataError
from embrec.names import there_are

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Relations:
    """R directed relations between the n items of a catalog. Items are tensor ids; PAD and an item itself are in none.

    Attributes:
        names: names of the relations, [R].
        ptr: the tails of head h in relation r are `tail[ptr[r, h] : ptr[r, h + 1]]`, [R, n + 2].
        tail: all pairs, sorted by relation, head and tail, each once, [P].
        unknown: relation -> number of entries of its lists that named no item of the catalog and were left out.
    """

    names: tuple[str, ...]
    ptr: NDArray[np.int64]
    tail: NDArray[np.int32]
    unknown: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def from_pairs(
        cls,
        n_items: int,
        pairs: Mapping[str, tuple[NDArray[np.integer], NDArray[np.integer]]],
        unknown: Mapping[str, int] | None = None,
    ) -> "Relations":
        """Build relations from pairs of tensor ids; repeated pairs count once, pairs of an item with itself not at all.

        Args:
            n_items: size of the catalog.
            pairs: relation -> (heads, tails), tensor ids from 1 to `n_items`, both [p].
            unknown: see the attribute of this name.
        """
        width = n_items + 1
        ptr = np.zeros((len(pairs), width + 1), dtype=np.int64)
        tails = []
        total = 0
        for place, (head, tail) in enumerate(pairs.values()):
            other = head != tail
            keys = _distinct(head[other].astype(np.int64) * width + tail[other])
            ptr[place] = total + np.searchsorted(keys, np.arange(width + 1) * width)
            tails.append((keys % width).astype(np.int32))
            total += len(keys)
        return cls(tuple(pairs), ptr, np.concatenate([*tails, np.empty(0, dtype=np.int32)]), dict(unknown or {}))

    @classmethod
    def from_lists(cls, catalog: Catalog, columns: Sequence[str]) -> "Relations":
        """Read relations from columns of the catalog that list other items, one relation a column.

        A column holds lists, or texts of ids: with commas between them if any text of the column has a comma or a bracket
        (`[12, 7]`, `["a", "b"]`, `a, b`), else with spaces. Ids that the catalog does not have are left out and counted.

        Raises:
            ConfigError: no column is given, or one twice.
            DataError: a column does not exist.
        """
        if not columns or len(set(columns)) < len(columns):
            raise ConfigError(
                f"relations need columns of the catalog, each once; given: {', '.join(columns) or 'none'}"
            )
        missing = [name for name in columns if name not in catalog.frame.columns]
        if missing:
            there = there_are(missing[0], catalog.frame.columns)
            raise DataError(f"the catalog has no column {missing[0]!r} to read relations from{there}")
        known = catalog.frame.select(pl.col(ITEM).alias("id")).with_row_index("tail", offset=1)
        pairs, unknown = {}, {}
        for name in columns:
            listed = pl.DataFrame({"id": _ids(catalog.frame[name])}).with_row_index("head", offset=1)
            listed = listed.explode("id").filter(pl.col("id").is_not_null() & (pl.col("id") != ""))
            found = listed.join(known, on="id", how="inner")
            pairs[name] = found["head"].to_numpy(), found["tail"].to_numpy()
            unknown[name] = len(listed) - len(found)
        return cls.from_pairs(len(catalog), pairs, unknown)

    @classmethod
    def from_transitions(
        cls,
        interactions: Interactions,
        events: NDArray[np.integer],
        n_items: int,
        *,
        name: str = "next",
        first_occurrence: bool = True,
        most: int | None = None,
    ) -> "Relations":
        """Relate each item to those that some user touched right after it.

        Chorus makes its complements on ML-1M in this way, with `most` 151 and from all events, test included.

        Args:
            interactions: the log.
            events: indices of the events to count, [e]: those of training. Others are skipped as if they did not exist.
            n_items: size of the catalog.
            name: name of the relation.
            first_occurrence: count only what follows a user's first event of an item.
            most: largest number of tails of a head, those with the most events; all if None.

        Raises:
            ConfigError: `most` is less than 1.
        """
        if most is not None and most < 1:
            raise ConfigError(f"most is {most}: a relation needs at least one tail a head")
        events = np.sort(events)
        user, item = interactions.user[events], interactions.item[events].astype(np.int64) + 1
        follows = user[1:] == user[:-1]
        if first_occurrence:
            follows &= ~is_repeat(user, item)[:-1]
        head, tail = item[:-1][follows], item[1:][follows]
        if most is not None:
            head, tail = _most_popular(head, tail, np.bincount(item, minlength=n_items + 1), most)
        return cls.from_pairs(n_items, {name: (head, tail)})

    @property
    def n_items(self) -> int:
        """The size of the catalog."""
        return self.ptr.shape[1] - 2

    @property
    def counts(self) -> dict[str, int]:
        """The pairs of each relation."""
        return dict(zip(self.names, (self.ptr[:, -1] - self.ptr[:, 0]).tolist(), strict=True))

    def pairs(self, name: str) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return heads and tails of a relation, sorted, both [p].

        Raises:
            ConfigError: there is no such relation.
        """
        if name not in self.names:
            raise ConfigError(f"no relation {name!r}{there_are(name, self.names)}")
        ptr = self.ptr[self.names.index(name)]
        return np.repeat(np.arange(len(ptr) - 1), np.diff(ptr)), self.tail[ptr[0] : ptr[-1]]

    def beside(self, other: "Relations") -> "Relations":
        """Return these relations followed by those of `other`, of the same catalog.

        Raises:
            ConfigError: both have a relation of the same name, or the catalogs differ in size.
        """
        shared = [name for name in other.names if name in self.names]
        if shared:
            raise ConfigError(f"two relations are called {shared[0]!r}; name one of them differently")
        if self.n_items != other.n_items:
            raise ConfigError(f"relations of {self.n_items:,} items do not go with relations of {other.n_items:,}")
        return Relations(
            self.names + other.names,
            np.concatenate([self.ptr, other.ptr + len(self.tail)]),
            np.concatenate([self.tail, other.tail]),
            {**self.unknown, **other.unknown},
        )

    @cached_property
    def _keys(self) -> NDArray[np.int64]:
        """All pairs as one sorted array of numbers, to be found by bisection, [P]."""
        width = self.ptr.shape[1] - 1
        row = np.repeat(
            np.arange(len(self.names) * width), np.diff(self.ptr, axis=1).ravel()
        )  # relation * width + head
        return row * width + self.tail

    def holds(self, heads: NDArray[np.integer], tails: NDArray[np.integer]) -> NDArray[np.bool_]:
        """Return whether each pair is in each relation; items that were added after training are in none.

        Args:
            heads: tensor ids, of any shape.
            tails: tensor ids; both are broadcast to one shape S.

        Returns:
            True where `tails` is among the tails of `heads`, [S, R].
        """
        width = self.ptr.shape[1] - 1
        heads, tails = (np.where(ids < width, ids, 0).astype(np.int64) for ids in (heads, tails))  # PAD is in none
        pair = heads * width + tails
        found = np.zeros((*pair.shape, len(self.names)), dtype=bool)
        if len(self._keys):
            for place in range(len(self.names)):
                wanted = pair + place * width * width
                at = np.searchsorted(self._keys, wanted)
                found[..., place] = self._keys[np.minimum(at, len(self._keys) - 1)] == wanted
        return found

    @overload
    def lookup(self, heads: NDArray[np.integer], tails: NDArray[np.integer]) -> NDArray[np.bool_]: ...

    @overload
    def lookup(self, heads: "Tensor", tails: "Tensor") -> "Tensor": ...

    def lookup(
        self, heads: "NDArray[np.integer] | Tensor", tails: "NDArray[np.integer] | Tensor"
    ) -> "NDArray[np.bool_] | Tensor":
        """Return how candidates are related to the events of histories.

        Tensors are looked up on their device, where the pairs are copied to once. Items that were added after training are in
        none.

        Args:
            heads: histories, tensor ids, 0 is padding, [B, H].
            tails: candidates, tensor ids, 0 is padding, [B, C].

        Returns:
            True where the candidate is a tail of the event's item, [B, C, H, R].
        """
        if isinstance(heads, np.ndarray) or isinstance(tails, np.ndarray):
            return self.holds(np.asarray(heads)[:, None, :], np.asarray(tails)[:, :, None])
        return self._holds_on_device(heads[:, None, :], tails[:, :, None])

    def _holds_on_device(self, heads: "Tensor", tails: "Tensor") -> "Tensor":
        """Return what `holds` does, for tensors of one device."""
        import torch  # seconds to import, and most readers of relations need no tensors

        keys = self._keys_by_device.get(heads.device)
        if keys is None:
            keys = self._keys_by_device[heads.device] = torch.from_numpy(self._keys).to(heads.device)
        width = self.ptr.shape[1] - 1
        heads, tails = (ids.masked_fill(ids >= width, 0) for ids in (heads, tails))  # PAD is in none
        relation = torch.arange(len(self.names), device=heads.device) * (width * width)
        wanted = (heads * width + tails)[..., None] + relation
        if not len(keys):
            return torch.zeros_like(wanted, dtype=torch.bool)
        at = torch.searchsorted(keys, wanted).clamp_(max=len(keys) - 1)
        return keys[at] == wanted

    @cached_property
    def _keys_by_device(self) -> "dict[torch.device, Tensor]":
        """Copies of the sorted pairs, device -> [P]."""
        return {}


def _ids(column: pl.Series) -> pl.Series:
    """Return the ids that each value of a column lists, as lists of text, [n]."""
    if isinstance(column.dtype, pl.List | pl.Array):
        return column.cast(pl.List(pl.String))
    texts = column.cast(pl.String)
    if texts.str.contains(r",|^\s*\[").any():
        return texts.str.split(",").list.eval(pl.element().str.strip_chars(" \t\n\r[]'\""))
    return texts.str.extract_all(r"\S+")


def _most_popular(
    head: NDArray[np.int64], tail: NDArray[np.int64], popularity: NDArray[np.int64], most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each head, the pairs with its `most` most popular tails; among equally popular ones, those of lower id."""
    width = len(popularity)
    by_popularity = np.argsort(-popularity, kind="stable")  # ties keep the order of ids
    place = np.empty(width, dtype=np.int64)
    place[by_popularity] = np.arange(width)
    other = head != tail
    pair = _distinct(head[other] * width + place[tail[other]])
    head, tail = pair // width, by_popularity[pair % width]
    starts = np.concatenate([[0], np.cumsum(np.bincount(head, minlength=width))])
    kept = np.arange(len(head)) - starts[head] < most
    return head[kept], tail[kept]


def _distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distinct values in order, much faster than `np.unique`, which first counts them in a hash table."""
    values = np.sort(values)
    first = np.ones(len(values), dtype=bool)
    first[1:] = values[1:] != values[:-1]
    return values[first]
