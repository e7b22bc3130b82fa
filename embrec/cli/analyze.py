"""The commands `embrec analyze ...`: figures and numbers of a model's behaviour beyond its mean metrics."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embrec.cli.help import Command
from embrec.cli.help import examples as shown
from embrec.cli.options import Data, RunArgument, Workspace, with_options
from embrec.cli.places import open_run
from embrec.cli.printing import command_line, print_notes, print_tables

if TYPE_CHECKING:
    from embrec.comparisons.tables import Table

Output = Annotated[
    Path | None, typer.Option(help="Folder of figure and numbers (default: analyses in the run's folder).")
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything that is drawn at random.")]
Longest = Annotated[
    int, typer.Option("--longest", min=1, help="Maximum number of events before a target (the paper's: 16).")
]

app = typer.Typer(no_args_is_help=True, help="Analyze a run beyond its mean metrics: figures and numbers.")


@app.callback()
def analyze() -> None:
    """Analyze a run beyond its mean metrics: figures and numbers."""


@app.command(cls=Command, epilog=shown("embrec analyze prefixes office/first --metric hr@10"))
def prefixes(
    run: RunArgument,
    metric: Annotated[
        list[str] | None, typer.Option("--metric", help="Metric beside AUC, such as hr@10; may be repeated.")
    ] = None,
    longest: Longest = 16,
    seed: Seed = 0,
    output: Output = None,
    workspace: Workspace = None,
) -> None:
    """Accuracy after few and after many events (the paper's Fig. 9), beside that of the same users at their first target.

    Made for runs of --split user-holdout, which have every prefix of new users.
    """
    from embrec.cli.console import progress_bars
    from embrec.report.analyses.prefixes.analyze import analyze_prefixes
    from embrec.report.analyses.prefixes.measure import tables

    with progress_bars() as progress:
        subject, found, folder = analyze_prefixes(
            open_run(run, workspace),
            metrics=metric or [],
            longest=longest,
            seed=seed,
            output=output,
            command=command_line(),
            progress=progress,
        )
    title = f"{subject.title}, {found.users:,} users, {subject.config.evaluation.words()}"
    _print(title, tables(found), [*subject.notes, *found.notes()], folder / "prefixes")


@app.command(cls=Command, epilog=shown("embrec analyze coverage office/first --k 20"))
def coverage(
    run: RunArgument,
    k: Annotated[int, typer.Option("--k", "-k", min=1, help="Number of items of a list.")] = 10,
    longest: Longest = 16,
    resamples: Annotated[int, typer.Option(min=1, help="Number of draws at each number of events.")] = 1000,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Draw with replacement, as in the paper: rare lengths then seem to cover less."),
    ] = False,
    seed: Seed = 0,
    output: Output = None,
    workspace: Workspace = None,
) -> None:
    """Share of the catalog recommended after few and after many events (the paper's Fig. 10), beside that of the items seen.

    The same number of targets is drawn for each number of events, many times.
    """
    from embrec.cli.console import progress_bars
    from embrec.report.analyses.coverage.analyze import analyze_coverage
    from embrec.report.analyses.coverage.measure import drawn_words, table

    with progress_bars() as progress:
        subject, found, folder = analyze_coverage(
            open_run(run, workspace),
            k=k,
            longest=longest,
            resamples=resamples,
            replace=replace,
            seed=seed,
            output=output,
            command=command_line(),
            progress=progress,
        )
    title = f"{subject.title}: share of the {found.items:,} items, {drawn_words(found)}"
    _print(title, [table(found)], [*subject.notes, *found.notes()], folder / "coverage")


@app.command(cls=Command, epilog=shown("embrec analyze silhouettes --encoder tfidf"))
@with_options(Data)
def silhouettes(
    data: Data,
    encoder: Annotated[
        list[str] | None,
        typer.Option("--encoder", help="Encoder or feature table; may be repeated (default: all tables there are)."),
    ] = None,
    level: Annotated[
        list[int] | None,
        typer.Option(
            "--level", min=1, help="Number of names of a category path that count; may be repeated (default: all)."
        ),
    ] = None,
    cluster_by: Annotated[
        str | None, typer.Option(help="Column of categories (default: category, genres or the like).")
    ] = None,
    seed: Seed = 0,
    output: Annotated[
        Path | None, typer.Option(help="Folder of figure and numbers (default: analyses in the category's folder).")
    ] = None,
) -> None:
    """Separation of item categories by the vectors of each feature table: silhouettes (the paper's Table 4)."""
    from embrec.cli.console import progress_bars
    from embrec.report.analyses.silhouettes.analyze import analyze_silhouettes
    from embrec.report.analyses.silhouettes.measure import tables_of

    with progress_bars() as progress:
        found, folder = analyze_silhouettes(
            data.open(),
            encoder or [],
            levels=level or [],
            column=cluster_by,
            seed=seed,
            output=output,
            command=command_line(),
            progress=progress,
        )
    _print(found.title, tables_of(found), found.notes(), folder / "silhouettes")


@app.command("map", cls=Command, epilog=shown("embrec analyze map office/first"))
def map_(
    run: RunArgument,
    user: Annotated[
        str | None,
        typer.Option(help="User whose query is the red dot (default: drawn from those whose next item ranks high)."),
    ] = None,
    sample: Annotated[int, typer.Option(min=1, help="Number of users drawn, with one test target each.")] = 3000,
    seed: Seed = 0,
    output: Output = None,
    workspace: Workspace = None,
) -> None:
    """Map of queries and items: where they lie, how they match, and whether all users get the same (after FELRec's Fig. 3)."""
    from embrec.cli.console import progress_bars
    from embrec.report.analyses.embedding_map.analyze import analyze_map
    from embrec.report.analyses.embedding_map.measure import table

    with progress_bars() as progress:
        subject, found, folder = analyze_map(
            open_run(run, workspace),
            user=user,
            sample=sample,
            seed=seed,
            output=output,
            command=command_line(),
            progress=progress,
        )
    _print(f"{subject.title}: who is offered what", [table(found)], [*subject.notes, *found.notes()], folder / "map")


@app.command(cls=Command, epilog=shown("embrec analyze examples office/first --users 2"))
def examples(
    run: RunArgument,
    users: Annotated[int, typer.Option(min=1, help="Number of users of each kind.")] = 4,
    seed: Seed = 0,
    output: Output = None,
    workspace: Workspace = None,
) -> None:
    """Users whose recommendations are personal, and users who were given popular items (the paper's Figs. 7 and 8)."""
    from embrec.cli.console import progress_bars
    from embrec.report.analyses.examples.analyze import analyze_examples
    from embrec.report.analyses.examples.measure import tables

    with progress_bars() as progress:
        subject, found, folder = analyze_examples(
            open_run(run, workspace), users=users, seed=seed, output=output, command=command_line(), progress=progress
        )
    _print(
        subject.title,
        tables(subject, found),
        [*subject.notes, *found.notes()],
        folder / "examples",
        figures="examples-*",
    )


def _print(
    title: str, tables: "Sequence[Table]", remarks: Sequence[str], path: Path, figures: str | None = None
) -> None:
    from embrec.cli.console import answers, print_note

    answers().print(title, markup=False)
    print_tables(tables)
    print_notes(remarks)
    print_note(f"figure: {path.with_name(figures or path.name)}.png, numbers: {path}.json")
