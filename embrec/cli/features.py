"""`embrec features`: build the lookup tables of item vectors, and see what is there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embrec.cli.help import Command, examples
from embrec.cli.options import Category, Split, Workspace

if TYPE_CHECKING:
    from embrec.features.build import BuildReport

app = typer.Typer(no_args_is_help=True, help="Build the lookup tables of item vectors, and see what is there.")

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
def build(
    category: Category = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            help="Such as tfidf, minilm, or tfidf:max_features=2000+svd:dim=125; may be repeated (see: embrec features "
            "encoders; default: tfidf and minilm for texts, efficientnet-lite0 for pictures).",
        ),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            help="What encoders of texts read: columns such as 'title description', or a sentence around them such as "
            "'{title}, made by {brand}' (default: the catalog's text columns)."
        ),
    ] = None,
    fit_on: Annotated[
        str, typer.Option(help="Items that encoders are fitted on: train (those with training events) or catalog.")
    ] = "train",
    split: Split = "leave-one-out",
    engine: Annotated[str, typer.Option(help="local, or ray: several processes, here or on a cluster.")] = "local",
    workers: Annotated[
        int | None, typer.Option(help="Processes that encode, with --engine ray (default: one a processor).")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="Of a running Ray cluster, with --engine ray (default: one is started here).")
    ] = None,
    workspace: Workspace = None,
) -> None:
    """Encode the items of a category; only what is new or changed, and a killed build goes on when repeated."""
    from embrec.cli.console import print_note, progress_bars
    from embrec.data.splits import parse_split
    from embrec.features.category import build_features, check_encoders
    from embrec.features.engines import open_engine
    from embrec.workspace import Workspace as Workspaces

    parts = parse_split(split)
    folder = Workspaces.locate(workspace).choose(category)
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
    from embrec.cli.console import notes

    if report.base is not None:
        _print_report(report.base)
    notes().print(
        f"{report.path.stem}: {report.items:,} items, {report.encoded:,} encoded, {report.reused:,} there already, "
        f"{report.repeated:,} with the content of another, {report.empty:,} with nothing to encode, "
        f"{len(report.failed):,} unreadable; {report.seconds:.1f} s: {report.path}"
    )
    for item, reason in report.failed[:_FAILURES_SHOWN]:
        notes().print(f"  unreadable: item {item}: {reason}", markup=False)
    if len(report.failed) > _FAILURES_SHOWN:
        notes().print(f"  and {len(report.failed) - _FAILURES_SHOWN:,} more")


@app.command("list", cls=Command, epilog=examples("embrec features list"))
def list_(category: Category = None, workspace: Workspace = None) -> None:
    """List the feature tables of a category."""
    from embrec.cli.console import notes, print_table
    from embrec.data.store import load_dataset
    from embrec.features.finding import for_default_split, list_tables, why_stale
    from embrec.workspace import Workspace as Workspaces

    damaged: list[Exception] = []
    folder = Workspaces.locate(workspace).choose(category)
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
        notes().print(
            "another split: fitted on other items than the training items of leave-one-out, for another --split or another log"
        )
    for name, why in stale.items():
        notes().print(f"{name} is stale: {why}", markup=False)
    for error in damaged:
        notes().print(str(error), markup=False)
    if stale:
        notes().print(f"to remove what is stale: embrec features remove --category {folder.name} --stale", markup=False)


@app.command(cls=Command, epilog=examples("embrec features show tfidf"))
def show(table: _Table, category: Category = None, workspace: Workspace = None) -> None:
    """Say what a table holds and how it came about: encoder, weights, transforms, versions, cost."""
    from embrec.cli.console import print_table
    from embrec.features.finding import named_table
    from embrec.features.provenance import provenance
    from embrec.workspace import Workspace as Workspaces

    found = named_table(Workspaces.locate(workspace).choose(category), table)
    print_table(str(found.path), ["", ""], [[name, value] for name, value in provenance(found)])


@app.command(cls=Command, epilog=examples("embrec features verify", "embrec features verify tfidf --sample 100"))
def verify(
    table: Annotated[list[str] | None, typer.Argument(help="Names of tables (default: all).")] = None,
    category: Category = None,
    sample: Annotated[int, typer.Option(min=0, help="How many items are encoded again and compared.")] = 32,
    workspace: Workspace = None,
) -> None:
    """Check tables against their own promises, the catalog and their encoders; exit code 2 where one fails."""
    from embrec.cli.console import print_table
    from embrec.data.store import load_dataset
    from embrec.errors import FeatureError
    from embrec.features.finding import list_tables, named_table
    from embrec.features.verify import verify as verify_table
    from embrec.workspace import Workspace as Workspaces

    where = Workspaces.locate(workspace).choose(category)
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
            f"mends: embrec features remove --category {category} --stale, or by name"
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
def export(
    table: _Table,
    output: Annotated[Path, typer.Option(help="File to write: .npy, .parquet, .csv, .h5 or .safetensors.")],
    category: Category = None,
    workspace: Workspace = None,
) -> None:
    """Write a table in a format that other programs read (and `--encoder vectors` reads back)."""
    from embrec.cli.console import notes
    from embrec.data.store import load_dataset
    from embrec.features.export import export as export_table
    from embrec.features.finding import named_table, why_stale
    from embrec.workspace import Workspace as Workspaces

    where = Workspaces.locate(workspace).choose(category)
    found = named_table(where, table)
    why = why_stale(found, load_dataset(where).catalog)
    count = export_table(found, output)
    notes().print(f"{count:,} vectors of length {found.dim}: {output}")
    if why is not None:
        notes().print(f"warning: {found.path.stem} is stale: {why}", markup=False)


@app.command(cls=Command, epilog=examples("embrec features remove --stale", "embrec features remove tfidf"))
def remove(
    table: Annotated[
        list[str] | None, typer.Argument(help="Names of tables (see: embrec features list), or encoders that have one.")
    ] = None,
    category: Category = None,
    stale: Annotated[
        bool, typer.Option("--stale", help="All that do not belong to the category as it is now, and damaged ones.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Also tables that unfinished runs or searches read.")] = False,
    workspace: Workspace = None,
) -> None:
    """Remove tables that are not needed any more; finished runs keep their own encoders and stay usable."""
    from embrec.cli.console import notes
    from embrec.errors import ConfigError
    from embrec.runs.removal import remove_tables
    from embrec.workspace import Workspace as Workspaces

    if not table and not stale:
        raise ConfigError("say which tables by name, or --stale for all that do not belong to the category any more")
    where = Workspaces.locate(workspace).choose(category)
    removed = remove_tables(where, table or [], stale=stale, force=force)
    for name, why, size in removed:
        notes().print(f"removed {name}, {size / 1e6:,.1f} MB{f': {why}' if why else ''}", markup=False)
    if not removed:
        notes().print(f"no feature table of {where.name} is stale")
