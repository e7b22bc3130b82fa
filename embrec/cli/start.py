"""The output of `embrec` without a command: the first steps, and the next one in this workspace."""

from pathlib import Path
from typing import TYPE_CHECKING

from embrec.cli.places import open_workspace

if TYPE_CHECKING:
    from embrec.diagnosis import NextStep


def print_first_steps(workspace: Path | None = None) -> None:
    """Print how to begin, what the workspace holds, and what comes next."""
    from embrec.cli.console import answers
    from embrec.diagnosis import next_step

    step = next_step(open_workspace(workspace))
    text = f"""\
EmbRec recommends the next item from what items are: texts, pictures, attributes.

First steps:
  embrec data import --interactions log.csv --items items.csv --category shop
  embrec features build                 vectors of the items: of texts, and of pictures where there are any
  embrec train                          a model; or embrec tune, which searches its settings
  embrec evaluate RUN                   how good it is beside baselines; with intervals: embrec compare runs
  embrec recommend RUN --sample 3       what it recommends
  embrec report RUN                     all of it on one page

{step.state}
Next: {_command(step)}

All commands: embrec --help; of one: embrec train --help. What is installed: embrec doctor."""
    answers().print(text, markup=False)


def _command(step: "NextStep") -> str:
    """Return the command that takes a step."""
    category = f" --category {step.category}" if step.category is not None else ""
    return {
        "import": "embrec data import --help (with no data at hand: --source complete-journey)",
        "build features": f"embrec features build{category}",
        "train": f"embrec train{category}",
        "recommend": f"embrec recommend {step.run} --sample 3",
    }[step.action]
