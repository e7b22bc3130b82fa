"""`embrec data`: bring data in, and see what is there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embrec.cli.help import Command, examples
from embrec.cli.import_screen import print_import
from embrec.cli.options import Category, Split, Workspace

if TYPE_CHECKING:
    from embrec.evaluation.split_report import SplitReport

app = typer.Typer(no_args_is_help=True, help="Bring data in, and see what is there.")

_ALL, _PUBLISHED, _TABLE = "Source", "Published data", "Table"
_PREPARATION, _DEMO = "Preparation", "Complete Journey"


@app.command(
    "import",
    cls=Command,
    epilog=examples(
        "embrec data import --interactions log.csv --items items.jsonl --category shop",
        "embrec data import --source amazon-2014 --reviews reviews.json.gz --metadata meta.json.gz --category office",
    ),
)
def import_(
    category: Annotated[str, typer.Option(help="Name of the category to make.")],
    source: Annotated[
        str | None,
        typer.Option(
            help="What the data are; `embrec data sources` lists them all (default: told by the other options).",
            rich_help_panel=_ALL,
            show_default=False,
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(help="Folder of images named <item>.jpg, .jpeg, .png or .webp.", rich_help_panel=_ALL),
    ] = None,
    reviews: Annotated[
        Path | None, typer.Option(help="Amazon: reviews, JSON lines, plain or gzip.", rich_help_panel=_PUBLISHED)
    ] = None,
    metadata: Annotated[
        Path | None, typer.Option(help="Amazon: products, one a line, plain or gzip.", rich_help_panel=_PUBLISHED)
    ] = None,
    path: Annotated[
        Path | None,
        typer.Option(help="All but Amazon: the unpacked folder, or the file.", rich_help_panel=_PUBLISHED),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(help="RetailRocket, OTTO: kind of event that counts; repeatable.", rich_help_panel=_PUBLISHED),
    ] = None,
    histories: Annotated[
        str | None,
        typer.Option(help="MIND: clicks without times, drop or first (default: drop).", rich_help_panel=_PUBLISHED),
    ] = None,
    interactions: Annotated[
        Path | None,
        typer.Option(
            help="Log: CSV, TSV, JSON, Parquet, Arrow, Excel, SQLite, packed or not; also a folder or a 'pattern*.csv'.",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    items: Annotated[Path | None, typer.Option(help="Catalog, in the same forms.", rich_help_panel=_TABLE)] = None,
    user_column: Annotated[
        str | None,
        typer.Option(help="Of the log (default: user, or a common name such as customer_id).", rich_help_panel=_TABLE),
    ] = None,
    item_column: Annotated[
        str | None,
        typer.Option(
            help="Of the log and the catalog (default: item, or a common name such as article_id).",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    catalog_item_column: Annotated[
        str | None,
        typer.Option(help="Of the catalog, if it differs (default: that of the log).", rich_help_panel=_TABLE),
    ] = None,
    time_column: Annotated[
        str | None,
        typer.Option(
            help="Numbers, dates or a mere order; @row if the rows are in order (default: timestamp, or a common name "
            "such as datetime).",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    time_unit: Annotated[
        str | None,
        typer.Option(
            help="Of times that are numbers: s, ms, us, ns or yyyymmdd (default: the plausible one).",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    missing_time: Annotated[
        str | None, typer.Option(help="Events without a time: error or drop (default: error).", rich_help_panel=_TABLE)
    ] = None,
    order_column: Annotated[
        str | None, typer.Option(help="Breaks ties in time (default: input order).", rich_help_panel=_TABLE)
    ] = None,
    context_column: Annotated[
        list[str] | None, typer.Option(help="Further column of the log to keep; repeatable.", rich_help_panel=_TABLE)
    ] = None,
    text_column: Annotated[
        list[str] | None,
        typer.Option(
            help="Column of the catalog that encoders read; repeatable (default: all text but links, codes, ids of items "
            "and nested columns).",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    title_column: Annotated[
        str | None,
        typer.Option(
            help="Name of an item for people (default: title, a common name such as prod_name, or the first text).",
            rich_help_panel=_TABLE,
        ),
    ] = None,
    image_column: Annotated[
        str | None, typer.Option(help="Image path, relative to the catalog's folder.", rich_help_panel=_TABLE)
    ] = None,
    weeks: Annotated[
        str | None, typer.Option(help="Part of the year, FROM-TO (default: 27-39).", rich_help_panel=_DEMO)
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            help="embrec (as published), 5-core, complete-journey or none (default: the source's own, else embrec).",
            rich_help_panel=_PREPARATION,
        ),
    ] = None,
    filter_: Annotated[
        str | None,
        typer.Option(
            "--filter",
            help="How to count events: one-pass, iterative or none (histories are still cut; --preset none keeps all).",
            rich_help_panel=_PREPARATION,
        ),
    ] = None,
    min_item_events: Annotated[
        int | None, typer.Option(help="Drop items with fewer.", rich_help_panel=_PREPARATION)
    ] = None,
    min_user_events: Annotated[
        int | None, typer.Option(help="Drop users with fewer.", rich_help_panel=_PREPARATION)
    ] = None,
    min_history: Annotated[
        int | None, typer.Option(help="Drop users with fewer events left in the end.", rich_help_panel=_PREPARATION)
    ] = None,
    last: Annotated[
        int | None, typer.Option(help="Keep each user's last N events; 0 keeps all.", rich_help_panel=_PREPARATION)
    ] = None,
    duplicates: Annotated[str | None, typer.Option(help="drop, keep or first.", rich_help_panel=_PREPARATION)] = None,
    ties: Annotated[
        str | None,
        typer.Option(
            help="Order of a user's events of the same time: input, or drawn by chance: shuffle:seed=0.",
            rich_help_panel=_PREPARATION,
        ),
    ] = None,
    catalog: Annotated[
        str | None, typer.Option(help="Items to keep: seen, all, or source's choice.", rich_help_panel=_PREPARATION)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a category that is already there.")] = False,
    workspace: Workspace = None,
    stray: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> None:
    """Import a data set as a category: read it, filter it, and say what was kept, dropped and why."""
    if stray:
        _refuse_stray(stray)
    from embrec.cli.console import notes, progress_bars
    from embrec.data.importing import dependents, import_data, make_preparation, make_source
    from embrec.data.recognition import recognise
    from embrec.workspace import Workspace as Workspaces

    target = Workspaces.locate(workspace).category(category)
    options = {
        "images": images,
        "reviews": reviews,
        "metadata": metadata,
        "path": path,
        "event": tuple(event or ()),
        "histories": histories,
        "interactions": interactions,
        "items": items,
        "user_column": user_column,
        "item_column": item_column,
        "catalog_item_column": catalog_item_column,
        "time_column": time_column,
        "time_unit": time_unit,
        "missing_time": missing_time,
        "order_column": order_column,
        "context_column": tuple(context_column or ()),
        "text_column": tuple(text_column or ()),
        "title_column": title_column,
        "image_column": image_column,
        "weeks": weeks,
    }
    if source is None:
        source, told_by = recognise(options)
        notes().print(f"note: read as --source {source}, told by {told_by}", markup=False)
    origin = make_source(source, options)
    preparation = make_preparation(
        preset,
        {
            "filter": filter_,
            "min_item_events": min_item_events,
            "min_user_events": min_user_events,
            "min_history": min_history,
            "last": last,
            "duplicates": duplicates,
            "catalog": catalog,
            "ties": ties,
        },
        source,
    )
    if force and (found := dependents(target)):
        notes().print(
            f"{category}: --force replaces the data; if others come, what was made from these fits no more: {found}",
            markup=False,
        )
    with progress_bars() as progress:
        result = import_data(target, origin, preparation, force=force, progress=progress)
    print_import(result)


def _refuse_stray(stray: list[str]) -> None:
    """Say what words without an option before them come from: most often a pattern that the shell has expanded."""
    from embrec.errors import ConfigError

    if all(Path(word).exists() for word in stray):
        pattern = Path(stray[0]).with_name("*" + Path(stray[0]).suffix)
        raise ConfigError(
            f"{stray[0]} has no option before it; put a pattern of several files between quotes, as in '{pattern}', so "
            "that the shell leaves it as it is, or give their folder"
        )
    raise ConfigError(f"{stray[0]!r} has no option before it; embrec data import --help lists them")


@app.command(cls=Command, epilog=examples("embrec data stats"))
def stats(
    category: Category = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    workspace: Workspace = None,
) -> None:
    """Print the size of a category: users, items, events, lengths, text and images."""
    import json

    from embrec.cli.console import print_table
    from embrec.data.store import load_dataset
    from embrec.workspace import Workspace as Workspaces

    folder = Workspaces.locate(workspace).choose(category)
    dataset = load_dataset(folder)
    numbers = dataset.statistics()
    others = dataset.meta.get("report", {}).get("others", {})
    if json_:
        typer.echo(
            json.dumps(
                {
                    "category": folder.name,
                    "text_columns": dataset.catalog.text_columns,
                    **numbers,
                    "served beside": others,
                },
                indent=2,
            )
        )
        return
    rows: list[list[object]] = [[name, value] for name, value in numbers.items()]
    rows += (
        [["served beside them: users", others["users"]], ["served beside them: events", others["events"]]]
        if others
        else []
    )
    print_table(f"category {folder.name}", ["", "value"], rows)
    typer.echo(f"text columns: {', '.join(dataset.catalog.text_columns) or 'none'}")


@app.command(cls=Command, epilog=examples("embrec data split --split global-time:targets=last --features tfidf"))
def split(
    category: Category = None,
    split: Split = "leave-one-out",
    features: Annotated[
        list[str] | None, typer.Option("--features", help="Also look at this feature table; may be repeated.")
    ] = None,
    relations: Annotated[
        list[str] | None,
        typer.Option(
            "--relations", help="Also look at this column of lists of items, such as also_bought; repeatable."
        ),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    workspace: Workspace = None,
) -> None:
    """Print what a split makes of a category, and what a test on it can show: ties, overlaps, repeats, newcomers."""
    import json

    from embrec.cli.console import answers
    from embrec.data.splits import parse_split, split_text
    from embrec.evaluation.split_report import describe_split
    from embrec.workspace import Workspace as Workspaces

    parts = parse_split(split)
    folder = Workspaces.locate(workspace).choose(category)
    report = describe_split(folder, parts, features or [], relations or [])
    if json_:
        typer.echo(json.dumps({"category": folder.name, **report.as_dict()}, indent=2))
        return
    _print_parts(f"category {folder.name}, split {split_text(report.split)}", report)
    for line in report.leaks.lines(every=True):
        answers().print(line, markup=False)


@app.command(cls=Command, epilog=examples("embrec data sources", "embrec data sources movielens"))
def sources(
    name: Annotated[str | None, typer.Argument(help="One of them, with its options.", show_default=False)] = None,
) -> None:
    """List the data that can be imported: what each is, its files, and an example."""
    from embrec.cli.help import as_options, option_name
    from embrec.data.importing import source_guides, source_options

    for kind, guide in source_guides(name).items():
        typer.echo(f"{kind}: {guide.what}")
        lines = {
            "files": guide.files,
            "from": guide.home,
            "terms": guide.terms,
            "example": f"embrec data import {as_options(guide.example)}",
        }
        for title, text in lines.items():
            if text:
                typer.echo(f"  {title + ':':<9}{text}")
        if name is not None:
            typer.echo("  options:")
            for option, description in source_options(kind).items():
                typer.echo(f"    {option_name(option):<24}{description}")
        typer.echo()


@app.command("list", cls=Command, epilog=examples("embrec data list"))
def list_(workspace: Workspace = None) -> None:
    """List the categories of the workspace."""
    from embrec.cli.console import notes, print_table
    from embrec.data.importing import summary
    from embrec.workspace import Workspace as Workspaces

    place = Workspaces.locate(workspace)
    categories = place.categories()
    if not categories:
        notes().print(f"no categories in {place.path}; make one with: embrec data import")
        return
    rows = [[found.name, *summary(found)] for found in categories]
    print_table(f"categories in {place.path}", ["category", "source", "users", "items", "events", "catalog"], rows)


@app.command(cls=Command, epilog=examples("embrec data remove office", "embrec data remove office --force"))
def remove(
    category: Annotated[str, typer.Argument(help="Name of the category.")],
    force: Annotated[
        bool, typer.Option("--force", help="Also where runs, searches or comparisons were made from it: they go too.")
    ] = False,
    workspace: Workspace = None,
) -> None:
    """Remove a category: its data, its feature tables, and with --force the runs that were made from it."""
    from embrec.cli.console import notes
    from embrec.runs.removal import in_words, remove_category
    from embrec.workspace import Workspace as Workspaces

    gone = remove_category(Workspaces.locate(workspace).category(category), force=force)
    notes().print(f"removed category {category}{f' with {in_words(gone)}' if gone else ''}", markup=False)


def _print_parts(title: str, report: "SplitReport") -> None:
    from embrec.cli.console import print_table
    from embrec.data.timeline import Timeline, day

    dated = report.timeline == Timeline.DATES
    rows = [
        [name, part.events, part.users, part.items, *part.labels.values()]
        + ([day(part.first), day(part.last)] if dated else [])
        for name, part in report.parts.items()
    ]
    columns = ["part", "events", "users", "items", *report.parts["test"].labels]
    print_table(title, columns + (["first", "last"] if dated else []), rows)
