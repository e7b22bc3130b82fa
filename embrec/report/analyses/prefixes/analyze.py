"""The analysis by number of events before the target: opens a run, measures it, and writes figure and numbers."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from embrec.comparisons.figures import require_matplotlib
from embrec.comparisons.measurements import CONFIDENCE, RESAMPLES
from embrec.files import check_output_folder
from embrec.progress import Progress, silent
from embrec.report.analyses.context import AnalysisContext
from embrec.report.analyses.files import write_analysis
from embrec.report.analyses.prefixes.figure import draw
from embrec.report.analyses.prefixes.measure import LONGEST, Prefixes, by_prefix
from embrec.runs.evaluate import protocol
from embrec.runs.folder import RunFolder


def analyze_prefixes(
    run: RunFolder,
    *,
    metrics: Sequence[str] = (),
    longest: int = LONGEST,
    seed: int = 0,
    output: Path | None = None,
    command: str = "",
    progress: Progress = silent,
) -> tuple[AnalysisContext, Prefixes, Path]:
    """Measure a run by the number of events before its test targets; write figure and numbers.

    Args:
        run: a finished one; one of `user-holdout` has every prefix of new users.
        metrics: what is measured beside AUC.
        longest: the most events before a target.
        seed: of the bootstrap.
        output: the folder to write into; `analyses` in the run's own if None.
        command: that is recorded as having made this.
        progress: told of every batch.

    Returns:
        What was analysed, what was found, and where it was written.

    Raises:
        ConfigError: a metric is unknown, or no target has so few events before it.
        MissingExtraError: figures cannot be drawn.
        RunError: the run is not finished, or does not fit its data any more.
    """
    require_matplotlib()
    if output is not None:
        check_output_folder(output)
    subject = AnalysisContext.open(run)
    names = tuple(dict.fromkeys(("auc", *metrics)))
    evaluation = subject.evaluated(protocol(subject.run, metrics=names), progress=progress)
    found = by_prefix(evaluation, subject.dataset.interactions, names, longest=longest, seed=seed)
    folder = output or subject.folder
    words = subject.config.evaluation.words()
    numbers = subject.description(command, protocol=words, seed=seed, resamples=RESAMPLES, confidence=CONFIDENCE)
    write_analysis(folder, "prefixes", lambda: draw(found, subject.title, words), numbers | asdict(found))
    return subject, found, folder
