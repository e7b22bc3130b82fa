"""The commands `embrec data ...`: import, inspect and remove categories."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embrec.cli.help import Command, examples
from embrec.cli.import_options import PreparationOptions, SourceOptions
from embrec.cli.import_screen import print_import
from embrec.cli.options import Data, Split, Workspace, with_options
from embrec.cli.places import open_workspace

if TYPE_CHECKING:
    from embrec.evaluation.split_report import SplitReport

app = typer.Typer(no_args_is_help=True, help="Import, list, inspect and remove data sets.")

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@app.command(
    "import",
    cls=Command,
    epilog=examples(
        "embrec data import --interactions log.csv --items items.jsonl --category shop",
        "embrec data import --source amazon-2014 --reviews reviews.json.gz --metadata meta.json.gz --category office",
    ),
)
@with_options(SourceOptions, PreparationOptions)
def import_(
    category: Annotated[str, typer.Option(help="Name of the category to make.")],
    source: SourceOptions,
    preparation: PreparationOptions,
    force: Annotated[bool, typer.Option("--force", help="Replace a category that is already there.")] = False,
    workspace: Workspace = None,
    stray: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
) -> None:
    """Import a data set as a category: read it, filter it, and report the events kept and dropped, and why."""
    if stray:
        _refuse_stray(stray)
    from embrec.cli.console import print_note, progress_bars
    from embrec.data.importing import dependents, import_data, make_preparation, make_source
    from embrec.data.recognition import recognise

    target = open_workspace(workspace).category(category)
    parameters = source.parameters()
    kind = source.source
    if kind is None:
        kind, told_by = recognise(parameters)
        print_note(f"note: read as --source {kind}, recognised by {told_by}")
    origin = make_source(kind, parameters)
    prepared = make_preparation(preparation.preset, preparation.changes(), kind)
    if force and (found := dependents(target)):
        print_note(f"{category}: --force replaces the data; if the new data differ, these no longer fit them: {found}")
    with progress_bars() as progress:
        result = import_data(target, origin, prepared, force=force, progress=progress)
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
@with_options(Data)
def stats(data: Data, json_: Json = False) -> None:
    """Print the size of a category: users, items, events, lengths, text and images."""
    import json

    from embrec.cli.console import print_table
    from embrec.data.store import load_dataset

    folder = data.open()
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
@with_options(Data)
def split(
    data: Data,
    split: Split = "leave-one-out",
    features: Annotated[
        list[str] | None, typer.Option("--features", help="Feature table to check as well; may be repeated.")
    ] = None,
    relations: Annotated[
        list[str] | None,
        typer.Option(
            "--relations", help="Column of lists of items to check as well, such as also_bought; may be repeated."
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Print what a split makes of a category, and what a test on it can show: ties, overlaps, repeats, newcomers."""
    import json

    from embrec.cli.console import print_line
    from embrec.data.splits import parse_split, split_text
    from embrec.evaluation.split_report import describe_split

    parts = parse_split(split)
    folder = data.open()
    report = describe_split(folder, parts, features or [], relations or [])
    if json_:
        typer.echo(json.dumps({"category": folder.name, **report.as_dict()}, indent=2))
        return
    _print_parts(f"category {folder.name}, split {split_text(report.split)}", report)
    for line in report.leaks.lines(every=True):
        print_line(line)


@app.command(cls=Command, epilog=examples("embrec data sources", "embrec data sources movielens"))
def sources(
    name: Annotated[str | None, typer.Argument(help="Source to show with its options.", show_default=False)] = None,
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
    from embrec.cli.console import print_note, print_table
    from embrec.data.importing import summary

    place = open_workspace(workspace)
    categories = place.categories()
    if not categories:
        print_note(f"no categories in {place.path}; make one with: embrec data import")
        return
    rows = [[found.name, *summary(found)] for found in categories]
    print_table(f"categories in {place.path}", ["category", "source", "users", "items", "events", "catalog"], rows)


@app.command(cls=Command, epilog=examples("embrec data remove office", "embrec data remove office --force"))
def remove(
    category: Annotated[str, typer.Argument(help="Name of the category.")],
    force: Annotated[
        bool, typer.Option("--force", help="Remove the runs, searches and comparisons made from it as well.")
    ] = False,
    workspace: Workspace = None,
) -> None:
    """Remove a category: its data, its feature tables, and with --force the runs that were made from it."""
    from embrec.cli.console import print_note
    from embrec.runs.removal import in_words, remove_category

    gone = remove_category(open_workspace(workspace).category(category), force=force)
    print_note(f"removed category {category}{f' with {in_words(gone)}' if gone else ''}")


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
