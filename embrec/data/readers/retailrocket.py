"""Reader of RetailRocket: four and a half months of views, carts and purchases of a web shop.

Source: [retailrocket2015], https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset.

`events.csv` (timestamp in milliseconds, visitorid, event, itemid, transactionid); `item_properties_part1.csv` and
`..._part2.csv` (timestamp, itemid, property, value), in which all words except the names `categoryid` and `available` are
hashed; `category_tree.csv` (categoryid, parentid).

There is no text for people or pretrained encoders. Equal words have equal hashes, so the column `properties`, an item's latest
values, suits encoders that count words (TF-IDF).
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import ConfigDict, Field

from embrec.data.readers.guide import Guide
from embrec.data.readers.published import (
    file_named,
    header_of,
    read_columns,
    require_named,
    time_columns,
    whole_numbers,
)
from embrec.data.readers.raw import ITEM, USER, RawData, check_ids, require_events
from embrec.errors import DataError
from embrec.names import unknown
from embrec.parameters import parameter
from embrec.progress import Progress, silent
from embrec.validation import Checked

EVENTS = ("view", "addtocart", "transaction")
_LOG, _TREE = "events.csv", "category_tree.csv"
_PROPERTIES = ("item_properties_part1.csv", "item_properties_part2.csv", "item_properties.csv")
_COLUMNS = ("timestamp", "visitorid", "event", "itemid")
_CATEGORY, _NOT_WORDS = "categoryid", ("categoryid", "available")


class RetailRocketSource(Checked):
    """The unpacked folder of RetailRocket."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: ClassVar[tuple[str, ...]] = ("retailrocket",)
    guides: ClassVar[dict[str, Guide]] = {
        "retailrocket": Guide(
            "RetailRocket: 2.8 million views, carts and purchases of a web shop; properties are hashed, there are no texts",
            f"{_LOG}; item_properties_part1.csv, item_properties_part2.csv and {_TREE} if they are there",
            {"source": "retailrocket", "path": "retailrocket", "event": ("addtocart", "transaction"), "category": "rr"},
            "https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset",
            "CC BY-NC-SA 4.0",
        )
    }
    source: Literal["retailrocket"] = "retailrocket"
    path: Annotated[Path, Field(description="the unpacked folder")]
    event: Annotated[
        tuple[str, ...], Field(description=f"kinds of events that count: {', '.join(EVENTS)}; all if empty")
    ] = ()

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return True if a folder has the files of this source."""
        known = path.is_dir() and file_named(path, _LOG) is not None
        return known and any(file_named(path, name) is not None for name in (*_PROPERTIES, _TREE))

    def files(self) -> list[Path]:
        """Return the input files; see `Source`."""
        log = require_named(self.path, _LOG, "RetailRocket")
        others = [file_named(self.path, name) for name in (*_PROPERTIES, _TREE)]
        return [log, *(file for file in others if file is not None)]

    def read(self, progress: Progress = silent) -> RawData:
        """Read the events and the properties; see `Source`."""
        log, *_ = self.files()
        notes: dict[str, int] = {}
        remarks: list[str] = []
        events = _events(log, self.event, notes, remarks, progress)
        properties = [found for name in _PROPERTIES if (found := file_named(self.path, name)) is not None]
        if not properties:
            remarks.append("no texts: the files of item properties are not there")
            return RawData(events, context=("event",), notes=notes, remarks=remarks)
        remarks.append(
            "the words of 'properties' are hashed: TF-IDF can count them, pretrained text encoders cannot read them"
        )
        items = _items(properties, file_named(self.path, _TREE), events, progress)
        return RawData(events, items, ("properties", "categories"), context=("event",), notes=notes, remarks=remarks)

    def read_catalog(self, items: Path | pl.DataFrame) -> pl.DataFrame | None:
        """Return the items of a file of properties as `read` does; None for a file of another form.

        Raises:
            DataError: the file is broken, or the category tree that it refers to does not exist any more.
        """
        if isinstance(items, pl.DataFrame) or not {"itemid", "property", "value"} <= set(header_of(items)):
            return None
        tree = file_named(items.parent, _TREE) or file_named(self.path, _TREE)
        if tree is None and not self.path.is_dir():
            raise DataError(
                f"{items} names categories whose parents are in {_TREE}, which is neither beside it nor in "
                f"{self.path}; put it beside"
            )
        return _items([items], tree, None, silent)

    def picture_folders(self) -> list[Path]:
        """Return the folders that may hold pictures of items: none."""
        return []


def _events(
    path: Path, kinds: tuple[str, ...], notes: dict[str, int], remarks: list[str], progress: Progress
) -> pl.DataFrame:
    table = read_columns(path, _COLUMNS, progress=progress)
    require_events(table.frame, path)
    times = whole_numbers(table, "timestamp", "milliseconds since 1970")
    events = table.frame.select(pl.col("visitorid").alias(USER), pl.col("itemid").alias(ITEM), "event")
    check_ids(events, USER, table.where)
    check_ids(events, ITEM, table.where)
    events = events.with_columns(time_columns(times, table.where, remarks))
    context = events.drop("event").columns
    return of_kinds(events.select(*context, "event"), "event", kinds, EVENTS, path, notes)


def of_kinds(
    events: pl.DataFrame,
    column: str,
    kinds: tuple[str, ...],
    known: tuple[str, ...],
    path: Path,
    notes: dict[str, int],
) -> pl.DataFrame:
    """Return the events of some kinds.

    Args:
        events: events of all kinds.
        column: column of the kind.
        kinds: kinds to keep; all if empty.
        known: existing kinds.
        path: path of the log.
        notes: mapping that receives the number of events of other kinds.

    Raises:
        DataError: a kind is unknown, or there is no event of these kinds.
    """
    for kind in kinds:
        if kind not in known:
            raise DataError(f"{parameter('event')}: {unknown('kind of event', kind, known)}")
    if not kinds:
        return events
    kept = events.filter(pl.col(column).is_in(kinds))
    if len(kept) < len(events):
        notes[f"events of other kinds than {', '.join(kinds)}"] = len(events) - len(kept)
    return require_events(kept, path)


def _items(paths: list[Path], tree: Path | None, events: pl.DataFrame | None, progress: Progress) -> pl.DataFrame:
    """Return the items of the log (all items if `events` is None) with the latest values of their properties."""
    parts = []
    for path in paths:
        table = read_columns(path, ("timestamp", "itemid", "property", "value"), progress=progress)
        times = whole_numbers(table, "timestamp", "milliseconds since 1970")
        part = table.frame.with_columns(times)
        check_ids(part.select(pl.col("itemid").alias(ITEM)), ITEM, table.where)
        if events is not None:
            part = part.join(events.select(itemid=ITEM).unique(), on="itemid", how="semi")
        parts.append(part)
    latest = pl.concat(parts).sort("timestamp", maintain_order=True)
    latest = latest.unique(["itemid", "property"], keep="last", maintain_order=True).sort("itemid", "property")
    words = latest.filter(~pl.col("property").is_in(_NOT_WORDS)).group_by("itemid", maintain_order=True)
    frame = latest.select("itemid").unique(maintain_order=True)
    frame = frame.join(words.agg(pl.col("value").str.join(" ").alias("properties")), on="itemid", how="left")
    leaf = latest.filter(pl.col("property") == _CATEGORY).select("itemid", category="value")
    frame = frame.join(leaf, on="itemid", how="left", maintain_order="left")
    parents = {} if tree is None else _parents(tree, progress)
    categories = {
        leaf: " ".join(f"category{step}" for step in _path(leaf, parents)) for leaf in frame["category"].drop_nulls()
    }
    texts = pl.Series("categories", [categories.get(leaf) for leaf in frame["category"]], dtype=pl.String)
    return frame.with_columns(texts).rename({"itemid": ITEM})


def _parents(path: Path, progress: Progress) -> dict[str, str]:
    frame = read_columns(path, ("categoryid", "parentid"), progress=progress).frame.drop_nulls()
    return dict(zip(frame["categoryid"], frame["parentid"], strict=True))


def _path(leaf: str, parents: dict[str, str]) -> list[str]:
    """Return a category and its ancestors, from the root."""
    steps = [leaf]
    while (above := parents.get(steps[-1])) is not None and above not in steps:
        steps.append(above)
    return steps[::-1]
