"""The embedding map of a run: opens it, computes the map, and writes figure and numbers."""

from pathlib import Path

from embrec.comparisons.figures import check_drawable
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
    """Draw a map of the queries and next items of test users and measure popularity bias; write figure and numbers.

    Args:
        run: a finished run of a factorised model.
        user: user of the red pair; if None, drawn from the users whose next item is in their top tenth.
        sample: number of users, with one target each.
        seed: seed of the sample, the selected user and t-SNE.
        output: folder to write into; `analyses` in the folder of the run if None.
        command: command line to record in the JSON file.
        progress: callback for the progress of the analysis.

    Returns:
        The run with its data, the result, and the folder of the files.

    Raises:
        ConfigError: there are too few users, or the given user has no test target.
        DataError: the log has no such user.
        MissingExtraError: matplotlib is not installed.
        RunError: the run is not finished, or its scores are not inner products.
    """
    check_drawable(output)
    context = AnalysisContext.open(run)
    found = locate(context, load_model(run).model, user=user, sample=sample, seed=seed, progress=progress)
    folder = output or context.folder
    numbers = context.description(command, seed=seed, sample=sample, **as_numbers(context, found))
    write_analysis(folder, "map", lambda: draw(context, found), numbers)
    return context, found, folder
