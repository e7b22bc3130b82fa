"""The prefix analysis: opens a run, measures it by the number of events before the target, and writes the files."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from embrec.comparisons.figures import check_drawable
from embrec.comparisons.measurements import CONFIDENCE, RESAMPLES
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
        run: a finished run; one with the split `user-holdout` has every prefix of new users.
        metrics: metrics beside AUC.
        longest: largest number of events before a target.
        seed: seed of the bootstrap.
        output: folder to write into; `analyses` in the folder of the run if None.
        command: command line to record in the JSON file.
        progress: callback for the progress of the evaluation.

    Returns:
        The run with its data, the result, and the folder of the files.

    Raises:
        ConfigError: a metric is unknown, or no target has so few events before it.
        MissingExtraError: matplotlib is not installed.
        RunError: the run is not finished, or does not fit its data any more.
    """
    check_drawable(output)
    context = AnalysisContext.open(run)
    names = tuple(dict.fromkeys(("auc", *metrics)))
    evaluation = context.evaluated(protocol(context.run, metrics=names), progress=progress)
    found = by_prefix(evaluation, context.dataset.interactions, names, longest=longest, seed=seed)
    folder = output or context.folder
    words = context.config.evaluation.words()
    numbers = context.description(command, protocol=words, seed=seed, resamples=RESAMPLES, confidence=CONFIDENCE)
    write_analysis(folder, "prefixes", lambda: draw(found, context.title, words), numbers | asdict(found))
    return context, found, folder
