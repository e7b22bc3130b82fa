"""The analysis of example users: opens a run, chooses users, and writes figures and descriptions."""

from pathlib import Path

from embrec.comparisons.figures import require_matplotlib, save_figure
from embrec.files import check_output_folder, write_json
from embrec.locks import together
from embrec.progress import Progress, silent
from embrec.report.analyses.context import AnalysisContext
from embrec.report.analyses.examples.figure import draw
from embrec.report.analyses.examples.measure import USERS, Examples, _plain, choose
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
    """Show what a run recommends to some users of either kind; write a figure a kind, and what is on them.

    Args:
        run: a finished one.
        users: how many of each kind.
        seed: of the drawing.
        output: the folder to write into; `analyses` in the run's own if None.
        command: that is recorded as having made this.
        progress: told of every batch.

    Returns:
        What was analysed, who was chosen, and where it was written.

    Raises:
        MissingExtraError: figures cannot be drawn.
        RunError: the run is not finished, or does not fit its data any more.
    """
    require_matplotlib()
    if output is not None:
        check_output_folder(output)
    subject = AnalysisContext.open(run)
    found = choose(subject, users=users, seed=seed, progress=progress)
    folder = output or subject.folder
    protocol = subject.protocol_of_lists().words()
    numbers = subject.description(command, protocol=protocol, seed=seed, users_chosen_from=found.users)
    with together(folder):
        for done, group in enumerate(found.groups, start=1):
            if group.people:
                save_figure(lambda shown=group: draw(subject, found, shown), folder, group.name)  # type: ignore[misc]
            else:
                for form in ("png", "svg"):  # of another seed or model
                    (folder / f"{group.name}.{form}").unlink(missing_ok=True)
            progress("figures", done, len(found.groups))
        write_json(
            folder / "examples.json", plain(numbers | {"groups": [_plain(subject, one) for one in found.groups]})
        )
    return subject, found, folder
