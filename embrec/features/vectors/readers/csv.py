"""Reader of CSV and TSV files: a column of ids, by default the first, and numbers in all others.

Files may be gzip-compressed and may have a header.
"""

import csv
import gzip
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, cast

import numpy as np
import polars as pl
import pyarrow
import pyarrow.csv
from numpy.typing import NDArray

from embrec.errors import FeatureError
from embrec.features.vectors.choice import ID_NAMES, choose
from embrec.features.vectors.file import VectorFile
from embrec.features.vectors.mapped import copy_rows
from embrec.features.vectors.params import VectorsParams

_BLOCK_BYTES = 16 << 20
_OTHER_SEPARATORS = ";\t|"


def read(params: VectorsParams, scratch: Path | None) -> VectorFile:
    """Copy the vectors to a flat temporary file, block by block; see `open_vectors`."""
    path = params.path
    try:
        with _opened(path) as stream:
            tabs = params.format == "tsv" or ".tsv" in path.suffixes[-2:]
            separator, fields = _first_row(stream, path, tabs)
        header = params.id_column is not None or _is_header(fields)
        id_place = _id_place(path, fields, params.id_column) if header else 0
        if len(fields) < 2:
            raise FeatureError(f"{path} has one column; expected an item id and the numbers of its vector in every row")
        ids: list[pyarrow.Array] = []
        with _opened(path) as stream:
            names = fields if header else None
            rows = copy_rows(_blocks(stream, path, separator, len(fields), names, id_place, ids), path, scratch)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise FeatureError(f"{path} is no readable CSV file ({error}); write it again") from None
    text = pl.Series(pl.from_arrow(pyarrow.chunked_array(ids)))
    columns = [name if header else f"{place + 1}" for place, name in enumerate(fields) if place != id_place]
    return VectorFile(path, rows, text, "line", 2 if header else 1, (path,), columns)


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")


def _first_row(stream: IO[bytes], path: Path, tabs: bool) -> tuple[str, list[str]]:
    """Return the separator and the fields of the first row."""
    line = stream.readline(_BLOCK_BYTES)
    if not line.strip():
        raise FeatureError(
            f"{path} is empty or begins with an empty line; expected an item id and numbers in every row"
        )
    text = line.decode("utf-8-sig")
    separator = "\t" if tabs else "," if "," in text else max(_OTHER_SEPARATORS, key=text.count)
    stream.seek(0)
    with io.TextIOWrapper(stream, encoding="utf-8-sig", newline="") as lines:
        return separator, next(csv.reader(lines, delimiter=separator))


def _is_header(fields: Sequence[str]) -> bool:
    """Return True if the first row is a header: not numbers, or column numbers after a usual name of ids."""
    numbers = [_is_number(field) for field in fields[1:]]
    counted = any(fields[1:] == [str(start + place) for place in range(len(fields) - 1)] for start in (0, 1))
    return not any(numbers) or ((not all(numbers) or counted) and fields[0].strip().lower() in ("", *ID_NAMES))


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _id_place(path: Path, names: list[str], asked: str | None) -> int:
    there = names if asked is not None else [name for name in names if name in ID_NAMES] or names[:1]
    name = choose(path, "column of item ids", there, asked, ID_NAMES, "id_column=")
    return names.index(name or "")


def _blocks(
    stream: IO[bytes],
    path: Path,
    separator: str,
    width: int,
    names: Sequence[str] | None,
    id_place: int,
    ids: list[pyarrow.Array],
) -> Iterator[NDArray[np.float32]]:
    """Yield the vectors of each block of rows, [k, d], and append its ids to `ids`."""
    kinds = {f"f{place}": pyarrow.string() if place == id_place else pyarrow.float32() for place in range(width)}
    columns = [place for place in range(width) if place != id_place]
    try:
        reader = pyarrow.csv.open_csv(
            stream,
            pyarrow.csv.ReadOptions(
                use_threads=False,  # otherwise errors do not name the line
                block_size=_BLOCK_BYTES,
                autogenerate_column_names=True,
                skip_rows=0 if names is None else 1,
            ),
            pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            pyarrow.csv.ConvertOptions(column_types=kinds, null_values=[]),
        )
        for batch in reader:
            ids.append(batch.column(id_place))
            block = np.empty((len(batch), len(columns)), dtype=np.float32)
            for place, column in enumerate(columns):
                block[:, place] = batch.column(column).to_numpy()
            yield block
    except pyarrow.ArrowException as error:
        raise _mistake(path, str(error), names) from None
    if not ids:
        raise FeatureError(f"{path} has no rows of vectors; write one row per item")


def _mistake(path: Path, message: str, names: Sequence[str] | None) -> FeatureError:
    """Translate an error message of Arrow."""
    if found := re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message):
        line, expected, there = map(int, found.groups())
        return FeatureError(f"{path}, line {line:,}: {there:,} columns; expected {expected:,} as in line 1")
    if found := re.search(
        r"column #(\d+): Row #(\d+): CSV conversion error to float: invalid value '(.*)'", message, re.S
    ):
        column, line = int(found[1]), int(found[2])
        name = f"column {column + 1:,}" if names is None else f"column {names[column]!r}"
        return FeatureError(
            f"{path}, line {line:,}, {name}: {found[3][:40]!r} is no number; correct the row or leave it out"
        )
    if "Empty CSV" in message:
        return FeatureError(f"{path} has no rows of vectors; write one row per item")
    reason = message.partition("\n")[0][:200]
    return FeatureError(f"{path} is no readable CSV file ({reason}); write it again")
