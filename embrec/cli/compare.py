"""The commands `embrec compare ...`: variants of one model trained side by side, and finished runs and searches."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embrec.cli.completion import complete_run, complete_search
from embrec.cli.help import Command, examples
from embrec.cli.options import Baselines, ProtocolOptions, Workspace, metric_option, with_options
from embrec.cli.places import open_runs, open_search
from embrec.cli.printing import command_line, fail_for, print_leaks_of, print_notes, print_tables, print_warnings
from embrec.cli.variant_options import EncoderRuns, ModelRuns, ObjectiveOptions, ObjectiveRuns, VariantRuns

if TYPE_CHECKING:
    from embrec.comparisons.results import Comparison
    from embrec.progress import Progress
    from embrec.workspace import Category

app = typer.Typer(
    no_args_is_help=True,
    help="Compare encoders, losses, negatives, models, finished runs or searches, with confidence intervals.",
)


@app.callback()
def compare() -> None:
    """Compare encoders, losses, negatives, models, finished runs or searches, with confidence intervals."""


@app.command(
    cls=Command,
    epilog=examples(
        "embrec compare encoders",
        "embrec compare encoders --encoder tfidf --encoder minilm --encoder tfidf,minilm+whiten --seeds 3",
    ),
)
@with_options(EncoderRuns)
def encoders(
    shared: EncoderRuns,
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            help="Encoder, such as tfidf, or a fusion, such as tfidf,minilm; may be repeated (default: those of the feature "
            "tables there, else those of embrec features build).",
        ),
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Encoder that the others are tested against (default: the first).")
    ] = None,
    cluster_by: Annotated[
        str | None,
        typer.Option(help="Column of categories for the silhouette (default: category, genres or the like)."),
    ] = None,
    cluster_level: Annotated[
        int | None, typer.Option(min=1, help="Number of names of a category path that count (default: all).")
    ] = None,
) -> None:
    """Train the same model on each encoder and fusion and compare; finished work is kept when repeated.

    Encoders and seeds that the comparison has from before stay in it.
    """
    from embrec.cli.console import print_note
    from embrec.comparisons.encoders import METRICS, compare_encoders, comparison_config

    def make(folder: "Category", progress: "Progress") -> "Comparison":
        config = comparison_config(
            folder.name,
            split=shared.read_split(),
            preset=shared.preset,
            epochs=shared.epochs,
            settings=shared.setting or [],
        )
        return compare_encoders(
            folder,
            encoder or None,
            config,
            seeds=shared.read_seeds(),
            name=shared.name,
            output=shared.output,
            reference=reference,
            metrics=shared.metric or METRICS,
            cluster_by=cluster_by,
            cluster_level=cluster_level,
            command=command_line(),
            on_choice=print_note,
            progress=progress,
        )

    _compare(shared, make)


@app.command(
    cls=Command,
    epilog=examples(
        "embrec compare losses --features tfidf+svd:dim=250",
        "embrec compare losses --loss bpr --loss bpr-max --set bpr:training.learning_rate=1e-3",
    ),
)
@with_options(ObjectiveRuns, ObjectiveOptions)
def losses(
    shared: ObjectiveRuns,
    objective: ObjectiveOptions,
    loss: Annotated[
        list[str] | None,
        typer.Option(
            "--loss", help="Loss; may be repeated (default: cross-entropy, bpr, bpr-max and cosine, as in the paper)."
        ),
    ] = None,
    reference: Annotated[
        str | None, typer.Option(help="Loss that the others are tested against (default: the first).")
    ] = None,
) -> None:
    """Train the same model with each loss and compare (the paper's Fig. 12); finished work is kept when repeated.

    Seen items stay among the candidates, as in the paper. Losses and seeds that the comparison has from before stay in it.
    """
    from embrec.comparisons.losses import LOSSES, compare_losses

    def make(folder: "Category", progress: "Progress") -> "Comparison":
        request = shared.request(folder, progress, features=objective.features, reference=reference)
        return compare_losses(request, loss or LOSSES, published=objective.published)

    _compare(shared, make)


@app.command(cls=Command, epilog=examples("embrec compare negatives --features tfidf --counts 1024,4096,all"))
@with_options(ObjectiveRuns, ObjectiveOptions)
def negatives(
    shared: ObjectiveRuns,
    objective: ObjectiveOptions,
    loss: Annotated[
        list[str] | None,
        typer.Option(
            "--loss", help="Loss; may be repeated (default: cross-entropy, bpr and bpr-max, as in the paper)."
        ),
    ] = None,
    counts: Annotated[
        str, typer.Option(help="Numbers of negatives with commas between them; all is always among them.")
    ] = "1024,2048,4096,8192,16384,32768,all",
    alpha: Annotated[
        float,
        typer.Option(
            min=0, help="Exponent of popularity by which negatives are drawn: 1 as in the paper, 0 for uniform draws."
        ),
    ] = 1.0,
) -> None:
    """Train with different numbers of negatives and compare (the paper's Fig. 13); finished work is kept when repeated.

    Seen items stay among the candidates, as in the paper. Numbers above that of the training items are left out.
    """
    from embrec.comparisons.negatives import LOSSES_WITH_NEGATIVES, compare_negatives
    from embrec.comparisons.objectives import read_count

    some = [read_count(count) for count in counts.split(",")]

    def make(folder: "Category", progress: "Progress") -> "Comparison":
        request = shared.request(folder, progress, features=objective.features)
        return compare_negatives(
            request, loss or LOSSES_WITH_NEGATIVES, some, published=objective.published, alpha=alpha
        )

    _compare(shared, make)


@app.command(
    cls=Command,
    epilog=examples(
        "embrec compare models --model embrec --model sasrec --model gru4rec:source=id",
        "embrec compare models --model sasrec --model sasrec:layers=2,dim=64 --seeds 3 --epochs 20",
        "embrec compare models --model embrec-office --model embrec:source=hybrid --features tfidf+svd:dim=250",
    ),
)
@with_options(ModelRuns)
def models(
    shared: ModelRuns,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="Kind of model with the defaults of embrec train, or a preset, with settings after a colon: "
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
    reference: Annotated[
        str | None, typer.Option(help="Model that the others are tested against (default: the first).")
    ] = None,
) -> None:
    """Train different models under one protocol and compare them with confidence intervals; finished work is kept.

    Models and seeds that the comparison has from before stay in it.
    """
    from embrec.comparisons.models import compare_models

    def make(folder: "Category", progress: "Progress") -> "Comparison":
        return compare_models(shared.request(folder, progress, features=features, reference=reference), model)

    _compare(shared, make)


@app.command(cls=Command, epilog=examples("embrec compare runs office/first office/second --slice history"))
@with_options(ProtocolOptions)
def runs(
    runs: Annotated[
        list[str], typer.Argument(help="Finished runs of one category and split.", autocompletion=complete_run)
    ],
    baseline: Baselines = None,
    reference: Annotated[
        str | None, typer.Option(help="Model that the others are tested against (default: the first run's).")
    ] = None,
    metric: Annotated[
        list[str] | None,
        metric_option("hr@K, ndcg@K, mrr@K, auc ...; may be repeated (default: the first run's)."),
    ] = None,
    slices: Annotated[
        list[str] | None,
        typer.Option(
            "--slice",
            help="partition, history, popularity, tied (at the same moment as the event before) or features; may be repeated.",
        ),
    ] = None,
    lists: Annotated[
        int | None, typer.Option(min=1, help="Length of recommendation lists to describe as well (default: none).")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Folder to write the tables to as well, as runs.md and runs.json.")
    ] = None,
    *,
    protocol: ProtocolOptions,
    workspace: Workspace = None,
) -> None:
    """Compare finished runs target by target; runs that differ in the seed alone are one model."""
    from embrec.cli.console import print_note, print_text, progress_bars
    from embrec.comparisons.runs import compare_runs, runs_legend, runs_markdown, runs_tables
    from embrec.files import check_output_folder, write_json, write_text
    from embrec.locks import together

    if output is not None:
        check_output_folder(output)
    folders = open_runs(runs, workspace)
    config = protocol.of(folders[0], metric)
    with progress_bars() as progress:
        comparison = compare_runs(
            folders,
            baseline,
            config,
            reference=reference,
            dimensions=slices or [],
            k=lists,
            other_log=protocol.other_log,
            progress=progress,
        )
    print_tables(runs_tables(comparison))
    for line in comparison.verdict:
        print_text(line)
    print_warnings(comparison.warnings)
    print_text(runs_legend(comparison))
    if output is not None:
        with together(output):
            write_text(output / "runs.md", runs_markdown(comparison, command_line()))
            write_json(output / "runs.json", {**comparison.as_dict(), "command": command_line()})
        print_note(f"tables: {output / 'runs.md'}")


@app.command(cls=Command, epilog=examples("embrec compare searches office/tuned-content-tfidf office/other"))
def searches(
    searches: Annotated[
        list[str],
        typer.Argument(help="Searches of one category: names, or category/search.", autocompletion=complete_search),
    ],
    output: Annotated[Path | None, typer.Option(help="Folder to write the figure and the numbers to as well.")] = None,
    workspace: Workspace = None,
) -> None:
    """Compare ways to search by how the best value grows; searches that differ in the seed alone are one way."""
    from embrec.cli.console import print_note
    from embrec.comparisons.searches import compare_searches, write_search_comparison
    from embrec.files import check_output_folder

    if output is not None:
        check_output_folder(output)
    comparison = compare_searches([open_search(name, workspace) for name in searches])
    print_tables(comparison.tables())
    if output is not None:
        write_search_comparison(comparison, output, command_line())
        print_note(f"figure: {output / 'figure.png'}")


def _compare(shared: VariantRuns, make: "Callable[[Category, Progress], Comparison]") -> None:
    """Make a comparison whose variants are trained, and print it, the variants that failed last."""
    from embrec.cli.console import answers, print_line, print_note, progress_bars
    from embrec.comparisons.tables import legend, main_tables
    from embrec.runs.folder import known_findings

    shared.read_seeds(), shared.read_split()  # before the data are read
    category = shared.open()
    told = known_findings(category)
    with progress_bars() as progress:
        comparison = make(category, progress)
    print_leaks_of(category, [run.name for row in comparison.rows for run in row.runs], told, shared.split)
    answers().print(f"\n{comparison.category}: comparison {comparison.name}", markup=False)
    print_tables(main_tables(comparison))
    for line in [*comparison.baselines.sentences(), legend(comparison)]:
        print_line(line)
    print_notes(comparison.notes)
    print_note(f"report: {comparison.folder}")
    fail_for(comparison.failures)
