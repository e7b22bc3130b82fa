"""The commands `embrec features ...`: build, check and export the lookup tables of item vectors."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embrec.cli.help import Command, examples
from embrec.cli.options import Data, Split, with_options

if TYPE_CHECKING:
    from embrec.features.build import BuildReport

app = typer.Typer(no_args_is_help=True, help="Build, list, check, export and remove the lookup tables of item vectors.")

_FAILURES_SHOWN = 5

_Table = Annotated[
    str, typer.Argument(help="Name of a table (see: embrec features list), or an encoder if it has one.")
]


@app.command(
    cls=Command,
    epilog=examples(
        "embrec features build", "embrec features build --encoder tfidf+svd:dim=125 --split item-holdout:fraction=0.2"
    ),
)
@with_options(Data)
def build(
    data: Data,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            help="Encoder, such as tfidf, minilm, or tfidf:max_features=2000+svd:dim=125; may be repeated (see: embrec "
            "features encoders; default: tfidf and minilm for texts, efficientnet-lite0 for pictures).",
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            help="Input of text encoders: columns such as 'title description', or a sentence around them such as "
            "'{title}, made by {brand}' (default: the catalog's text columns)."
        ),
    ] = None,
    fit_on: Annotated[
        str, typer.Option(help="Items that encoders are fitted on: train (those with training events) or catalog.")
    ] = "train",
    split: Split = "leave-one-out",
    engine: Annotated[
        str, typer.Option(help="Where items are encoded: local, or ray for several processes, here or on a cluster.")
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(help="Processes that encode, with --engine ray (default: one a processor).")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(help="Address of a running Ray cluster, with --engine ray (default: one is started here)."),
    ] = None,
) -> None:
    """Encode the items of a category; only what is new or changed, and a killed build continues when repeated."""
    from embrec.cli.console import print_note, progress_bars
    from embrec.data.splits import parse_split
    from embrec.features.category import build_features, check_encoders
    from embrec.features.engines import open_engine

    parts = parse_split(split)
    folder = data.open()
    check_encoders(encoder or None, text, fit_on)  # before anything is started
    with progress_bars() as progress, open_engine(engine, workers, address) as encode:
        build_features(
            folder,
            encoder or None,
            template=text,
            split=parts,
            fit_on=fit_on,
            engine=encode,
            on_choice=lambda words: print_note(f"no encoder is named; building {words}"),
            on_report=_print_report,
            progress=progress,
        )


def _print_report(report: "BuildReport") -> None:
    from embrec.cli.console import print_note

    if report.base is not None:
        _print_report(report.base)
    print_note(
        f"{report.path.stem}: {report.items:,} items, {report.encoded:,} encoded, {report.reused:,} there already, "
        f"{report.repeated:,} with the content of another, {report.empty:,} with nothing to encode, "
        f"{len(report.failed):,} unreadable; {report.seconds:.1f} s: {report.path}"
    )
    for item, reason in report.failed[:_FAILURES_SHOWN]:
        print_note(f"  unreadable: item {item}: {reason}")
    if len(report.failed) > _FAILURES_SHOWN:
        print_note(f"  and {len(report.failed) - _FAILURES_SHOWN:,} more")


@app.command("list", cls=Command, epilog=examples("embrec features list"))
@with_options(Data)
def list_(data: Data) -> None:
    """List the feature tables of a category."""
    from embrec.cli.console import print_note, print_table
    from embrec.data.store import load_dataset
    from embrec.features.finding import for_default_split, list_tables, why_stale

    damaged: list[Exception] = []
    folder = data.open()
    tables = list_tables(folder, damaged=damaged.append)
    dataset = load_dataset(folder)
    stale = {table.path.stem: why for table in tables if (why := why_stale(table, dataset.catalog)) is not None}
    fitting = for_default_split(tables, dataset)
    print_table(
        f"feature tables of {folder.name}",
        ["table", "items", "present", "dim", "type", "density", "MB", "seconds", "fits"],
        [
            [
                table.path.stem,
                len(table),
                int(table.present.sum()),
                table.dim,
                str(table.vectors.dtype),
                table.attributes["density"],
                table.bytes / 1e6,
                table.attributes["seconds"] or "-",
                "no: stale" if table.path.stem in stale else "yes" if table in fitting else "another split",
            ]
            for table in tables
        ],
    )
    if any(table not in fitting and table.path.stem not in stale for table in tables):
        print_note(
            "another split: fitted on other items than the training items of leave-one-out, for another --split or another log"
        )
    for name, why in stale.items():
        print_note(f"{name} is stale: {why}")
    for error in damaged:
        print_note(str(error))
    if stale:
        print_note(f"to remove what is stale: embrec features remove --category {folder.name} --stale")


@app.command(cls=Command, epilog=examples("embrec features show tfidf"))
@with_options(Data)
def show(table: _Table, data: Data) -> None:
    """Show the contents and the origin of a table: encoder, weights, transforms, versions, cost."""
    from embrec.cli.console import print_table
    from embrec.features.finding import named_table
    from embrec.features.provenance import provenance

    found = named_table(data.open(), table)
    print_table(str(found.path), ["", ""], [[name, value] for name, value in provenance(found)])


@app.command(cls=Command, epilog=examples("embrec features verify", "embrec features verify tfidf --sample 100"))
@with_options(Data)
def verify(
    table: Annotated[list[str] | None, typer.Argument(help="Names of tables (default: all).")] = None,
    *,
    data: Data,
    sample: Annotated[int, typer.Option(min=0, help="Number of items to encode again and compare.")] = 32,
) -> None:
    """Check that tables are intact and fit the catalog and their encoders; the exit code is 2 if one does not."""
    from embrec.cli.console import print_table
    from embrec.data.store import load_dataset
    from embrec.errors import FeatureError
    from embrec.features.finding import list_tables, named_table
    from embrec.features.verify import verify as verify_table

    where = data.open()
    catalog = load_dataset(where).catalog
    damaged: list[FeatureError] = []
    tables = [named_table(where, name) for name in table] if table else list_tables(where, damaged=damaged.append)
    checks = [(found.path.stem, check) for found in tables for check in verify_table(found, catalog, sample)]
    print_table(
        f"feature tables of {where.name}",
        ["table", "check", "passed", "seen"],
        [[name, check.name, "yes" if check.passed else "NO", check.seen] for name, check in checks],
    )
    failed = sorted({name for name, check in checks if not check.passed})
    if failed:
        raise FeatureError(
            f"feature tables that are not as they should be: {', '.join(failed)}; build them again, and remove what no build "
            f"mends: embrec features remove --category {where.name} --stale, or by name"
        )
    if damaged:
        raise damaged[0]


@app.command(cls=Command, epilog=examples("embrec features encoders", "embrec features encoders tfidf"))
def encoders(
    name: Annotated[str | None, typer.Argument(help="Encoder or transform whose parameters are to be shown.")] = None,
) -> None:
    """List the encoders and transforms, or the parameters of one."""
    from embrec.cli.console import print_table
    from embrec.features.registry import list_encoders, list_parameters

    if name is None:
        print_table("encoders and transforms", ["name", "what", "needs"], [list(row) for row in list_encoders()])
    else:
        print_table(
            f"parameters of {name}", ["parameter", "default", "meaning"], [list(row) for row in list_parameters(name)]
        )


@app.command(cls=Command, epilog=examples("embrec features export tfidf --output vectors.parquet"))
@with_options(Data)
def export(
    table: _Table,
    output: Annotated[Path, typer.Option(help="File to write: .npy, .parquet, .csv, .h5 or .safetensors.")],
    data: Data,
) -> None:
    """Write a table in a format that other programs read (and --encoder vectors reads back)."""
    from embrec.cli.console import print_note
    from embrec.data.store import load_dataset
    from embrec.features.export import export as export_table
    from embrec.features.finding import named_table, why_stale

    where = data.open()
    found = named_table(where, table)
    why = why_stale(found, load_dataset(where).catalog)
    count = export_table(found, output)
    print_note(f"{count:,} vectors of length {found.dim}: {output}")
    if why is not None:
        print_note(f"warning: {found.path.stem} is stale: {why}")


@app.command(cls=Command, epilog=examples("embrec features remove --stale", "embrec features remove tfidf"))
@with_options(Data)
def remove(
    table: Annotated[
        list[str] | None, typer.Argument(help="Names of tables (see: embrec features list), or encoders that have one.")
    ] = None,
    *,
    data: Data,
    stale: Annotated[
        bool, typer.Option("--stale", help="Remove all that do not fit the category as it is now, and damaged ones.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Remove tables that unfinished runs or searches read as well.")
    ] = False,
) -> None:
    """Remove tables that are not needed any more; finished runs keep their own encoders and stay usable."""
    from embrec.cli.console import print_note
    from embrec.errors import ConfigError
    from embrec.runs.removal import remove_tables

    if not table and not stale:
        raise ConfigError("say which tables by name, or --stale for all that do not belong to the category any more")
    where = data.open()
    removed = remove_tables(where, table or [], stale=stale, force=force)
    for name, why, size in removed:
        print_note(f"removed {name}, {size / 1e6:,.1f} MB{f': {why}' if why else ''}")
    if not removed:
        print_note(f"no feature table of {where.name} is stale")
