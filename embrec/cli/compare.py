"""`embrec compare`: the same model on different footings, measured side by side."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from embrec.cli.options import (
    Category,
    HoldoutChoose,
    HoldoutFraction,
    HoldoutSeed,
    Preset,
    Seeds,
    SplitKind,
    Workspace,
    make_split,
    read_seeds,
)

app = typer.Typer(no_args_is_help=True, help="Train the same model on different footings and compare, with intervals.")


@app.callback()
def compare() -> None:
    """Train the same model on different footings and compare, with intervals."""


@app.command()
def encoders(
    category: Category,
    encoder: Annotated[
        list[str],
        typer.Option("--encoder", help="Such as tfidf, or a fusion such as tfidf,minilm; may be repeated."),
    ],
    seeds: Seeds = "3",
    epochs: Annotated[int | None, typer.Option(help="Epochs at most, the same for all.")] = None,
    reference: Annotated[
        str | None, typer.Option(help="Encoder that the others are tested against (default: the first).")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="hr@K, ndcg@K, mrr@K or auc; may be repeated (default: auc, hr@10, hr@50, ndcg@10)."),
    ] = None,
    split: SplitKind = "item-holdout",
    holdout_fraction: HoldoutFraction = 0.1,
    holdout_choose: HoldoutChoose = "random",
    holdout_seed: HoldoutSeed = 0,
    preset: Preset = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Any other setting, such as model.dim=256; may be repeated.")
    ] = None,
    cluster_by: Annotated[
        str | None,
        typer.Option(help="Column of categories for the silhouette (default: category, genres or the like)."),
    ] = None,
    cluster_level: Annotated[
        int | None, typer.Option(min=1, help="Names of a category path that count (default: all).")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Of the comparison (default: one for each configuration and data).")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder of the report (default: CATEGORY/comparisons/NAME in the workspace).")
    ] = None,
    workspace: Workspace = None,
) -> None:
    """Train the same model on each encoder and fusion and compare; done work is kept, so repeat the command at will.

    Encoders and seeds that the comparison has from before stay in it.
    """
    from embrec.cli.console import answers, notes, print_table, progress_bars
    from embrec.errors import RunError
    from embrec.report.encoders import METRICS, compare_encoders, comparison_config
    from embrec.report.tables import legend, main_tables
    from embrec.workspace import Workspace as Workspaces

    with progress_bars() as progress:
        comparison = compare_encoders(
            Workspaces.locate(workspace).category(category),
            encoder,
            comparison_config(
                category,
                split=make_split(split, holdout_fraction, holdout_choose, holdout_seed),
                preset=preset,
                epochs=epochs,
                settings=setting or [],
            ),
            seeds=read_seeds(seeds),
            name=name,
            output=output,
            reference=reference,
            metrics=metric or METRICS,
            cluster_by=cluster_by,
            cluster_level=cluster_level,
            command=shlex.join(["embrec", *sys.argv[1:]]),
            progress=progress,
        )
    answers().print(f"\n{category}: comparison {comparison.name}", markup=False)
    for table in main_tables(comparison):
        print_table(table.title, table.columns, table.rows)
    answers().print(legend(comparison), markup=False)
    notes().print(f"report: {comparison.folder}", markup=False)
    if comparison.failures:
        reasons = "; ".join(f"{failed}: {reason}" for failed, reason in comparison.failures.items())
        raise RunError(f"not compared: {reasons}")
