"""The catalog of a category: items in a fixed order, with their texts, images and attributes."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.id_mismatch import find_id_mismatch
from embrec.errors import DataError
from embrec.names import there_are

ITEM = "item"
IMAGE = "image"

# Common names of the column with product titles, most likely first; compared without case, `_`, `-` and blanks.
_TITLES = (
    "title",
    "name",
    "producttitle",
    "productname",
    "prodname",
    "itemtitle",
    "itemname",
    "articlename",
    "headline",
)


class Catalog:
    """Items in a fixed order; item `r` has tensor id `r + 1`, and 0 is padding.

    Args:
        frame: table with one row per item: column `item` (unique ids, text), text columns, optionally `image` (path of a
            file), and further attributes.
        text_columns: columns that encoders read as text, in reading order; None: all text columns except `item` and `image`.
        title_column: column with the names of items for people; None: a column with a common name, else the first text
            column.

    Raises:
        DataError: an id is missing or repeated, or a named column does not exist.
    """

    def __init__(
        self, frame: pl.DataFrame, text_columns: Sequence[str] | None = None, title_column: str | None = None
    ) -> None:
        if ITEM not in frame.columns:
            raise DataError(f"a catalog needs a column {ITEM!r}{there_are(ITEM, frame.columns)}")
        frame = frame.with_columns(pl.col(ITEM).cast(pl.String))
        if frame[ITEM].null_count():
            raise DataError("a catalog has rows without an item id; drop or name them")
        repeated = frame.filter(pl.col(ITEM).is_duplicated())[ITEM]
        if len(repeated):
            raise DataError(f"item {repeated[0]!r} is in the catalog more than once; ids must be unique")
        if text_columns is None:
            text_columns = [
                name for name, dtype in frame.schema.items() if dtype == pl.String and name not in (ITEM, IMAGE)
            ]
        named = [*text_columns, *([] if title_column is None else [title_column])]
        missing = [name for name in named if name not in frame.columns]
        if missing:
            raise DataError(f"the catalog has no column {missing[0]!r}{there_are(missing[0], frame.columns)}")
        self.frame = frame
        self.text_columns = tuple(text_columns)
        self.named_title = title_column

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def item_ids(self) -> NDArray[np.object_]:
        """The item ids as Python strings, [n]."""
        return self.frame[ITEM].to_numpy().astype(object)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {item: row for row, item in enumerate(self.item_ids.tolist())}

    def row(self, item: str) -> int:
        """Return the row of one item.

        Raises:
            DataError: the catalog has no such item.
        """
        try:
            return self._row_of[item]
        except KeyError:
            alike = find_id_mismatch(pl.Series([str(item)]), self.frame[ITEM])
            if alike is not None:
                example = f"; it has {alike.other!r}: {alike.cause}"
            else:
                example = "".join(f"; their ids look like {known!r}" for known in self.item_ids[:1])
            raise DataError(f"no item {item!r} in the catalog of {len(self):,} items{example}") from None

    def rows(self, items: Iterable[str]) -> NDArray[np.int64]:
        """Return the rows of several items; an unknown item raises as in `row`."""
        return np.array([self.row(item) for item in items], dtype=np.int64)

    def __contains__(self, item: object) -> bool:
        return item in self._row_of

    def texts(self, columns: Sequence[str] | None = None) -> list[str]:
        """Return one text per item: its columns joined by spaces, without missing values, [n].

        Args:
            columns: columns in reading order; `text_columns` if None.

        Raises:
            DataError: a column does not exist.
        """
        columns = self.text_columns if columns is None else columns
        missing = [name for name in columns if name not in self.frame.columns]
        if missing:
            raise DataError(f"the catalog has no column {missing[0]!r}{there_are(missing[0], self.frame.columns)}")
        if not columns:
            return [""] * len(self)
        parts = [pl.col(name).cast(pl.String).str.strip_chars().replace("", None) for name in columns]
        return self.frame.select(pl.concat_str(parts, separator=" ", ignore_nulls=True))[:, 0].to_list()

    @property
    def title_column(self) -> str | None:
        """The column with the names of items for people; None if the catalog has no text."""
        if self.named_title is not None:
            return self.named_title
        texts = {
            name: re.sub(r"[\s_.-]", "", name.casefold())
            for name, dtype in self.frame.schema.items()
            if dtype == pl.String
        }
        for title in _TITLES:
            for name, plain in texts.items():
                if plain == title:
                    return name
        return self.text_columns[0] if self.text_columns else None

    def titles(self, rows: Sequence[int] | NDArray[np.integer] | None = None) -> list[str]:
        """Return the titles of some items, or of all; empty texts for missing titles."""
        column = self.title_column
        count = len(self) if rows is None else len(rows)
        if column is None:
            return [""] * count
        titles = self.frame[column] if rows is None else self.frame[column].gather(np.asarray(rows, dtype=np.int64))
        return titles.cast(pl.String).fill_null("").to_list()

    def image_paths(self) -> list[Path | None]:
        """Return the path of each item's image, None without an image, [n]."""
        if IMAGE not in self.frame.columns:
            return [None] * len(self)
        return [Path(path) if path else None for path in self.frame[IMAGE].to_list()]

    @cached_property
    def fingerprints(self) -> NDArray[np.uint8]:
        """A 16-byte hash of each item's id and columns, [n, 16]; equal content has equal fingerprints."""
        names = sorted(self.frame.columns)
        rows = self.frame.select(pl.struct(names).struct.json_encode())[:, 0].to_list()
        return content_hashes(rows)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the item ids and their order; catalogs with equal fingerprints can share feature tables."""
        return hashlib.blake2b("\n".join(self.item_ids.tolist()).encode(), digest_size=16).hexdigest()

    def select(self, rows: Sequence[int] | NDArray[np.integer]) -> "Catalog":
        """Return the catalog of these rows, in this order."""
        return Catalog(self.frame[np.asarray(rows, dtype=np.int64)], self.text_columns, self.named_title)

    def extended(self, other: "Catalog") -> "Catalog":
        """Return this catalog followed by the items of `other`, whose ids must be new.

        Raises:
            DataError: an item is in both catalogs.
        """
        frame = pl.concat([self.frame, other.frame], how="diagonal_relaxed")
        return Catalog(frame, tuple(dict.fromkeys(self.text_columns + other.text_columns)), self.named_title)


def content_hashes(contents: Iterable[str | bytes]) -> NDArray[np.uint8]:
    """Return a 16-byte BLAKE2 hash of each text or byte string, [k, 16]."""
    digests = [
        hashlib.blake2b(content.encode() if isinstance(content, str) else content, digest_size=16).digest()
        for content in contents
    ]
    return np.frombuffer(b"".join(digests), dtype=np.uint8).reshape(len(digests), 16)
