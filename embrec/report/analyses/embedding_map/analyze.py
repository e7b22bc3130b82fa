"""The embedding map of a run: opens it, computes the map, and writes figure and numbers."""

from pathlib import Path

from embrec.comparisons.figures import require_matplotlib
from embrec.files import check_output_folder
from embrec.progress import Progress, silent
from embrec.report.analyses.context import AnalysisContext
from embrec.report.analyses.embedding_map.figure import draw
from embrec.report.analyses.embedding_map.measure import SAMPLE, EmbeddingMap, as_numbers, locate
from embrec.report.analyses.files import write_analysis
from embrec.runs.folder import RunFolder
from embrec.runs.model import load_model


def analyze_map(
    run: RunFolder,
    *,
    user: str | None = None,
    sample: int = SAMPLE,
    seed: int = 0,
    output: Path | None = None,
    command: str = "",
    progress: Progress = silent,
) -> tuple[AnalysisContext, EmbeddingMap, Path]:
    """Draw the queries and next items of test users, and who is offered what; write figure and numbers.

    Args:
        run: a finished one of a factorised model.
        user: whose pair is red; drawn from those whose next item is in the top tenth if None.
        sample: how many users, one target each.
        seed: of all that is drawn, and of t-SNE.
        output: the folder to write into; `analyses` in the run's own if None.
        command: that is recorded as having made this.
        progress: told of every step.

    Returns:
        What was analysed, what was found, and where it was written.

    Raises:
        ConfigError: there are too few users, or the one that was asked for has no test target.
        DataError: the log has no such user.
        MissingExtraError: figures cannot be drawn.
        RunError: the run is not finished, or its scores are no inner products.
    """
    require_matplotlib()
    if output is not None:
        check_output_folder(output)
    subject = AnalysisContext.open(run)
    found = locate(subject, load_model(run).model, user=user, sample=sample, seed=seed, progress=progress)
    folder = output or subject.folder
    numbers = subject.description(command, seed=seed, sample=sample, **as_numbers(subject, found))
    write_analysis(folder, "map", lambda: draw(subject, found), numbers)
    return subject, found, folder
