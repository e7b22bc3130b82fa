"""Log of the epochs of a training: a JSON line for each epoch, and TensorBoard files."""

import json
from typing import Any

from embrec.files import write_text
from embrec.runs.folder import RunFolder


class EpochLog:
    """Writes each epoch to `events.jsonl` and TensorBoard.

    Args:
        run: folder of the run.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run

    def __enter__(self) -> "EpochLog":
        from torch.utils.tensorboard import SummaryWriter  # slow to import, and only training needs it

        self.board = SummaryWriter(str(self.run.path / "tensorboard"))
        return self

    def __exit__(self, *error: object) -> None:
        self.board.close()

    def epoch(self, record: dict[str, float]) -> None:
        """Append the metrics of an epoch."""
        with self.run.events.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")
        for name, value in record.items():
            if name != "epoch":
                self.board.add_scalar(name.replace(" ", "/"), value, int(record["epoch"]))
        self.board.flush()

    def rewrite(self, history: list[dict[str, Any]]) -> None:
        """Write `events.jsonl` anew, with each epoch once: a resume may have logged epochs that the checkpoint lacked."""
        write_text(self.run.events, "".join(json.dumps(record) + "\n" for record in history))
