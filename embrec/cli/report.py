"""The command `embrec report`."""

from pathlib import Path
from typing import Annotated

import typer

from embrec.cli.completion import complete_run
from embrec.cli.options import Baselines, ProtocolOptions, Workspace, metric_option, with_options
from embrec.cli.places import open_runs
from embrec.cli.printing import command_line


@with_options(ProtocolOptions)
def report(
    runs: Annotated[
        list[str],
        typer.Argument(
            help="Runs of one category and split; the others are compared with the first.", autocompletion=complete_run
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="HTML file to write; .html is added where the name has no ending."),
    ] = Path("report.html"),
    baseline: Baselines = None,
    metric: Annotated[
        list[str] | None,
        metric_option("Metric, such as hr@10, ndcg@10 or auc; may be repeated (default: the first run's)."),
    ] = None,
    *,
    protocol: ProtocolOptions,
    seed: Annotated[int, typer.Option(help="Seed of the draw of example users.")] = 0,
    workspace: Workspace = None,
) -> None:
    """Write one self-contained HTML page: data, training, results with intervals, slices, example users, failures, cost."""
    from embrec.cli.console import print_note, progress_bars
    from embrec.report.page.build import build_report

    folders = open_runs(runs, workspace)
    config = protocol.of(folders[0], metric)
    with progress_bars() as progress:
        page = build_report(
            folders,
            output,
            baselines=baseline,
            config=config,
            seed=seed,
            command=command_line(),
            other_log=protocol.other_log,
            progress=progress,
        )
    print_note(f"report: {page} ({page.stat().st_size / 1e6:.1f} MB)")
