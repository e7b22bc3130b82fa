"""Reader of PixelRec: interactions with videos by their cover images, with titles, tags and descriptions.

Source: [cheng2023], https://github.com/westlake-repl/PixelRec.

A table of interactions (item_id, user_id, timestamp) and a table of items (item_id, title, tag, description and counts),
both recognised by their columns, and covers as `cover/<item_id>.jpg`.
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import ConfigDict, Field

from embrec.data.readers.guide import Guide
from embrec.data.readers.published import (
    files_with,
    header_of,
    images_below,
    read_columns,
    the_only,
    time_columns,
    whole_numbers,
)
from embrec.data.readers.raw import ITEM, USER, RawData, check_ids, require_events, require_file, unique_items
from embrec.errors import DataError
from embrec.parameters import parameter
from embrec.progress import Progress, silent
from embrec.validation import Checked

_LOG = ("item_id", "user_id", "timestamp")
_ITEMS = ("item_id", "title", "tag", "description")
_COVERS = ("cover", "covers", "images")


class PixelRecSource(Checked):
    """A folder with the downloaded files of one size of PixelRec, or the file of interactions in it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: ClassVar[tuple[str, ...]] = ("pixelrec",)
    guides: ClassVar[dict[str, Guide]] = {
        "pixelrec": Guide(
            "PixelRec: videos with covers, titles, tags and descriptions, in sizes from 50,000 to 30 million users",
            "a CSV of item_id,user_id,timestamp; a CSV of item_id,title,tag,description,...; cover/i0.jpg",
            {"source": "pixelrec", "path": "Pixel200K", "category": "pixelrec"},
            "https://github.com/westlake-repl/PixelRec",
            "see there; changed copies must not be passed on",
        )
    }
    source: Literal["pixelrec"] = "pixelrec"
    path: Annotated[Path, Field(description="the folder of the files, or the file of interactions")]
    images: Annotated[Path | None, Field(description="folder of the covers, if it is not cover/ in it")] = None

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return True if a folder has the files of this source."""
        return path.is_dir() and bool(files_with(path, _LOG)) and bool(files_with(path, _ITEMS))

    def files(self) -> list[Path]:
        """Return the input files; see `Source`."""
        if self.path.is_dir():
            log = the_only(files_with(self.path, _LOG), self.path, "interactions (a CSV of item_id,user_id,timestamp)")
        elif self.path.is_file():
            log = require_file(self.path)
        else:
            raise DataError(
                f"no such folder: {self.path}; give the folder of the PixelRec files as {parameter('path')}"
            )
        items = files_with(self._folder(), _ITEMS)
        alike = [file for file in items if file.name.split(".")[0] in log.name or log.name.split(".")[0] in file.name]
        return [log, *(alike or items)[:1]]

    def read(self, progress: Progress = silent) -> RawData:
        """Read the interactions and the items; see `Source`."""
        log, *catalog = self.files()
        notes: dict[str, int] = {}
        remarks: list[str] = []
        table = read_columns(log, _LOG, progress=progress)
        require_events(table.frame, log)
        times = whole_numbers(table, "timestamp", "a number of seconds or milliseconds since 1970")
        events = table.frame.select(pl.col("user_id").alias(USER), pl.col("item_id").alias(ITEM))
        check_ids(events, USER, table.where)
        check_ids(events, ITEM, table.where)
        events = events.with_columns(time_columns(times, table.where, remarks))
        if not catalog:
            remarks.append(f"no titles: {self._folder()} has no CSV of {','.join(_ITEMS)}")
            return RawData(events, notes=notes, remarks=remarks)
        items = unique_items(_items(catalog[0], progress), notes)
        for covers in self.picture_folders()[:1]:
            items = images_below(items, covers, notes)
        return RawData(events, items, _ITEMS[1:], notes=notes, remarks=remarks)

    def read_catalog(self, items: Path | pl.DataFrame) -> pl.DataFrame | None:
        """Return the videos of a file as `read` does; None for a file of another form."""
        if isinstance(items, pl.DataFrame) or not set(_ITEMS) <= set(header_of(items)):
            return None
        return unique_items(_items(items, silent), {})

    def picture_folders(self) -> list[Path]:
        """Return the folders that may hold covers."""
        if self.images is not None:
            return [self.images]
        return [self._folder() / name for name in _COVERS if (self._folder() / name).is_dir()]

    def _folder(self) -> Path:
        return self.path if self.path.is_dir() else self.path.parent


def _items(path: Path, progress: Progress) -> pl.DataFrame:
    table = read_columns(path, _ITEMS, progress=progress)
    items = table.frame.rename({"item_id": ITEM})
    check_ids(items, ITEM, table.where)
    return items
