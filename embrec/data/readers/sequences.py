"""Sequence files as S3-Rec, P5 and SASRec have them: a user and the items of that user, in order, without times.

`user item item item` a line (S3-Rec, P5), `user<tab>item item item` (MicroLens), or `user item` a line, one event each
(SASRec). All that these files tell is order: an event's time is its place in the user's history.
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import ConfigDict, Field

from embrec.data.readers.containers import split_member
from embrec.data.readers.guide import Guide
from embrec.data.readers.lines import read_all
from embrec.data.readers.raw import ITEM, TIME, USER, RawData, check_ids, require_events, require_file
from embrec.data.readers.table import read_items
from embrec.errors import DataError
from embrec.progress import Progress, silent
from embrec.validation import Checked


class SequencesSource(Checked):
    """Histories in a text file, one a line."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: ClassVar[tuple[str, ...]] = ("sequences",)
    guides: ClassVar[dict[str, Guide]] = {
        "sequences": Guide(
            "histories without times, as S3-Rec, P5 and SASRec keep them",
            "FILE.txt: 'user item item ...' on each line, or 'user item'; a table of the items beside it, if there is one",
            "--source sequences --path Beauty.txt --category beauty",
        )
    }
    source: Literal["sequences"] = "sequences"
    path: Annotated[Path, Field(description="the text file")]
    items: Annotated[Path | None, Field(description="the catalog, a table of any form")] = None

    def files(self) -> list[Path]:
        """Return the input files; see `Source`."""
        return [require_file(split_member(path)[0]) for path in (self.path, self.items) if path is not None]

    def read(self, progress: Progress = silent) -> RawData:
        """Read the histories and the items; see `Source`."""
        self.files()
        notes: dict[str, int] = {}
        events = read_sequences(self.path, notes, progress)
        remarks = ["the file tells order only: the time of an event is its place in the history"]
        if self.items is None:
            return RawData(events, notes=notes, remarks=remarks)
        catalog = read_items(self.items, progress=progress)
        texts = tuple(catalog.text_columns)
        return RawData(events, catalog.frame, texts, whole_catalog=True, notes=notes, remarks=remarks)


def read_sequences(path: Path, notes: dict[str, int], progress: Progress = silent) -> pl.DataFrame:
    """Return user, item and place in the history, in file order.

    Args:
        path: the file.
        notes: told how many users have no items.
        progress: told how far reading is.

    Raises:
        DataError: a user stands on two lines, or a line is that of another kind of file.
    """
    try:
        text = read_all(path, progress).decode("utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8 text; convert the file to UTF-8") from None
    lines = pl.Series("line", text.split("\n")).str.strip_chars()
    frame = pl.DataFrame({"line": lines, "place": pl.int_range(1, len(lines) + 1, eager=True)}).filter(
        pl.col("line") != ""
    )
    other = frame.filter(pl.col("line").str.contains('[,;{"]'))
    if len(other):
        raise DataError(
            f"{path}, line {other['place'][0]}: expected 'user item item ...' with blanks between them, not "
            f"{other['line'][0][:60]!r}; read tables with --source table"
        )
    frame = frame.select("place", tokens=pl.col("line").str.replace_all(r"\s+", " ").str.split(" "))
    frame = frame.select("place", pl.col("tokens").list.get(0).alias(USER), pl.col("tokens").list.slice(1).alias(ITEM))
    lengths = frame[ITEM].list.len()
    pairs = len(frame) > 0 and bool((lengths == 1).all())
    repeated = (~frame[USER].is_first_distinct()).arg_true()
    if len(repeated) and not pairs:
        user, place = frame[USER][repeated[0]], frame["place"][repeated[0]]
        first = frame.filter(pl.col(USER) == user)["place"][0]
        raise DataError(
            f"{path}, line {place}: the user {user!r} stands on line {first} already; each user needs one line "
            "(a table with columns such as rating and time is read with --source table, as CSV)"
        )
    if empty := int((lengths == 0).sum()):
        notes["users without items, left out"] = empty
    events = frame.filter(lengths > 0).explode(ITEM)
    places = pl.int_range(pl.len(), dtype=pl.Int64).over(USER).alias(TIME)
    line_of = events["place"]
    events = require_events(events.select(USER, ITEM, places), path)
    check_ids(events, USER, lambda row: f"{path}, line {line_of[row]}")
    check_ids(events, ITEM, lambda row: f"{path}, line {line_of[row]}")
    return events
