"""Options of `embrec data import`: the files of a source and their columns, and the preparation of the events."""

from pathlib import Path
from typing import Annotated, Any

import typer

from embrec.cli.options import OptionGroup

_ALL, _PUBLISHED, _TABLE = "Source", "Published data", "Table"
_PREPARATION, _DEMO = "Preparation", "Complete Journey"


class SourceOptions(OptionGroup):
    """The source of the data, its files, and the meaning of their columns."""

    source: Annotated[
        str | None,
        typer.Option(
            help="Kind of the data (see: embrec data sources; default: recognised by the other options).",
            rich_help_panel=_ALL,
            show_default=False,
        ),
    ] = None
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of images named <item>.jpg, .jpeg, .png or .webp.", rich_help_panel=_ALL),
    ] = None
    reviews: Annotated[
        Path | None, typer.Option(help="Amazon: reviews, JSON lines, plain or gzip.", rich_help_panel=_PUBLISHED)
    ] = None
    metadata: Annotated[
        Path | None, typer.Option(help="Amazon: products, one a line, plain or gzip.", rich_help_panel=_PUBLISHED)
    ] = None
    path: Annotated[
        Path | None,
        typer.Option(help="All but Amazon: the unpacked folder, or the file.", rich_help_panel=_PUBLISHED),
    ] = None
    event: Annotated[
        list[str] | None,
        typer.Option(help="RetailRocket, OTTO: kind of event that counts; repeatable.", rich_help_panel=_PUBLISHED),
    ] = None
    histories: Annotated[
        str | None,
        typer.Option(help="MIND: clicks without times, drop or first (default: drop).", rich_help_panel=_PUBLISHED),
    ] = None
    interactions: Annotated[
        Path | None,
        typer.Option(
            help="Log: CSV, TSV, JSON, Parquet, Arrow, Excel, SQLite, packed or not; also a folder or a 'pattern*.csv'.",
            rich_help_panel=_TABLE,
        ),
    ] = None
    items: Annotated[
        Path | None, typer.Option(help="Catalog, in the same file formats as the log.", rich_help_panel=_TABLE)
    ] = None
    user_column: Annotated[
        str | None,
        typer.Option(
            help="Column of users in the log (default: user, or a common name such as customer_id).",
            rich_help_panel=_TABLE,
        ),
    ] = None
    item_column: Annotated[
        str | None,
        typer.Option(
            help="Column of items in the log and the catalog (default: item, or a common name such as article_id).",
            rich_help_panel=_TABLE,
        ),
    ] = None
    catalog_item_column: Annotated[
        str | None,
        typer.Option(help="Column of items in the catalog (default: named as in the log).", rich_help_panel=_TABLE),
    ] = None
    time_column: Annotated[
        str | None,
        typer.Option(
            help="Column of times: numbers, dates or positions in an order; @row if the rows are in order (default: "
            "timestamp, or a common name such as datetime).",
            rich_help_panel=_TABLE,
        ),
    ] = None
    time_unit: Annotated[
        str | None,
        typer.Option(
            help="Unit of times that are numbers: s, ms, us, ns or yyyymmdd (default: the plausible one).",
            rich_help_panel=_TABLE,
        ),
    ] = None
    missing_time: Annotated[
        str | None, typer.Option(help="Events without a time: error or drop (default: error).", rich_help_panel=_TABLE)
    ] = None
    order_column: Annotated[
        str | None,
        typer.Option(help="Column that orders events of the same time (default: input order).", rich_help_panel=_TABLE),
    ] = None
    context_column: Annotated[
        list[str] | None, typer.Option(help="Further column of the log to keep; repeatable.", rich_help_panel=_TABLE)
    ] = None
    text_column: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of the catalog that encoders read; repeatable (default: all text but links, codes, ids of items "
            "and nested columns).",
            rich_help_panel=_TABLE,
        ),
    ] = None
    title_column: Annotated[
        str | None,
        typer.Option(
            help="Column of the names of items for people (default: title, a common name such as prod_name, or the first "
            "text).",
            rich_help_panel=_TABLE,
        ),
    ] = None
    image_column: Annotated[
        str | None,
        typer.Option(help="Column of image paths, relative to the catalog's folder.", rich_help_panel=_TABLE),
    ] = None
    weeks: Annotated[
        str | None, typer.Option(help="Weeks of the year to keep, FROM-TO (default: 27-39).", rich_help_panel=_DEMO)
    ] = None

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the source; what is not given is None or empty."""
        several = {"event", "context_column", "text_column"}
        return {
            name: tuple(value or ()) if name in several else value
            for name, value in vars(self).items()
            if name != "source"
        }


class PreparationOptions(OptionGroup):
    """The preparation of the events: which users, items and events are kept."""

    preset: Annotated[
        str | None,
        typer.Option(
            help="embrec (as published), 5-core, complete-journey or none (default: the source's own, else embrec).",
            rich_help_panel=_PREPARATION,
        ),
    ] = None
    filter: Annotated[
        str | None,
        typer.Option(
            help="Way to count events: one-pass, iterative or none (histories are still cut; --preset none keeps all).",
            rich_help_panel=_PREPARATION,
        ),
    ] = None
    min_item_events: Annotated[
        int | None,
        typer.Option(help="Minimum number of events of an item; others are dropped.", rich_help_panel=_PREPARATION),
    ] = None
    min_user_events: Annotated[
        int | None,
        typer.Option(help="Minimum number of events of a user; others are dropped.", rich_help_panel=_PREPARATION),
    ] = None
    min_history: Annotated[
        int | None,
        typer.Option(
            help="Minimum number of events that a user has left in the end; others are dropped.",
            rich_help_panel=_PREPARATION,
        ),
    ] = None
    last: Annotated[
        int | None,
        typer.Option(help="Number of last events kept of each user; 0 keeps all.", rich_help_panel=_PREPARATION),
    ] = None
    duplicates: Annotated[
        str | None,
        typer.Option(help="Repeated events of a user and item: drop, keep or first.", rich_help_panel=_PREPARATION),
    ] = None
    ties: Annotated[
        str | None,
        typer.Option(
            help="Order of a user's events of the same time: input, or drawn by chance: shuffle:seed=0.",
            rich_help_panel=_PREPARATION,
        ),
    ] = None
    catalog: Annotated[
        str | None,
        typer.Option(help="Items to keep: seen, all, or source for the source's choice.", rich_help_panel=_PREPARATION),
    ] = None

    def changes(self) -> dict[str, Any]:
        """Return what is changed of the preset; None where an option is not given."""
        return {name: value for name, value in vars(self).items() if name != "preset"}
