"""Tables of interactions and items, with a column mapping: what a shop's engineer has at hand."""

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from embrec.data.catalog import IMAGE, Catalog
from embrec.data.readers.frames import Frame, as_frame, is_frame
from embrec.data.readers.images import images_by_column, images_in_folder
from embrec.data.readers.raw import ITEM, TIME, USER, RawData, check_ids, require_events, require_file, unique_items
from embrec.data.readers.tabular import Table, read_table
from embrec.data.readers.text import joined
from embrec.data.readers.times import Unit, exact_times
from embrec.errors import DataError
from embrec.progress import Progress, silent

# Columns that, by the names that public data sets give them, list other items: not text, unless asked for by name.
RELATIONS = frozenset({"also_bought", "also_viewed", "also_buy", "also_view", "bought_together", "buy_after_viewing"})

# Given as the time column, it says that the rows stand in the order of their events.
ROW_ORDER = "@row"


class TableSource(BaseModel):
    """A table of interactions and, beside it, a table of items: CSV, TSV, JSON lines or Parquet."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: ClassVar[tuple[str, ...]] = ("table",)
    source: Literal["table"] = "table"
    interactions: Annotated[Path, Field(description="the interaction log")]
    items: Annotated[Path | None, Field(description="the catalog")] = None
    user_column: Annotated[str, Field(description="of the log")] = "user"
    item_column: Annotated[str, Field(description="of the log, and of the catalog")] = "item"
    catalog_item_column: Annotated[str | None, Field(description="of the catalog, if it differs")] = None
    time_column: Annotated[str, Field(description="times or an order; @row: the order of the rows")] = "timestamp"
    time_unit: Annotated[Unit, Field(description="of times that are numbers")] = "s"
    missing_time: Annotated[Literal["error", "drop"], Field(description="what to do with events without a time")] = (
        "error"
    )
    order_column: Annotated[str | None, Field(description="breaks ties in time; input order if absent")] = None
    context_column: Annotated[tuple[str, ...], Field(description="further columns of the log to keep")] = ()
    text_column: Annotated[
        tuple[str, ...], Field(description="columns that encoders read; all text but links and lists of ids if empty")
    ] = ()
    image_column: Annotated[str | None, Field(description="path of an image, relative to the catalog's folder")] = None
    images: Annotated[Path | None, Field(description="folder of images named <item>.jpg")] = None

    def files(self) -> list[Path]:
        """Return the input files; see `Source`."""
        return [require_file(path) for path in (self.interactions, self.items) if path is not None]

    def read(self, progress: Progress = silent) -> RawData:
        """Read both tables; see `Source`."""
        self.files()
        notes: dict[str, int] = {}
        events = self._events(read_table(self.interactions, (self.user_column, self.item_column), progress), notes)
        items: pl.DataFrame | None = None
        text_columns: tuple[str, ...] = ()
        if self.items is not None:
            id_column = self.catalog_item_column or self.item_column
            table = read_table(self.items, (id_column,), progress)
            table.require([id_column], "--catalog-item-column" if self.catalog_item_column else "--item-column")
            items, text_columns = _items(table, id_column, self.text_column, self.image_column, self.images, notes)
        elif self.text_column or self.image_column or self.images or self.catalog_item_column:
            raise DataError("text and image options need the items they belong to; give --items as well")
        return RawData(events, items, text_columns, self.context_column, whole_catalog=True, notes=notes)

    def _events(self, table: Table, notes: dict[str, int]) -> pl.DataFrame:
        for option in ("user_column", "item_column", "time_column", "order_column"):
            column = getattr(self, option)
            hint = f"; if the rows are in order, use --time-column {ROW_ORDER}" if option == "time_column" else ""
            table.require([] if column in (None, ROW_ORDER) else [column], "--" + option.replace("_", "-"), hint)
        table.require(self.context_column, "--context-column")
        frame = require_events(table.frame, self.interactions)
        columns = [as_ids(frame[self.user_column]).alias(USER), as_ids(frame[self.item_column]).alias(ITEM)]
        if self.time_column == ROW_ORDER:
            columns.append(pl.int_range(len(frame), eager=True).alias(TIME))
        else:
            columns.append(exact_times(frame[self.time_column], table.where, self.time_unit).alias(TIME))
        columns.extend(_context(frame[name]) for name in self.context_column)
        events = pl.DataFrame(columns)
        check_ids(events, USER, table.where)
        check_ids(events, ITEM, table.where)
        if self.order_column is not None:
            order = frame[self.order_column]
            if order.null_count():
                row = order.is_null().arg_true()[0]
                raise DataError(
                    f"{table.where(row)}: column {self.order_column!r} is empty; every event needs its order"
                )
            events = events.with_columns(order.alias("__order"))
        missing = events[TIME].is_null().arg_true()
        if len(missing) and self.missing_time == "error":
            raise DataError(
                f"{table.where(missing[0])}: column {self.time_column!r} is empty ({len(missing):,} such rows); "
                "give another --time-column (an order will do as time), or leave them out with --missing-time drop"
            )
        if len(missing):
            notes["events without a time, left out"] = len(missing)
            events = require_events(events.filter(pl.col(TIME).is_not_null()), self.interactions)
        # What the rounding to seconds forgets, and the order column knows, goes into the order of the rows.
        if self.order_column is not None or events[TIME].dtype != pl.Int64:
            keys = [TIME, "__order"] if self.order_column is not None else [TIME]
            events = events.sort(keys, maintain_order=True).drop("__order", strict=False)
        return events.with_columns(pl.col(TIME).floor().cast(pl.Int64))


def read_items(
    path: Path | str | Frame,
    *,
    item_column: str = ITEM,
    text_column: Sequence[str] = (),
    image_column: str | None = None,
    images: Path | None = None,
    progress: Progress = silent,
) -> Catalog:
    """Return the items of one table, such as those added to a shop today; the options are those of `TableSource`.

    Raises:
        DataError: the file is missing, malformed or empty, or an item stands in it twice.
    """
    if is_frame(path):
        frame = as_frame(path, "the items")
        path = Path("the items")
        table = Table(path, frame, pl.int_range(len(frame), dtype=pl.UInt32, eager=True))
    else:
        table = read_table(Path(path), (item_column,), progress)
    table.require([item_column], "--item-column")
    if table.frame.is_empty():
        raise DataError(f"{path}: the table has no items")
    ids = as_ids(table.frame[item_column])
    repeated = ids.is_duplicated() & ids.is_not_null()
    if repeated.any():
        row = (repeated & ~ids.is_first_distinct()).arg_true()[0]
        raise DataError(
            f"{table.where(row)}: item {ids[row]!r} stands in the table more than once; keep one of its rows"
        )
    return Catalog(*_items(table, item_column, text_column, image_column, images, {}))


def _items(
    table: Table,
    id_column: str,
    text_column: Sequence[str],
    image_column: str | None,
    images: Path | None,
    notes: dict[str, int],
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return the catalog's frame and its text columns; `notes` is told what is missing."""
    table.require(text_column, "--text-column")
    table.require([image_column] if image_column else [], "--image-column")
    frame = table.frame
    if id_column != ITEM and ITEM in frame.columns:
        frame = frame.drop(ITEM)
    frame = frame.rename({id_column: ITEM})
    if image_column is None and IMAGE in frame.columns:
        frame = frame.drop(IMAGE)
        if images is None:
            notes[f"column {IMAGE!r} of the catalog left out; to use it: --image-column {IMAGE}"] = len(frame)
    columns = [column if column.name == image_column else _readable(column) for column in frame.iter_columns()]
    frame = pl.DataFrame([as_ids(frame[ITEM]), *(column for column in columns if column.name != ITEM)])
    check_ids(frame, ITEM, table.where)
    frame = unique_items(frame, notes)
    if image_column is not None:
        frame = images_by_column(frame, image_column, table.path.absolute().parent, notes)
    if images is not None:
        frame = images_in_folder(frame, images, notes)
    texts = tuple(text_column) or tuple(column.name for column in frame.iter_columns() if _is_text(column))
    return frame, tuple(ITEM if name == id_column else name for name in texts)


def as_ids(values: pl.Series) -> pl.Series:
    """Return ids as text; whole numbers that a file stores as floats lose their ".0"."""
    if values.dtype.is_float() and (values == values.floor()).fill_null(True).all():
        values = values.cast(pl.Int64)
    return values.cast(pl.String)


def _context(values: pl.Series) -> pl.Series:
    """Return a context column as an array can hold it: numbers (absent: NaN) or text (absent: empty)."""
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        return values if not values.null_count() else values.cast(pl.Float64).fill_null(float("nan"))
    return values.cast(pl.String).fill_null("")


def _is_text(values: pl.Series) -> bool:
    """Return whether encoders should read a column of the catalog when nobody says which."""
    if values.dtype != pl.String or values.name in (ITEM, IMAGE) or values.name in RELATIONS:
        return False
    addresses = values.drop_nulls().str.contains("^https?://").mean()
    return not (isinstance(addresses, float) and addresses > 0.9)


def _readable(values: pl.Series) -> pl.Series:
    """Return lists as text, whether a file holds them as lists or, as many CSV files do, as the text of a list."""
    if isinstance(values.dtype, pl.List | pl.Array):
        return pl.Series(values.name, [joined(value, ", ") for value in values.to_list()], dtype=pl.String)
    if values.dtype in (pl.Categorical, pl.Enum, pl.Null) or isinstance(values.dtype, pl.Enum | pl.Struct):
        return values.struct.json_encode() if isinstance(values.dtype, pl.Struct) else values.cast(pl.String)
    if values.dtype == pl.String and (filled := values.drop_nulls()).len():
        listed = (filled.str.starts_with("[") & filled.str.ends_with("]")).mean()
        if isinstance(listed, float) and listed > 0.9:
            return pl.Series(values.name, [_unlisted(value) for value in values.to_list()], dtype=pl.String)
    return values


def _unlisted(text: str | None) -> str | None:
    if text is None:
        return None
    value: Any = text
    for parse in (json.loads, ast.literal_eval):
        try:
            value = parse(text)
            break
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return joined(value, ", ") if isinstance(value, list) else text
