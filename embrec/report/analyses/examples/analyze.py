"""The analysis of example users: opens a run, selects users, and writes figures and their data."""

from pathlib import Path

from embrec.comparisons.figures import check_drawable, save_figure
from embrec.files import write_json
from embrec.locks import together
from embrec.progress import Progress, silent
from embrec.report.analyses.context import AnalysisContext
from embrec.report.analyses.examples.figure import draw
from embrec.report.analyses.examples.measure import USERS, Examples, choose, group_numbers
from embrec.report.analyses.files import plain
from embrec.runs.folder import RunFolder


def analyze_examples(
    run: RunFolder,
    *,
    users: int = USERS,
    seed: int = 0,
    output: Path | None = None,
    command: str = "",
    progress: Progress = silent,
) -> tuple[AnalysisContext, Examples, Path]:
    """Select users with personal and with popular recommendations; write a figure for each kind, and their data.

    Args:
        run: a finished run.
        users: number of users of each kind.
        seed: seed of the random selection.
        output: folder to write into; `analyses` in the folder of the run if None.
        command: command line to record in the JSON file.
        progress: callback for the progress of the evaluation.

    Returns:
        The run with its data, the selected users, and the folder of the files.

    Raises:
        MissingExtraError: matplotlib is not installed.
        RunError: the run is not finished, or does not fit its data any more.
    """
    check_drawable(output)
    context = AnalysisContext.open(run)
    found = choose(context, users=users, seed=seed, progress=progress)
    folder = output or context.folder
    protocol = context.protocol_of_lists().words()
    numbers = context.description(command, protocol=protocol, seed=seed, users_chosen_from=found.users)
    with together(folder):
        for done, group in enumerate(found.groups, start=1):
            if group.examples:
                save_figure(lambda shown=group: draw(context, found, shown), folder, group.name)  # type: ignore[misc]
            else:
                for form in ("png", "svg"):  # from another seed or model
                    (folder / f"{group.name}.{form}").unlink(missing_ok=True)
            progress("figures", done, len(found.groups))
        write_json(
            folder / "examples.json", plain(numbers | {"groups": [group_numbers(context, one) for one in found.groups]})
        )
    return context, found, folder
