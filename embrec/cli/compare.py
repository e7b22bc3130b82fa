"""`embrec compare`: the same model on different footings, measured side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embrec.cli.options import (
    Baselines,
    Candidates,
    Category,
    Preset,
    Seeds,
    Seen,
    Split,
    Ties,
    Workspace,
    command_line,
    read_seeds,
)

if TYPE_CHECKING:
    from embrec.report.objective_results import ObjectiveComparison

# Options that comparisons of losses and of negatives share.
Features = Annotated[
    list[str] | None,
    typer.Option(
        "--features", help="What every model reads, such as tfidf+svd:dim=250 (the paper's); may be repeated."
    ),
]
PresetOfAll = Annotated[
    str | None,
    typer.Option(
        "--preset", help="Of all losses, none for the defaults (default: of each loss its own, as embrec-bpr)."
    ),
]
SettingOfSome = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Any other setting, such as model.dim=256, or bpr:training.learning_rate=1e-3 for one loss alone."
    ),
]
Published = Annotated[
    bool,
    typer.Option(
        "--published", help="Beside it, the published code's negatives: without the batch's labels, drawn once."
    ),
]
Epochs = Annotated[int | None, typer.Option(help="Epochs at most, the same for all.")]
Metric = Annotated[
    list[str] | None, typer.Option(help="hr@K, ndcg@K, mrr@K or auc; may be repeated (default: auc, hr@50).")
]
Name = Annotated[str | None, typer.Option(help="Of the comparison (default: one for each configuration and data).")]
Output = Annotated[
    Path | None, typer.Option(help="Folder of the report (default: CATEGORY/comparisons/NAME in the workspace).")
]

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
    epochs: Epochs = None,
    reference: Annotated[
        str | None, typer.Option(help="Encoder that the others are tested against (default: the first).")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="hr@K, ndcg@K, mrr@K or auc; may be repeated (default: auc, hr@10, hr@50, ndcg@10)."),
    ] = None,
    split: Split = "item-holdout",
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
    name: Name = None,
    output: Output = None,
    workspace: Workspace = None,
) -> None:
    """Train the same model on each encoder and fusion and compare; done work is kept, so repeat the command at will.

    Encoders and seeds that the comparison has from before stay in it.
    """
    from embrec.cli.console import answers, notes, print_table, progress_bars
    from embrec.data.splits import parse_split
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
                split=parse_split(split),
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
            command=command_line(),
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


@app.command()
def losses(
    category: Category,
    features: Features = None,
    loss: Annotated[
        list[str] | None,
        typer.Option("--loss", help="May be repeated (default: cross-entropy, bpr, bpr-max and cosine, as the paper)."),
    ] = None,
    seeds: Seeds = "3",
    epochs: Epochs = None,
    published: Published = False,
    reference: Annotated[
        str | None, typer.Option(help="Loss that the others are tested against (default: the first).")
    ] = None,
    metric: Metric = None,
    split: Split = "leave-one-out",
    preset: PresetOfAll = None,
    setting: SettingOfSome = None,
    name: Name = None,
    output: Output = None,
    workspace: Workspace = None,
) -> None:
    """Train the same model with each loss and compare (the paper's Fig. 12); done work is kept, so repeat the command at will.

    Seen items stay among the candidates, as in the paper. Losses and seeds that the comparison has from before stay in it.
    """
    from embrec.cli.console import progress_bars
    from embrec.data.splits import parse_split
    from embrec.report.objectives import LOSSES, METRICS, compare_losses
    from embrec.workspace import Workspace as Workspaces

    with progress_bars() as progress:
        comparison = compare_losses(
            Workspaces.locate(workspace).category(category),
            features or [],
            loss or LOSSES,
            published=published,
            split=parse_split(split),
            preset=preset,
            epochs=epochs,
            settings=setting or [],
            seeds=read_seeds(seeds),
            name=name,
            output=output,
            reference=reference,
            metrics=metric or METRICS,
            command=command_line(),
            progress=progress,
        )
    _show(comparison)


@app.command()
def negatives(
    category: Category,
    features: Features = None,
    loss: Annotated[
        list[str] | None,
        typer.Option("--loss", help="May be repeated (default: cross-entropy, bpr and bpr-max, as the paper)."),
    ] = None,
    counts: Annotated[
        str, typer.Option(help="Numbers of negatives with commas between them; all is always among them.")
    ] = "1024,2048,4096,8192,16384,32768,all",
    alpha: Annotated[
        float, typer.Option(min=0, help="Negatives are drawn by popularity to this power: 1 as the paper, 0 uniformly.")
    ] = 1.0,
    seeds: Seeds = "3",
    epochs: Epochs = None,
    published: Published = False,
    metric: Metric = None,
    split: Split = "leave-one-out",
    preset: PresetOfAll = None,
    setting: SettingOfSome = None,
    name: Name = None,
    output: Output = None,
    workspace: Workspace = None,
) -> None:
    """Train with different numbers of negatives and compare (the paper's Fig. 13); done work is kept, so repeat it at will.

    Seen items stay among the candidates, as in the paper. Numbers above that of the training items are left out.
    """
    from embrec.cli.console import progress_bars
    from embrec.data.splits import parse_split
    from embrec.report.footings import read_count
    from embrec.report.objectives import LOSSES_WITH_NEGATIVES, METRICS, compare_negatives
    from embrec.workspace import Workspace as Workspaces

    with progress_bars() as progress:
        comparison = compare_negatives(
            Workspaces.locate(workspace).category(category),
            features or [],
            loss or LOSSES_WITH_NEGATIVES,
            [read_count(count) for count in counts.split(",")],
            published=published,
            alpha=alpha,
            split=parse_split(split),
            preset=preset,
            epochs=epochs,
            settings=setting or [],
            seeds=read_seeds(seeds),
            name=name,
            output=output,
            metrics=metric or METRICS,
            command=command_line(),
            progress=progress,
        )
    _show(comparison)


@app.command()
def runs(
    runs: Annotated[list[str], typer.Argument(help="Finished runs of one category and split.")],
    baseline: Baselines = None,
    reference: Annotated[
        str | None, typer.Option(help="Model that the others are tested against (default: the first run's).")
    ] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="hr@K, ndcg@K, mrr@K, auc ...; may be repeated (default: the first run's).")
    ] = None,
    seen: Seen = None,
    ties: Ties = None,
    candidates: Candidates = None,
    slices: Annotated[
        list[str] | None, typer.Option("--slice", help="partition, history, popularity or features; may be repeated.")
    ] = None,
    lists: Annotated[int | None, typer.Option(min=1, help="Also describe the lists of so many items.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder that the tables are also written to, as runs.md and runs.json.")
    ] = None,
    workspace: Workspace = None,
) -> None:
    """Compare finished runs target by target; runs that differ in the seed alone are one model."""
    from embrec.cli.console import answers, notes, print_table, progress_bars
    from embrec.evaluation.evaluator import undefined_notes
    from embrec.evaluation.runs import protocol
    from embrec.files import write_json, write_text
    from embrec.locks import together
    from embrec.report.runs import compare_runs, runs_legend, runs_markdown, runs_tables
    from embrec.training.run import locate_run
    from embrec.workspace import Workspace as Workspaces

    folders = [locate_run(run, Workspaces.locate(workspace)) for run in runs]
    config = protocol(folders[0], metrics=metric, seen=seen, ties=ties, candidates=candidates)
    with progress_bars() as progress:
        comparison = compare_runs(
            folders, baseline or [], config, reference=reference, dimensions=slices or [], k=lists, progress=progress
        )
    for table in runs_tables(comparison):
        print_table(table.title, table.columns, table.rows)
    answers().print(runs_legend(comparison), markup=False)
    for warning in undefined_notes(comparison.evaluations):
        notes().print(f"warning: {warning}", markup=False)
    if output is not None:
        with together(output):
            write_text(output / "runs.md", runs_markdown(comparison, command_line()))
            write_json(output / "runs.json", {**comparison.as_dict(), "command": command_line()})
        notes().print(f"tables: {output / 'runs.md'}", markup=False)


@app.command()
def searches(
    searches: Annotated[list[str], typer.Argument(help="Searches of one category: names, or category/search.")],
    output: Annotated[
        Path | None, typer.Option(help="Folder that the figure and the numbers are also written to.")
    ] = None,
    workspace: Workspace = None,
) -> None:
    """Compare ways to search by how the best value grows; searches that differ in the seed alone are one way."""
    from embrec.cli.console import notes, print_table
    from embrec.report.searches import compare_searches, write_search_comparison
    from embrec.tuning.folder import locate_search
    from embrec.workspace import Workspace as Workspaces

    comparison = compare_searches([locate_search(name, Workspaces.locate(workspace)) for name in searches])
    for table in comparison.tables():
        print_table(table.title, table.columns, table.rows)
    if output is not None:
        write_search_comparison(comparison, output, command_line())
        notes().print(f"figure: {output / 'figure.png'}", markup=False)


def _show(comparison: "ObjectiveComparison") -> None:
    """Print a comparison of losses or negatives, and what could not be compared."""
    from embrec.cli.console import answers, notes, print_table
    from embrec.errors import RunError
    from embrec.report.objective_tables import objective_legend, objective_table

    answers().print(f"\n{comparison.category}: comparison {comparison.name}", markup=False)
    table = objective_table(comparison)
    print_table(table.title, table.columns, table.rows)
    answers().print(objective_legend(comparison), markup=False)
    for note in comparison.notes:
        notes().print(f"note: {note}", markup=False)
    notes().print(f"report: {comparison.folder}", markup=False)
    if comparison.failures:
        reasons = "; ".join(f"{failed}: {reason}" for failed, reason in comparison.failures.items())
        raise RunError(f"not compared: {reasons}")
