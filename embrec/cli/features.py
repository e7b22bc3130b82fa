"""`embrec features`: build the lookup tables of item vectors, and see what is there."""

from typing import Annotated

import typer

from embrec.cli.options import Category, HoldoutChoose, HoldoutFraction, HoldoutSeed, SplitKind, Workspace, make_split

app = typer.Typer(no_args_is_help=True, help="Build the lookup tables of item vectors, and see what is there.")

_FAILURES_SHOWN = 5


@app.command()
def build(
    category: Category,
    encoder: Annotated[
        list[str], typer.Option("--encoder", help="tfidf, minilm or efficientnet-lite0; may be repeated.")
    ],
    text_column: Annotated[
        list[str] | None,
        typer.Option(help="Column that encoders of texts read; may be repeated (default: the catalog's)."),
    ] = None,
    fit_on: Annotated[
        str, typer.Option(help="Items that tfidf is fitted on: train (those with training events) or catalog.")
    ] = "train",
    split: SplitKind = "leave-one-out",
    holdout_fraction: HoldoutFraction = 0.1,
    holdout_choose: HoldoutChoose = "random",
    holdout_seed: HoldoutSeed = 0,
    workspace: Workspace = None,
) -> None:
    """Encode the items of a category; only what is new or changed, and a killed build goes on when repeated."""
    from embrec.cli.console import notes, progress_bars
    from embrec.features.category import build_features
    from embrec.workspace import Workspace as Workspaces

    with progress_bars() as progress:
        reports = build_features(
            Workspaces.locate(workspace).category(category),
            encoder,
            columns=text_column,
            split=make_split(split, holdout_fraction, holdout_choose, holdout_seed),
            fit_on=fit_on,
            progress=progress,
        )
        for report in reports:
            notes().print(
                f"{report.path.stem}: {report.items:,} items, {report.encoded:,} encoded, {report.reused:,} there already, "
                f"{report.repeated:,} with the content of another, {report.empty:,} with nothing to encode, "
                f"{len(report.failed):,} unreadable; {report.seconds:.1f} s: {report.path}"
            )
            for item, reason in report.failed[:_FAILURES_SHOWN]:
                notes().print(f"  unreadable: item {item}: {reason}", markup=False)
            if len(report.failed) > _FAILURES_SHOWN:
                notes().print(f"  and {len(report.failed) - _FAILURES_SHOWN:,} more")


@app.command("list")
def list_(category: Category, workspace: Workspace = None) -> None:
    """List the feature tables of a category."""
    from embrec.cli.console import notes, print_table
    from embrec.features.category import list_tables
    from embrec.workspace import Workspace as Workspaces

    damaged: list[Exception] = []
    tables = list_tables(Workspaces.locate(workspace).category(category).require(), damaged=damaged.append)
    print_table(
        f"feature tables of {category}",
        ["table", "items", "present", "dim", "density", "MB", "seconds"],
        [
            [
                table.path.stem,
                len(table),
                int(table.present.sum()),
                table.dim,
                table.attributes["density"],
                table.path.stat().st_size / 1e6,
                table.attributes["seconds"] or "-",
            ]
            for table in tables
        ],
    )
    for error in damaged:
        notes().print(str(error), markup=False)
