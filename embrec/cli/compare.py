"""`embrec compare`: the same model on different footings, measured side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embrec.cli.help import Command, examples
from embrec.cli.options import (
    Baselines,
    Candidates,
    Category,
    OtherLog,
    Preset,
    Seeds,
    Seen,
    Split,
    Ties,
    Workspace,
    command_line,
    complete_run,
    complete_search,
    print_leaks_of,
    read_seeds,
)

if TYPE_CHECKING:
    from embrec.comparisons.results import Comparison

# Options that comparisons of losses and of negatives share.
Features = Annotated[
    list[str] | None,
    typer.Option(
        "--features",
        help="What every model reads, such as tfidf+svd:dim=250 (the paper's); may be repeated (default: the feature "
        "tables there, else those of embrec features build).",
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


@app.command(
    cls=Command,
    epilog=examples(
        "embrec compare encoders",
        "embrec compare encoders --encoder tfidf --encoder minilm --encoder tfidf,minilm+whiten --seeds 3",
    ),
)
def encoders(
    category: Category = None,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            help="Such as tfidf, or a fusion such as tfidf,minilm; may be repeated (default: those of the feature tables "
            "there, else those of embrec features build).",
        ),
    ] = None,
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
    from embrec.cli.console import print_note, progress_bars
    from embrec.comparisons.encoders import METRICS, compare_encoders, comparison_config
    from embrec.data.splits import parse_split
    from embrec.runs.folder import findings_told
    from embrec.workspace import Workspace as Workspaces

    numbers, parts = read_seeds(seeds), parse_split(split)
    folder = Workspaces.locate(workspace).choose(category)
    told = findings_told(folder)
    config = comparison_config(folder.name, split=parts, preset=preset, epochs=epochs, settings=setting or [])
    with progress_bars() as progress:
        comparison = compare_encoders(
            folder,
            encoder or None,
            config,
            seeds=numbers,
            name=name,
            output=output,
            reference=reference,
            metrics=metric or METRICS,
            cluster_by=cluster_by,
            cluster_level=cluster_level,
            command=command_line(),
            on_choice=print_note,
            progress=progress,
        )
    print_leaks_of(folder, [run.name for row in comparison.rows for run in row.runs], told, split)
    _show(comparison)


@app.command(
    cls=Command,
    epilog=examples(
        "embrec compare losses --features tfidf+svd:dim=250",
        "embrec compare losses --loss bpr --loss bpr-max --set bpr:training.learning_rate=1e-3",
    ),
)
def losses(
    category: Category = None,
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
    from embrec.cli.console import print_note, progress_bars
    from embrec.comparisons.losses import LOSSES, compare_losses
    from embrec.comparisons.request import ComparisonRequest
    from embrec.data.splits import parse_split
    from embrec.runs.folder import findings_told
    from embrec.workspace import Workspace as Workspaces

    numbers, parts = read_seeds(seeds), parse_split(split)
    folder = Workspaces.locate(workspace).choose(category)
    told = findings_told(folder)
    with progress_bars() as progress:
        request = ComparisonRequest(
            folder,
            features=features or (),
            split=parts,
            preset=preset,
            epochs=epochs,
            settings=setting or (),
            seeds=numbers,
            metrics=metric or (),
            reference=reference,
            name=name,
            output=output,
            command=command_line(),
            on_choice=print_note,
            progress=progress,
        )
        comparison = compare_losses(request, loss or LOSSES, published=published)
    print_leaks_of(folder, [run.name for row in comparison.rows for run in row.runs], told, split)
    _show(comparison)


@app.command(cls=Command, epilog=examples("embrec compare negatives --features tfidf --counts 1024,4096,all"))
def negatives(
    category: Category = None,
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
    from embrec.cli.console import print_note, progress_bars
    from embrec.comparisons.negatives import LOSSES_WITH_NEGATIVES, compare_negatives
    from embrec.comparisons.objectives import read_count
    from embrec.comparisons.request import ComparisonRequest
    from embrec.data.splits import parse_split
    from embrec.runs.folder import findings_told
    from embrec.workspace import Workspace as Workspaces

    numbers, parts = read_seeds(seeds), parse_split(split)
    some = [read_count(count) for count in counts.split(",")]
    folder = Workspaces.locate(workspace).choose(category)
    told = findings_told(folder)
    with progress_bars() as progress:
        request = ComparisonRequest(
            folder,
            features=features or (),
            split=parts,
            preset=preset,
            epochs=epochs,
            settings=setting or (),
            seeds=numbers,
            metrics=metric or (),
            name=name,
            output=output,
            command=command_line(),
            on_choice=print_note,
            progress=progress,
        )
        comparison = compare_negatives(request, loss or LOSSES_WITH_NEGATIVES, some, published=published, alpha=alpha)
    print_leaks_of(folder, [run.name for row in comparison.rows for run in row.runs], told, split)
    _show(comparison)


@app.command(
    cls=Command,
    epilog=examples(
        "embrec compare models --model embrec --model sasrec --model gru4rec:source=id",
        "embrec compare models --model sasrec --model sasrec:layers=2,dim=64 --seeds 3 --epochs 20",
        "embrec compare models --model embrec-office --model embrec:source=hybrid --features tfidf+svd:dim=250",
    ),
)
def models(
    category: Category = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="A kind of model with the defaults of embrec train, or a preset, with settings behind a colon: "
            "sasrec:layers=2,dim=64; may be repeated (default: every kind).",
        ),
    ] = None,
    features: Annotated[
        list[str] | None,
        typer.Option(
            "--features",
            help="Encoder that the models of content read, such as tfidf+svd:dim=250; may be repeated (default: those of the "
            "feature tables there, else those of embrec features build).",
        ),
    ] = None,
    seeds: Seeds = "3",
    epochs: Epochs = None,
    reference: Annotated[
        str | None, typer.Option(help="Model that the others are tested against (default: the first).")
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="hr@K, ndcg@K, mrr@K or auc; may be repeated (default: ndcg@10, hr@10, auc)."),
    ] = None,
    split: Split = "leave-one-out",
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="Setting of all models, such as training.batch_size=256 or model.dim=64; may be repeated."
        ),
    ] = None,
    name: Name = None,
    output: Output = None,
    workspace: Workspace = None,
) -> None:
    """Train different models under one protocol and compare them with confidence intervals; finished work is kept.

    Models and seeds that the comparison has from before stay in it.
    """
    from embrec.cli.console import print_note, progress_bars
    from embrec.comparisons.models import compare_models
    from embrec.comparisons.request import ComparisonRequest
    from embrec.data.splits import parse_split
    from embrec.runs.folder import findings_told
    from embrec.workspace import Workspace as Workspaces

    numbers, parts = read_seeds(seeds), parse_split(split)
    folder = Workspaces.locate(workspace).choose(category)
    told = findings_told(folder)
    with progress_bars() as progress:
        request = ComparisonRequest(
            folder,
            features=features or (),
            split=parts,
            epochs=epochs,
            settings=setting or (),
            seeds=numbers,
            metrics=metric or (),
            reference=reference,
            name=name,
            output=output,
            command=command_line(),
            on_choice=print_note,
            progress=progress,
        )
        comparison = compare_models(request, model or None)
    print_leaks_of(folder, [run.name for row in comparison.rows for run in row.runs], told, split)
    _show(comparison)


@app.command(cls=Command, epilog=examples("embrec compare runs office/first office/second --slice history"))
def runs(
    runs: Annotated[
        list[str], typer.Argument(help="Finished runs of one category and split.", autocompletion=complete_run)
    ],
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
        list[str] | None,
        typer.Option(
            "--slice",
            help="partition, history, popularity, tied (at the same moment as the event before) or features; may be repeated.",
        ),
    ] = None,
    lists: Annotated[int | None, typer.Option(min=1, help="Also describe the lists of so many items.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder that the tables are also written to, as runs.md and runs.json.")
    ] = None,
    other_log: OtherLog = False,
    workspace: Workspace = None,
) -> None:
    """Compare finished runs target by target; runs that differ in the seed alone are one model."""
    from embrec.cli.console import notes, print_table, print_text, progress_bars
    from embrec.comparisons.runs import compare_runs, runs_legend, runs_markdown, runs_tables
    from embrec.files import check_output_folder, write_json, write_text
    from embrec.locks import together
    from embrec.runs.evaluate import protocol
    from embrec.runs.folder import locate_run
    from embrec.workspace import Workspace as Workspaces

    if output is not None:
        check_output_folder(output)
    folders = [locate_run(run, Workspaces.locate(workspace)) for run in runs]
    config = protocol(folders[0], metrics=metric, seen=seen, ties=ties, candidates=candidates)
    with progress_bars() as progress:
        comparison = compare_runs(
            folders, baseline, config, reference=reference, dimensions=slices or [], k=lists, other_log=other_log,
            progress=progress,
        )  # fmt: skip
    for table in runs_tables(comparison):
        print_table(table.title, table.columns, table.rows)
    for line in comparison.verdict:
        print_text(line)
    for warning in comparison.warnings:
        print_text(f"warning: {warning}")
    print_text(runs_legend(comparison))
    if output is not None:
        with together(output):
            write_text(output / "runs.md", runs_markdown(comparison, command_line()))
            write_json(output / "runs.json", {**comparison.as_dict(), "command": command_line()})
        notes().print(f"tables: {output / 'runs.md'}", markup=False)


@app.command(cls=Command, epilog=examples("embrec compare searches office/tuned-content-tfidf office/other"))
def searches(
    searches: Annotated[
        list[str],
        typer.Argument(help="Searches of one category: names, or category/search.", autocompletion=complete_search),
    ],
    output: Annotated[
        Path | None, typer.Option(help="Folder that the figure and the numbers are also written to.")
    ] = None,
    workspace: Workspace = None,
) -> None:
    """Compare ways to search by how the best value grows; searches that differ in the seed alone are one way."""
    from embrec.cli.console import notes, print_table
    from embrec.comparisons.searches import compare_searches, write_search_comparison
    from embrec.files import check_output_folder
    from embrec.tuning.folder import locate_search
    from embrec.workspace import Workspace as Workspaces

    if output is not None:
        check_output_folder(output)
    comparison = compare_searches([locate_search(name, Workspaces.locate(workspace)) for name in searches])
    for table in comparison.tables():
        print_table(table.title, table.columns, table.rows)
    if output is not None:
        write_search_comparison(comparison, output, command_line())
        notes().print(f"figure: {output / 'figure.png'}", markup=False)


def _show(comparison: "Comparison") -> None:
    """Print a comparison that was trained, and the variants that could not be compared."""
    from embrec.cli.console import answers, notes, print_table
    from embrec.comparisons.tables import legend, main_tables
    from embrec.errors import RunError

    answers().print(f"\n{comparison.category}: comparison {comparison.name}", markup=False)
    for table in main_tables(comparison):
        print_table(table.title, table.columns, table.rows)
    for line in comparison.baselines.sentences():
        answers().print(line, markup=False)
    answers().print(legend(comparison), markup=False)
    for note in comparison.notes:
        notes().print(f"note: {note}", markup=False)
    notes().print(f"report: {comparison.folder}", markup=False)
    if comparison.failures:
        reasons = "; ".join(f"{failed}: {reason}" for failed, reason in comparison.failures.items())
        raise RunError(f"not compared: {reasons}")
