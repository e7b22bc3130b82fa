"""The output of `embrec` without a command: the first steps, and the next one in this workspace."""

from pathlib import Path

from embrec.cli.context import open_workspace


def print_first_steps(workspace: Path | None = None) -> None:
    """Print how to begin, what the workspace holds, and what comes next."""
    from embrec.cli.console import answers
    from embrec.diagnosis import next_step

    there, command = next_step(open_workspace(workspace))
    text = f"""\
EmbRec recommends the next item from what items are: texts, pictures, attributes.

First steps:
  embrec data import --interactions log.csv --items items.csv --category shop
  embrec features build                 vectors of the items: of texts, and of pictures where there are any
  embrec train                          a model; or embrec tune, which searches its settings
  embrec evaluate RUN                   how good it is beside baselines; with intervals: embrec compare runs
  embrec recommend RUN --sample 3       what it recommends
  embrec report RUN                     all of it on one page

{there}
Next: {command}

All commands: embrec --help; of one: embrec train --help. What is installed: embrec doctor."""
    answers().print(text, markup=False)
