"""The coverage analysis: opens a run, measures it, and writes figure and numbers."""

from dataclasses import asdict
from pathlib import Path

from embrec.comparisons.figures import check_drawable
from embrec.comparisons.measurements import CONFIDENCE
from embrec.errors import ConfigError
from embrec.parameters import parameter
from embrec.progress import Progress, silent
from embrec.report.analyses.context import AnalysisContext
from embrec.report.analyses.coverage.figure import draw
from embrec.report.analyses.coverage.measure import RESAMPLES, Coverage, by_length
from embrec.report.analyses.files import write_analysis
from embrec.report.analyses.prefixes.measure import LONGEST
from embrec.runs.folder import RunFolder


def analyze_coverage(
    run: RunFolder,
    *,
    k: int = 10,
    longest: int = LONGEST,
    resamples: int = RESAMPLES,
    replace: bool = False,
    seed: int = 0,
    output: Path | None = None,
    command: str = "",
    progress: Progress = silent,
) -> tuple[AnalysisContext, Coverage, Path]:
    """Measure how much of the catalog a run recommends, by the number of events before its test targets; write both files.

    Args:
        run: a finished run.
        k: length of a list.
        longest: largest number of events before a target.
        resamples: number of draws at each length.
        replace: True to draw with replacement, as many targets as the rarest length has, as in [semikin2019].
        seed: seed of the draws.
        output: folder to write into; `analyses` in the folder of the run if None.
        command: command line to record in the JSON file.
        progress: callback for the progress of the evaluation.

    Returns:
        The run with its data, the result, and the folder of the files.

    Raises:
        ConfigError: no length has enough targets, or `k` exceeds the size of the catalog.
        MissingExtraError: matplotlib is not installed.
        RunError: the run is not finished, or does not fit its data any more.
    """
    check_drawable(output)
    context = AnalysisContext.open(run)
    n_items = len(context.dataset.catalog)
    if k > n_items:
        raise ConfigError(f"{parameter('k')} is {k}, but the catalog has {n_items:,} items; use fewer")
    protocol = context.protocol_of_lists()
    evaluation = context.evaluated(protocol, keep=k, progress=progress)
    found = by_length(
        evaluation,
        context.dataset.interactions,
        n_items,
        k=k,
        longest=longest,
        resamples=resamples,
        replace=replace,
        seed=seed,
        progress=progress,
    )
    folder = output or context.folder
    title = f"{context.title}, lists from {protocol.candidates.words()}, seen items: {protocol.seen}"
    numbers = context.description(command, protocol=protocol.words(), seed=seed, confidence=CONFIDENCE)
    write_analysis(folder, "coverage", lambda: draw(found, title), numbers | asdict(found))
    return context, found, folder
