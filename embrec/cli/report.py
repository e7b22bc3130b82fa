"""`embrec report`: parse, call one function, print."""

from pathlib import Path
from typing import Annotated

import typer

from embrec.cli.options import Candidates, OtherLog, Seen, Ties, Workspace, command_line, complete_run


def report(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="Runs of one category and split; the others are compared with the first.", autocompletion=complete_run
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The HTML file to write; .html is added where the name has no ending."),
    ] = Path("report.html"),
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            help="pop, markov or content-knn; may be repeated; none for none (default: all that can be computed)."
        ),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Such as hr@10, ndcg@10 or auc; may be repeated (default: the first run's)."),
    ] = None,
    seen: Seen = None,
    ties: Ties = None,
    candidates: Candidates = None,
    seed: Annotated[int, typer.Option(help="Of the example users that are drawn.")] = 0,
    other_log: OtherLog = False,
    workspace: Workspace = None,
) -> None:
    """Write one self-contained HTML page: data, training, results with intervals, slices, example users, failures, cost."""
    from embrec.cli.console import notes, progress_bars
    from embrec.report.page.build import build_report
    from embrec.runs.evaluate import protocol
    from embrec.runs.folder import locate_run
    from embrec.workspace import Workspace as Workspaces

    folders = [locate_run(run, Workspaces.locate(workspace)) for run in runs]
    config = protocol(folders[0], metrics=metric, seen=seen, ties=ties, candidates=candidates)
    with progress_bars() as progress:
        page = build_report(
            folders, output, baselines=baseline, config=config, seed=seed, command=command_line(), other_log=other_log,
            progress=progress,
        )  # fmt: skip
    notes().print(f"report: {page} ({page.stat().st_size / 1e6:.1f} MB)")
