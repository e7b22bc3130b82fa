"""Reader of MicroLens: interactions with short videos, with their titles and cover images.

Source: [ni2023], https://github.com/westlake-repl/MicroLens.

Interactions in `MicroLens-100k_pairs.csv` (user, item, timestamp in milliseconds) or, without times, in
`MicroLens-100k_pairs.tsv`; titles in `MicroLens-100k_titles.csv` (some releases name the columns, some do not); covers as
`<item>.jpg` in a folder whose name ends in `covers`.
"""

import csv
import io
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import ConfigDict, Field

from embrec.data.readers.delimited import read_delimited, shown
from embrec.data.readers.formats import CSV
from embrec.data.readers.guide import Guide
from embrec.data.readers.lines import read_all
from embrec.data.readers.published import (
    header_of,
    images_below,
    read_columns,
    require_folder,
    the_only,
    time_columns,
    whole_numbers,
)
from embrec.data.readers.raw import ITEM, USER, RawData, check_ids, require_events, unique_items
from embrec.data.readers.sequences import read_sequences
from embrec.errors import DataError
from embrec.progress import Progress, silent
from embrec.validation import Checked

_HEADERS = (("user", "item", "timestamp"), ("userID", "videoID", "timestamp"))


class MicroLensSource(Checked):
    """A folder with the downloaded files of one size of MicroLens."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: ClassVar[tuple[str, ...]] = ("microlens",)
    guides: ClassVar[dict[str, Guide]] = {
        "microlens": Guide(
            "MicroLens: short videos with titles and covers, watched by 50,000 or 100,000 users",
            "MicroLens-50k_pairs.csv (or .tsv, without times), MicroLens-50k_titles.csv, MicroLens-50k_covers/1.jpg",
            {"source": "microlens", "path": "MicroLens-50k", "category": "microlens"},
            "https://github.com/westlake-repl/MicroLens",
            "see there; changed copies must not be passed on",
        )
    }
    source: Literal["microlens"] = "microlens"
    path: Annotated[Path, Field(description="the folder of the files")]
    images: Annotated[Path | None, Field(description="folder of the covers, if its name does not end in covers")] = None

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return True if a folder has the files of this source."""
        return path.is_dir() and bool(_pairs(path))

    def files(self) -> list[Path]:
        """Return the input files; see `Source`."""
        pairs = the_only(
            _pairs(require_folder(self.path, "MicroLens")), self.path, "interactions (MicroLens-..._pairs.csv)"
        )
        titles = sorted([*self.path.glob("*_titles.csv"), *self.path.glob("*_title_en.csv")])
        return [pairs, *titles[:1]]

    def read(self, progress: Progress = silent) -> RawData:
        """Read the interactions and the titles; see `Source`."""
        pairs, *titles = self.files()
        notes: dict[str, int] = {}
        remarks: list[str] = []
        if pairs.suffix == ".tsv":
            events = read_sequences(pairs, notes, progress)
            remarks.append("the file has no times: the time of an event is its position in the history")
        else:
            events = _events(pairs, remarks, progress)
        if not titles:
            remarks.append(f"no titles: {self.path} has no file that ends in _titles.csv")
            return RawData(events, notes=notes, remarks=remarks)
        items = unique_items(_titles(titles[0], progress), notes)
        for covers in self.picture_folders()[:1]:
            items = images_below(items, covers, notes)
        return RawData(events, items, ("title",), notes=notes, remarks=remarks)

    def read_catalog(self, items: Path | pl.DataFrame) -> pl.DataFrame | None:
        """Return the videos of a file of titles as `read` does; None for a file of another form."""
        if isinstance(items, pl.DataFrame):
            return None
        fields = [name.strip() for name in header_of(items)]
        if len(fields) != 2 or not (fields[0].isdigit() or fields == ["item", "title"]):
            return None
        return unique_items(_titles(items, silent), {})

    def picture_folders(self) -> list[Path]:
        """Return the folders that may hold covers."""
        if self.images is not None:
            return [self.images]
        return [folder for folder in sorted(self.path.glob("*covers")) if folder.is_dir()]


def _pairs(path: Path) -> list[Path]:
    """Return the files of interactions; of two versions, with and without times, only the one with times."""
    timed = sorted(path.glob("*_pairs.csv"))
    names = {file.stem for file in timed}
    return timed + [file for file in sorted(path.glob("*_pairs.tsv")) if file.stem not in names]


def _events(path: Path, remarks: list[str], progress: Progress) -> pl.DataFrame:
    header = header_of(path)
    columns = next((names for names in _HEADERS if set(names) <= set(header)), _HEADERS[0])
    table = read_columns(path, columns, progress=progress)
    require_events(table.frame, path)
    times = whole_numbers(table, "timestamp", "milliseconds since 1970")
    user, item, _ = columns
    events = table.frame.select(pl.col(user).alias(USER), pl.col(item).alias(ITEM))
    check_ids(events, USER, table.where)
    check_ids(events, ITEM, table.where)
    return events.with_columns(time_columns(times, table.where, remarks))


def _titles(path: Path, progress: Progress) -> pl.DataFrame:
    data = read_all(path, progress)
    first = next(csv.reader(io.StringIO(data[:4096].decode("utf-8", errors="replace"))), [])
    if len(first) != 2:
        raise DataError(f"{path}, line 1: expected two fields, the item and its title")
    if first[0].strip().isdigit():  # a release without a header
        data = b"item,title\n" + data
    elif [name.strip() for name in first] != ["item", "title"]:
        raise DataError(f"{path}, line 1: expected the columns item,title, not {shown(first)}")
    frame = read_delimited(path, data, CSV)
    frame.columns = [ITEM, "title"]
    check_ids(frame, ITEM, lambda row: f"{path}, title {row + 1}")
    return frame
