"""Reader of sequence files as used by S3-Rec, P5 and SASRec: users with their items in order, without times.

Sources: S3-Rec [zhou2020], P5 [geng2022].

A line is `user item item item` (S3-Rec, P5), `user<tab>item item item` (MicroLens), or `user item` for one event (SASRec).
The time of an event is its position in the user's history.
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
from embrec.parameters import call
from embrec.progress import Progress, silent
from embrec.validation import Checked


class SequencesSource(Checked):
    """A text file of histories."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: ClassVar[tuple[str, ...]] = ("sequences",)
    guides: ClassVar[dict[str, Guide]] = {
        "sequences": Guide(
            "histories without times, as S3-Rec, P5 and SASRec keep them",
            "FILE.txt: 'user item item ...' on each line, or 'user item'; a table of the items beside it, if there is one",
            {"source": "sequences", "path": "Beauty.txt", "category": "beauty"},
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
        remarks = ["the file has no times: the time of an event is its position in the history"]
        if self.items is None:
            return RawData(events, notes=notes, remarks=remarks)
        catalog = read_items(self.items, progress=progress)
        texts = tuple(catalog.text_columns)
        return RawData(events, catalog.frame, texts, whole_catalog=True, notes=notes, remarks=remarks)


def read_sequences(path: Path, notes: dict[str, int], progress: Progress = silent) -> pl.DataFrame:
    """Return user, item and position in the history (as time), in file order.

    Args:
        path: path of the file.
        notes: mapping that receives the number of users without items.
        progress: callback for the progress of reading.

    Raises:
        DataError: a user has two lines of several items, or a line has another format.
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
            f"{other['line'][0][:60]!r}; read tables with {call('TableSource')}"
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
            f"{path}, line {place}: the user {user!r} is already on line {first}; each user needs one line "
            f"(a table with columns such as rating and time is read with {call('TableSource')}, as CSV)"
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
