"""Reader of OTTO: sessions of clicks, carts and orders in a web shop; article ids only, no texts and no images.

Source: [otto2022], https://github.com/otto-de/recsys-dataset.

JSON lines, `{"session": 42, "events": [{"aid": 0, "ts": 1661200010000, "type": "clicks"}, ...]}` with times in
milliseconds; or, as many have repacked it, Parquet with one row per event (session, aid, ts, type; the types as numbers 0,
1 and 2, the times in seconds or milliseconds).
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import ConfigDict, Field

from embrec.data.readers.columnar import read_columnar
from embrec.data.readers.containers import split_member
from embrec.data.readers.delimited import shown
from embrec.data.readers.folders import table_files
from embrec.data.readers.formats import PARQUET, table_format
from embrec.data.readers.guide import Guide
from embrec.data.readers.lines import Block, read_blocks
from embrec.data.readers.published import file_named, the_only, time_columns
from embrec.data.readers.raw import ITEM, USER, RawData, check_ids, require_events
from embrec.data.readers.records import json_record, records
from embrec.data.readers.retailrocket import of_kinds
from embrec.errors import DataError
from embrec.parameters import call, parameter
from embrec.progress import Progress, silent
from embrec.validation import Checked

EVENTS = ("clicks", "carts", "orders")
_COLUMNS = ("session", "aid", "ts", "type")
_NAMES = ("train.jsonl", "otto-recsys-train.jsonl")
_EVENT = {"aid": pl.Int64(), "ts": pl.Int64(), "type": pl.String()}
_SCHEMA: dict[str, pl.DataType] = {"session": pl.Int64(), "events": pl.List(pl.Struct(_EVENT))}


class OttoSource(Checked):
    """The file of the training sessions, or its folder."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: ClassVar[tuple[str, ...]] = ("otto",)
    guides: ClassVar[dict[str, Guide]] = {
        "otto": Guide(
            "OTTO: 12.9 million sessions of clicks, carts and orders in a web shop; ids only, no texts",
            "train.jsonl (or otto-recsys-train.jsonl), or Parquet files with the columns session, aid, ts, type",
            {"source": "otto", "path": "train.jsonl", "event": ("clicks",), "category": "otto"},
            "https://github.com/otto-de/recsys-dataset",
            "CC BY 4.0",
        )
    }
    source: Literal["otto"] = "otto"
    path: Annotated[Path, Field(description="the file of the sessions, or its folder")]
    event: Annotated[
        tuple[str, ...], Field(description=f"kinds of events that count: {', '.join(EVENTS)}; all if empty")
    ] = ()

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return True if a file or a folder is of this source."""
        if path.is_dir():
            return any(file_named(path, name) is not None for name in _NAMES)
        if not path.is_file() or ".jsonl" not in path.name:
            return False
        first = next(read_blocks(path, block_bytes=1 << 16), None)
        return first is not None and b'"events"' in first.data[:1000] and b'"aid"' in first.data[:1000]

    def files(self) -> list[Path]:
        """Return the input files; see `Source`."""
        return [split_member(file)[0] for file in self._logs()]

    def read(self, progress: Progress = silent) -> RawData:
        """Read the sessions; see `Source`."""
        notes: dict[str, int] = {}
        remarks: list[str] = []
        frame = pl.concat(list(self._parts(progress)))
        require_events(frame, self.path)
        frame = of_kinds(frame, "type", self.event, EVENTS, self.path, notes)
        events = frame.select(pl.col("session").cast(pl.String).alias(USER), pl.col("aid").cast(pl.String).alias(ITEM))
        events = events.with_columns(*time_columns(frame["ts"], self._event, remarks), frame["type"])
        return RawData(events, context=("type",), notes=notes, remarks=remarks)

    def _event(self, row: int) -> str:
        return f"{self.path}, event {row + 1} of those that count"

    def _logs(self) -> list[Path]:
        if not self.path.is_dir():
            return table_files(self.path)
        named = [found for name in _NAMES if (found := file_named(self.path, name)) is not None]
        if named:
            return [the_only(named, self.path, "sessions (train.jsonl)")]
        parquet = [*self.path.glob("*.parquet"), *self.path.glob("train*/*.parquet")]
        if not parquet:
            raise DataError(
                f"{self.path} has no train.jsonl and no Parquet file; give the file of the sessions as {parameter('path')}"
            )
        return sorted(parquet)

    def _parts(self, progress: Progress) -> Iterator[pl.DataFrame]:
        for path in self._logs():
            if table_format(path) == PARQUET:
                yield _rows(path)
            else:
                yield from (_sessions(block) for block in read_blocks(path, progress))


def _sessions(block: Block) -> pl.DataFrame:
    try:
        frame = pl.read_ndjson(io.BytesIO(block.data), schema=_SCHEMA)
        frame = frame.explode("events").unnest("events").select(_COLUMNS)
        broken = pl.any_horizontal(pl.all().is_null()) | ~pl.col("type").is_in(EVENTS)
        if not frame.select(broken.any())[0, 0]:
            return frame
    except pl.exceptions.PolarsError:
        pass
    return _line_by_line(block)


def _line_by_line(block: Block) -> pl.DataFrame:
    """Parse a block that the fast parser rejected, and raise for the broken line."""
    rows = []
    for line, record in records(block, json_record):
        session, events = record.get("session"), record.get("events")
        if not isinstance(session, int) or not isinstance(events, list):
            expected = 'expected {"session": 42, "events": [...]}'
            raise block.error(line, f"{expected}; data of another layout: {call('TableSource')}")
        for event in events:
            values = [event.get(name) if isinstance(event, dict) else None for name in _EVENT]
            if not isinstance(values[0], int) or not isinstance(values[1], int) or values[2] not in EVENTS:
                raise block.error(
                    line,
                    f"an event is {event!r}; expected an aid, a ts in milliseconds and a type of {', '.join(EVENTS)}",
                )
            rows.append((session, *values))
    return pl.DataFrame(rows, schema={"session": pl.Int64, **_EVENT}, orient="row")


def _rows(path: Path) -> pl.DataFrame:
    frame = read_columnar(path, PARQUET)
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing:
        raise DataError(
            f"{path} has no column {missing[0]!r}; it has: {shown(frame.columns)}; see {call('TableSource')}"
        )
    kind = frame["type"]
    if kind.dtype.is_integer():
        kind = kind.cast(pl.Int64).replace_strict(dict(enumerate(EVENTS)), default=None, return_dtype=pl.String)
    frame = frame.select("session", "aid", "ts").with_columns(kind.cast(pl.String).alias("type"))
    for name in _COLUMNS:
        bad = (frame[name].is_null() if name != "type" else ~frame[name].is_in(EVENTS).fill_null(False)).arg_true()
        if len(bad):
            raise DataError(f"{path}, row {bad[0] + 1}: {name} is empty or unknown")
    if isinstance(frame["ts"].dtype, pl.Datetime):
        frame = frame.with_columns(pl.col("ts").dt.epoch("ms"))
    frame = frame.with_columns(pl.col("session", "aid", "ts").cast(pl.Int64))
    check_ids(frame.select(pl.col("aid").cast(pl.String).alias(ITEM)), ITEM, lambda row: f"{path}, row {row + 1}")
    return frame
