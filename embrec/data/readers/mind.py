"""Reader of MIND, the Microsoft News Dataset: clicks on news articles with titles and abstracts.

Source: [wu2020], https://msnews.github.io/.

Two files of lines with tabs and no header: `behaviors.tsv` (impression, user, time as `11/11/2019 9:05:58 AM`, history,
impressions such as `N129416-1 N26703-0`, 1 for a click) and `news.tsv`.

A click has the time of its impression. The history holds the user's clicks of the weeks before, in order but without times; it
is left out, or put before the other clicks with the seconds after the first day of the collection as times.
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import ConfigDict, Field

from embrec.data.readers.guide import Guide
from embrec.data.readers.published import file_named, first_line, read_headerless, require_folder
from embrec.data.readers.raw import ITEM, TIME, USER, RawData, check_ids, require_events, unique_items
from embrec.data.readers.tabular import SourceTable
from embrec.errors import DataError
from embrec.parameters import parameter
from embrec.progress import Progress, silent
from embrec.validation import Checked

_BEHAVIORS, _NEWS = "behaviors.tsv", "news.tsv"
_BEHAVIOR_COLUMNS = ("impression", "user", "time", "history", "impressions")
_NEWS_COLUMNS = (ITEM, "category", "subcategory", "title", "abstract", "url", "title_entities", "abstract_entities")
_TEXTS = ("title", "abstract", "category", "subcategory")
_BEGIN = 1_570_838_400  # 2019-10-12, first day of the collection
_TIME_FORMAT = "%m/%d/%Y %I:%M:%S %p"


class MindSource(Checked):
    """An unpacked folder of MIND, or a folder of several, such as those for training and validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: ClassVar[tuple[str, ...]] = ("mind",)
    guides: ClassVar[dict[str, Guide]] = {
        "mind": Guide(
            "MIND: clicks on Microsoft News in six weeks of 2019, with titles and abstracts",
            f"{_BEHAVIORS} and {_NEWS}, in the folder or in folders in it (MINDsmall_train, MINDsmall_dev)",
            {"source": "mind", "path": "MINDsmall_train", "category": "mind"},
            "https://msnews.github.io/",
            "Microsoft Research License Terms: research, not for sale",
        )
    }
    source: Literal["mind"] = "mind"
    path: Annotated[Path, Field(description="the unpacked folder, or the folder of several")]
    histories: Annotated[
        Literal["drop", "first"],
        Field(description="clicks without a time, of the weeks before: left out, or put first, in order"),
    ] = "drop"

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return True if a folder has the files of this source."""
        return path.is_dir() and bool(_folders(path))

    def files(self) -> list[Path]:
        """Return the input files; see `Source`."""
        folders = _folders(require_folder(self.path, "MIND"))
        if not folders:
            raise DataError(
                f"{self.path} has no {_BEHAVIORS}, nor has a folder in it; give the unpacked folder of MIND"
            )
        found = []
        for folder in folders:
            news = file_named(folder, _NEWS)
            if news is None:
                raise DataError(f"{folder} has {_BEHAVIORS} but no {_NEWS}; unpack the whole archive")
            found.extend([path for path in (file_named(folder, _BEHAVIORS), news) if path is not None])
        return found

    def read(self, progress: Progress = silent) -> RawData:
        """Read the clicks and the articles; see `Source`."""
        notes: dict[str, int] = {}
        files = self.files()
        logs = [read_headerless(path, _BEHAVIOR_COLUMNS, len(_BEHAVIOR_COLUMNS), progress) for path in files[::2]]
        clicks = pl.concat([_clicks(log, notes) for log in logs])
        remarks = []
        past = _histories(logs)
        if self.histories == "first":
            clicks = pl.concat([past, clicks])
            remarks.append("the clicks of histories, which have no times, come before all others, one second apart")
        elif len(past):
            kept = parameter("histories", "first")
            notes[f"clicks of histories, without times, left out ({kept} puts them first)"] = len(past)
        items = pl.concat([_news(path, progress) for path in files[1::2]])
        items = unique_items(items, {} if len(logs) > 1 else notes)  # the folders share most articles
        return RawData(require_events(clicks, files[0]), items, _TEXTS, notes=notes, remarks=remarks)

    def read_catalog(self, items: Path | pl.DataFrame) -> pl.DataFrame | None:
        """Return articles of a file such as `news.tsv` as `read` does; None for a file of another form or with a header."""
        if isinstance(items, pl.DataFrame):
            return None
        fields = first_line(items).split("\t")
        if len(fields) <= len(_TEXTS) or "title" in fields:
            return None
        return unique_items(_news(items, silent), {})

    def picture_folders(self) -> list[Path]:
        """Return the folders that may hold pictures of articles: none."""
        return []


def _folders(path: Path) -> list[Path]:
    below = sorted(folder for folder in path.iterdir() if folder.is_dir())
    if file_named(path, _BEHAVIORS) is not None:
        return [path]
    return [folder for folder in below if file_named(folder, _BEHAVIORS) is not None]


def _clicks(table: SourceTable, notes: dict[str, int]) -> pl.DataFrame:
    frame = table.frame.with_row_index("row")
    check_ids(frame, USER, table.where)
    times = frame["time"].str.strip_chars().str.to_datetime(_TIME_FORMAT, strict=False, time_unit="us")
    failed = times.is_null().arg_true()
    if len(failed):
        value = frame["time"][failed[0]]
        raise DataError(f"{table.where(failed[0])}: the time is {value!r}; expected one such as 11/11/2019 9:05:58 AM")
    shown = frame.with_columns(times.dt.epoch("s").alias(TIME), pl.col("impressions").str.strip_chars().str.split(" "))
    shown = shown.explode("impressions").filter(pl.col("impressions") != "")
    parts = shown.select("row", USER, TIME, pl.col("impressions").str.extract_groups(r"^(?<item>.*)-(?<click>[01])$"))
    parts = parts.unnest("impressions")
    unknown = int(parts["click"].null_count())
    if unknown:
        notes["articles shown without a label (clicked or not), left out"] = unknown
    clicked = parts.filter(pl.col("click") == "1")
    rows = clicked["row"]
    events = clicked.select(USER, ITEM, TIME)
    check_ids(events, ITEM, lambda row: table.where(rows[row]))
    return events


def _histories(logs: list[SourceTable]) -> pl.DataFrame:
    """Return the clicks before the first impression of each user, in order, one second apart from the first day on."""
    first = pl.concat([log.frame.select(USER, "history") for log in logs]).unique(
        USER, keep="first", maintain_order=True
    )
    past = first.select(USER, pl.col("history").fill_null("").str.strip_chars().str.split(" ").alias(ITEM))
    past = past.explode(ITEM).filter(pl.col(ITEM) != "")
    place = pl.int_range(pl.len(), dtype=pl.Int64).over(USER)
    return past.select(USER, ITEM, (place + _BEGIN).alias(TIME))


def _news(path: Path, progress: Progress) -> pl.DataFrame:
    table = read_headerless(path, _NEWS_COLUMNS, len(_TEXTS) + 1, progress)
    check_ids(table.frame, ITEM, table.where)
    return table.frame.select(ITEM, *(pl.col(name).replace("", None) for name in (*_TEXTS, "url")))
