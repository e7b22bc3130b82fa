"""Reader of any table of interactions and table of items, with a mapping of columns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import polars as pl
from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo

from embrec.data.catalog import IMAGE, Catalog
from embrec.data.readers.columns import (
    CATALOG_ITEMS,
    ITEMS,
    TIMES,
    USERS,
    IdNames,
    find_column,
    plain_name,
    refuse_shared,
    require_columns,
    set_aside,
)
from embrec.data.readers.containers import split_member
from embrec.data.readers.folders import table_files
from embrec.data.readers.frames import Frame, as_frame, is_frame, open_table
from embrec.data.readers.guide import Guide
from embrec.data.readers.ids import as_ids
from embrec.data.readers.images import images_by_column, images_in_folder
from embrec.data.readers.lists import objects_as_lists, one_event_a_row, refuse_several_ids, texts_as_lists
from embrec.data.readers.prices import as_booleans, as_numbers
from embrec.data.readers.raw import (
    EXACT,
    ITEM,
    TIME,
    USER,
    RawData,
    check_ids,
    context_name,
    require_events,
    unique_items,
)
from embrec.data.readers.readable import left_out, readable
from embrec.data.readers.tabular import SourceTable
from embrec.data.readers.times import Unit, exact_times, order_keys
from embrec.errors import DataError
from embrec.parameters import parameter
from embrec.progress import Progress, silent
from embrec.validation import Checked

# Value of `time_column` for a log without times, whose rows are in the order of the events.
ROW_ORDER = "@row"
_ORDER = "__order"


def _in_memory(value: Any, info: ValidationInfo) -> Any:
    return as_frame(value, f"the {info.field_name}") if is_frame(value) else value


# Names of columns, or one name.
Names = Annotated[tuple[str, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)]

# The path of a file, or a table in memory.
Place = Annotated[Path | pl.DataFrame, BeforeValidator(_in_memory)]


class TableSource(Checked):
    """A table of interactions and, optionally, a table of items, as files or in memory.

    Columns that are not given are found by common names; see `embrec.data.readers.columns`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)
    kinds: ClassVar[tuple[str, ...]] = ("table",)
    guides: ClassVar[dict[str, Guide]] = {
        "table": Guide(
            "your own data: a log of events and, beside it, a catalog of items",
            "CSV, TSV, JSON, Parquet, Arrow, Excel or SQLite, packed or not, in one file or in parts",
            {"interactions": "log.csv", "items": "items.csv", "category": "shop"},
        )
    }
    source: Literal["table"] = "table"
    interactions: Annotated[Place, Field(description="the interaction log")]
    items: Annotated[Place | None, Field(description="the catalog")] = None
    user_column: Annotated[str | None, Field(description="of the log; a common name if absent")] = None
    item_column: Annotated[str | None, Field(description="of the log, and of the catalog")] = None
    catalog_item_column: Annotated[str | None, Field(description="of the catalog, if it differs")] = None
    time_column: Annotated[str | None, Field(description="times or an order; @row: the order of the rows")] = None
    time_unit: Annotated[Unit | None, Field(description="of times that are numbers; the plausible one if absent")] = (
        None
    )
    missing_time: Annotated[Literal["error", "drop"], Field(description="what to do with events without a time")] = (
        "error"
    )
    order_column: Annotated[str | None, Field(description="breaks ties in time; input order if absent")] = None
    context_column: Annotated[Names, Field(description="further columns of the log to keep")] = ()
    text_column: Annotated[
        Names,
        Field(description="columns that encoders read; if empty all text but links, codes, ids and nested columns"),
    ] = ()
    title_column: Annotated[str | None, Field(description="what people read as the name of an item")] = None
    image_column: Annotated[str | None, Field(description="path of an image, relative to the catalog's folder")] = None
    images: Annotated[Path | None, Field(description="folder of images named <item>.jpg")] = None

    def files(self) -> list[Path]:
        """Return the input files; see `Source`."""
        given = [path for path in (self.interactions, self.items) if isinstance(path, Path)]
        return [split_member(file)[0] for path in given for file in table_files(path)]

    def read(self, progress: Progress = silent) -> RawData:
        """Read both tables; see `Source`."""
        self.files()
        notes: dict[str, int] = {}
        remarks: list[str] = []
        given = (self.user_column, self.item_column)
        ids = IdNames(given, (USERS, ITEMS), self.context_column)
        log = objects_as_lists(open_table(self.interactions, "the interactions", ids, progress))
        item_column = find_column(log.frame.columns, ITEMS, self.item_column, str(log.path), remarks)
        events = self._events(log, item_column, notes, remarks)
        items: pl.DataFrame | None = None
        text_columns: tuple[str, ...] = ()
        title_column = None
        if self.items is not None:
            ids = IdNames(
                (self.catalog_item_column, item_column, *self.text_column, self.title_column), (CATALOG_ITEMS,)
            )
            table = open_table(self.items, "the items", ids, progress)
            options = _ItemOptions(self.text_column, self.title_column, self.image_column, self.images)
            id_column = _catalog_column(table, self.catalog_item_column, item_column, remarks)
            items, text_columns, title_column = _items(table, id_column, options, notes, remarks)
        elif self.text_column or self.image_column or self.images or self.catalog_item_column or self.title_column:
            raise DataError(
                f"text, title and image options need the items they belong to; give {parameter('items')} as well"
            )
        return RawData(
            events,
            items,
            text_columns,
            tuple(dict.fromkeys(self.context_column)),
            whole_catalog=True,
            notes=notes,
            remarks=remarks,
            title_column=title_column,
        )

    def _events(self, table: SourceTable, item_column: str, notes: dict[str, int], remarks: list[str]) -> pl.DataFrame:
        there, name = table.frame.columns, str(table.path)
        user_column = find_column(there, USERS, self.user_column, name, remarks)
        hint = f"; if the rows are in order, use {parameter('time_column', ROW_ORDER)}"
        time_column = self.time_column
        if time_column != ROW_ORDER:
            time_column = find_column(there, TIMES, time_column, name, remarks, hint)
        refuse_shared({"user_column": user_column, "item_column": item_column, "time_column": time_column}, name)
        require_columns(there, [] if self.order_column is None else [self.order_column], "order_column", name)
        require_columns(there, self.context_column, "context_column", name)
        read = (user_column, item_column, time_column, self.order_column, *self.context_column)
        columns_read = [column for column in read if column is not None]
        table = one_event_a_row(texts_as_lists(table, item_column, columns_read), item_column, columns_read, notes)
        frame = require_events(table.frame, table.path)
        columns = [
            as_ids(frame[user_column], USER, table.where).alias(USER),
            as_ids(frame[item_column], ITEM, table.where).alias(ITEM),
        ]
        if time_column == ROW_ORDER:
            columns.append(pl.int_range(len(frame), eager=True).alias(TIME))
        else:
            times = exact_times(frame[time_column], table.where, self.time_unit)
            columns.append(times.seconds.alias(TIME))
            if times.exact is not times.seconds:
                columns.append(times.exact.alias(EXACT))
            remarks.extend([f"column {time_column!r}: {times.remark}"] if times.remark else [])
        for context in dict.fromkeys(self.context_column):
            columns.append(_context(frame[context], table.where, remarks).alias(context_name(context)))
        events = pl.DataFrame(columns)
        check_ids(events, USER, table.where)
        check_ids(events, ITEM, table.where)
        refuse_several_ids(table, item_column, events[USER], events[ITEM])
        if self.order_column is not None:
            events = events.with_columns(order_keys(frame[self.order_column], table.where).alias(_ORDER))
        missing = events[TIME].is_null().arg_true()
        if len(missing) and self.missing_time == "error":
            raise DataError(
                f"{table.where(missing[0])}: column {time_column!r} is empty ({len(missing):,} such rows); "
                f"give another {parameter('time_column')} (an order will do as time), or leave them out with "
                f"{parameter('missing_time', 'drop')}"
            )
        if len(missing):
            notes["events without a time, left out"] = len(missing)
            events = require_events(events.filter(pl.col(TIME).is_not_null()), table.path)
        # Exact times and the order column determine the order of the rows, which breaks ties in seconds.
        keys = [EXACT if EXACT in events.columns else TIME, *([_ORDER] if self.order_column is not None else [])]
        if keys != [TIME]:
            events = events.sort(keys, maintain_order=True).drop(_ORDER, strict=False)
        return events


def read_items(
    table: Path | str | Frame,
    *,
    item_column: str | None = None,
    text_column: str | Sequence[str] = (),
    title_column: str | None = None,
    image_column: str | None = None,
    images: Path | str | None = None,
    remarks: list[str] | None = None,
    progress: Progress = silent,
) -> Catalog:
    """Return the catalog of one table of items, such as the new items of a shop; options as in `TableSource`.

    Args:
        table: path of a file, or table in memory: a frame or a list of dictionaries.
        item_column: column of the ids; None: one with a common name.
        text_column: columns that encoders read; see `TableSource`.
        title_column: column of the names of items; see `TableSource`.
        image_column: column of paths of images; see `TableSource`.
        images: folder of images; see `TableSource`.
        remarks: list that receives remarks about assumptions.
        progress: callback for the progress of reading.

    Raises:
        DataError: the table is missing, malformed or empty, or an item is repeated.
    """
    remarks = [] if remarks is None else remarks
    text_column = (text_column,) if isinstance(text_column, str) else tuple(text_column)
    as_it_stands = IdNames((item_column, title_column, *text_column), (CATALOG_ITEMS,))  # 007 must not become a number
    found = open_table(table, "the items", as_it_stands, progress)
    if found.frame.is_empty():
        raise DataError(f"{found.path}: the table has no items")
    name = str(found.path)
    if item_column is not None:
        require_columns(found.frame.columns, [item_column], "item_column", name)
    column = item_column or find_column(found.frame.columns, CATALOG_ITEMS, None, name, remarks)
    ids = as_ids(found.frame[column], ITEM, found.where)
    repeated = ids.is_duplicated() & ids.is_not_null()
    if repeated.any():
        row = (repeated & ~ids.is_first_distinct()).arg_true()[0]
        raise DataError(f"{found.where(row)}: item {ids[row]!r} is in the table more than once; keep one of its rows")
    folder = None if images is None else Path(images)
    options = _ItemOptions(text_column, title_column, image_column, folder)
    return Catalog(*_items(found, column, options, {}, remarks))


@dataclass(frozen=True)
class _ItemOptions:
    """Options for a table of items; see `TableSource`."""

    text_column: tuple[str, ...]
    title_column: str | None
    image_column: str | None
    images: Path | None


def _catalog_column(table: SourceTable, given: str | None, of_log: str, remarks: list[str]) -> str:
    """Return the column of a catalog's ids: the given one, the one that is called as that of the log, or a likely one."""
    there = table.frame.columns
    if given is not None or of_log in there:
        return find_column(there, CATALOG_ITEMS, given or of_log, str(table.path), remarks)
    alike = [name for name in there if plain_name(name) == plain_name(of_log)]
    if len(alike) == 1:
        remarks.append(f"catalog item column: {alike[0]}")
        return alike[0]
    return find_column(there, CATALOG_ITEMS, None, str(table.path), remarks)


def _items(
    table: SourceTable, id_column: str, options: _ItemOptions, notes: dict[str, int], remarks: list[str]
) -> tuple[pl.DataFrame, tuple[str, ...], str | None]:
    """Return the frame, the text columns and the title column of a catalog; add notes and remarks."""
    frame, where = table.frame, str(table.path)
    image, title = options.image_column, options.title_column
    require_columns(frame.columns, options.text_column, "text_column", where)
    require_columns(frame.columns, [] if title is None else [title], "title_column", where)
    require_columns(frame.columns, [] if image is None else [image], "image_column", where)
    refuse_shared({"item_column": id_column, "image_column": image}, where)
    if image is not None:
        refuse_shared({"image_column": image, "text_column": image if image in options.text_column else None}, where)
    if image is None and IMAGE in frame.columns and id_column != IMAGE:
        option = "text_column" if IMAGE in options.text_column else "title_column" if title == IMAGE else None
        if option is not None:
            raise DataError(
                f"{where}: column {IMAGE!r} is not text (given by {parameter(option)}): a catalog keeps the paths of "
                "pictures under this name; rename the column if it holds words"
            )
        frame = frame.drop(IMAGE)
        if options.images is None:
            notes[f"column {IMAGE!r} of the catalog left out; to use it: {parameter('image_column', IMAGE)}"] = len(
                frame
            )
    frame, names = set_aside(frame, ITEM, id_column, remarks)
    if image is not None:
        frame, beside = set_aside(frame, IMAGE, names[image], remarks)
        names = {name: beside[new] for name, new in names.items()}
    frame = frame.rename({names[id_column]: ITEM})
    names[id_column] = ITEM
    ids = as_ids(frame[ITEM], ITEM, table.where)
    wanted = {names[name] for name in (*options.text_column, *([] if title is None else [title]))}
    columns, reasons = [ids], {}
    for column in frame.iter_columns():
        if column.name == ITEM:
            continue
        if image is not None and column.name == names[image]:
            columns.append(column)
            continue
        values, reason = readable(column, ids, remarks, wanted=column.name in wanted)
        if values is not None:
            columns.append(values)
        elif column.name in wanted:
            raise DataError(f"{where}: column {column.name!r} holds {column.dtype}, which cannot be read as text")
        if reason is not None:
            reasons[column.name] = reason
    frame = pl.DataFrame(columns)
    check_ids(frame, ITEM, table.where)
    frame = unique_items(frame, notes)
    if image is not None:
        frame = images_by_column(frame, names[image], table.folder, notes)
    if options.images is not None:
        frame = images_in_folder(frame, options.images, notes, remarks)
    texts = tuple(dict.fromkeys(names[name] for name in options.text_column))
    if not texts:
        texts = tuple(
            name
            for name, dtype in frame.schema.items()
            if dtype == pl.String and name not in (ITEM, IMAGE) and name not in reasons
        )
        said = left_out(reasons)
        remarks.extend([said] if said else [])
    return frame, texts, None if title is None else names[title]


def _context(values: pl.Series, where: Callable[[int], str], remarks: list[str]) -> pl.Series:
    """Return a context column as numbers (NaN for missing values) or text (empty for missing values)."""
    values = as_numbers(as_booleans(values), remarks)
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        exact = values.dtype not in (pl.Decimal, pl.Int128, pl.UInt128) and not values.null_count()
        return values if exact else values.cast(pl.Float64).fill_null(float("nan"))
    if values.dtype.is_nested() or values.dtype in (pl.Binary, pl.Object, pl.Duration):
        raise DataError(
            f"{where(0)}: column {values.name!r} has the type {values.dtype}; a context column holds numbers or texts"
        )
    return values.cast(pl.String).fill_null("")
