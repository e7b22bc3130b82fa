"""The coverage analysis: opens a run, measures it, and writes figure and numbers."""

from dataclasses import asdict
from pathlib import Path

from embrec.comparisons.figures import require_matplotlib
from embrec.comparisons.measurements import CONFIDENCE
from embrec.errors import ConfigError
from embrec.files import check_output_folder
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
    """Measure how much of the catalog a run recommends, by the number of events before its test targets.

    Args:
        run: a finished one.
        k: items of a list.
        longest: the most events before a target.
        resamples: draws at each length.
        replace: draw with replacement, as many targets as the rarest length has: as in [semikin2019].
        seed: of the draws.
        output: the folder to write into; `analyses` in the run's own if None.
        command: that is recorded as having made this.
        progress: told of every batch.

    Returns:
        What was analysed, what was found, and where it was written.

    Raises:
        ConfigError: no length has enough targets, or lists would be longer than the catalog.
        MissingExtraError: figures cannot be drawn.
        RunError: the run is not finished, or does not fit its data any more.
    """
    require_matplotlib()
    if output is not None:
        check_output_folder(output)
    subject = AnalysisContext.open(run)
    n_items = len(subject.dataset.catalog)
    if k > n_items:
        raise ConfigError(f"--k is {k}, but the catalog has {n_items:,} items; use fewer")
    protocol = subject.protocol_of_lists()
    evaluation = subject.evaluated(protocol, keep=k, progress=progress)
    found = by_length(
        evaluation, subject.dataset.interactions, n_items, k=k, longest=longest, resamples=resamples, replace=replace,
        seed=seed, progress=progress,
    )  # fmt: skip
    folder = output or subject.folder
    title = f"{subject.title}, lists from {protocol.candidates.words()}, seen items: {protocol.seen}"
    numbers = subject.description(command, protocol=protocol.words(), seed=seed, confidence=CONFIDENCE)
    write_analysis(folder, "coverage", lambda: draw(found, title), numbers | asdict(found))
    return subject, found, folder
