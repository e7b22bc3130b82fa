"""Packed files: gzip, bzip2, xz, Zstandard and zip, told by their first bytes and unpacked while they are read.

A zip archive stands for the one file in it, or the one table; `archive.zip::events.csv` names one of several.
"""

import bz2
import gzip
import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from embrec.data.readers.raw import require_file
from embrec.errors import DataError
from embrec.names import did_you_mean, listed

MEMBER = "::"  # between a file that holds several tables and the name of one of them

_GZIP, _BZIP2, _XZ, _ZSTANDARD, _ZIP = "gzip", "bzip2", "xz", "Zstandard", "zip"
_MAGIC = {
    b"\x1f\x8b": _GZIP,
    **{b"BZh%d1AY&SY" % level: _BZIP2 for level in range(1, 10)},
    b"\xfd7zXZ\x00": _XZ,
    b"\x28\xb5\x2f\xfd": _ZSTANDARD,
    b"PK\x03\x04": _ZIP,
    b"PK\x05\x06": _ZIP,  # an empty archive
}
_NOT_READ = {b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!\x1a\x07": "RAR"}
_LONGEST = max(map(len, (*_MAGIC, *_NOT_READ)))

# Endings that only say how a file is packed: the one before them says what it is.
PACKED = frozenset({".gz", ".bz2", ".xz", ".zst"})

# What a damaged stream raises, by library: gzip and zip, bzip2 and Zstandard, xz.
DAMAGED = (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError)
# zipfile does not check all that the list in a damaged archive says.
_BAD_ZIP = (EOFError, *DAMAGED, struct.error, ValueError, IndexError, NotImplementedError)


@dataclass(frozen=True)
class Unpacked:
    """A file open for reading.

    Attributes:
        stream: its bytes, unpacked.
        packing: how it was packed, as people call it; empty where it was not.
        position: tells how many bytes of the file itself have been read.
    """

    stream: IO[bytes]
    packing: str
    position: Callable[[], int]


def split_member(path: Path) -> tuple[Path, str | None]:
    """Return a file and the name of the table in it: `shop.db::orders` is (`shop.db`, `orders`); None where none is named."""
    text = str(path)
    if MEMBER not in text or path.exists():
        return path, None
    file, _, member = text.partition(MEMBER)
    return Path(file), member or None


def packing(path: Path) -> str:
    """Return how a file is packed by its first bytes, such as "gzip"; empty where it is not.

    Raises:
        DataError: there is no such file, or it is packed in a way that is not read.
    """
    with require_file(split_member(path)[0]).open("rb") as stream:
        return _packing(stream.read(_LONGEST), path)


def zip_member(path: Path, tables: Callable[[str], bool] = lambda name: True) -> str:
    """Return the name of the file in a zip archive that a path stands for.

    Args:
        path: of the archive, with `::` and a name behind it or without.
        tables: whether a name is that of a table, which decides where the archive holds more than one file.

    Raises:
        DataError: the archive is damaged, empty, or holds several files that could be meant.
    """
    file, member = split_member(path)
    try:
        with zipfile.ZipFile(require_file(file)) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except _BAD_ZIP as error:
        raise DataError(f"{file}: the zip file is damaged or cut off ({error}); copy or download it again") from None
    names = [name for name in names if not (name.startswith("__MACOSX/") or Path(name).name.startswith("."))]
    if member is not None:
        if member not in names:
            raise DataError(
                f"{file} has no file {member!r}{did_you_mean(member, names) or ';'} it has: {listed(names)}"
            )
        return member
    candidates = names if len(names) == 1 else [name for name in names if tables(name)]
    if len(candidates) != 1:
        what = f"{len(candidates)} tables" if candidates else "no table"
        raise DataError(
            f"{file} holds {what} ({listed(candidates or names)}); "
            + (
                f"name one, such as {file}{MEMBER}{candidates[0]}"
                if candidates
                else "unpack it and give the file itself"
            )
        )
    return candidates[0]


@contextmanager
def unpacked(path: Path, tables: Callable[[str], bool] = lambda name: True) -> Iterator[Unpacked]:
    """Open a file for reading, unpacked; see `zip_member` for archives.

    Raises:
        DataError: the file is missing, or packed in a way that is not read.
    """
    file, member = split_member(path)
    how = packing(path)
    if member is not None and how != _ZIP:
        raise DataError(f"{file} is no zip archive, so it holds no {member!r}; give {file} itself")
    with ExitStack() as stack:
        raw = stack.enter_context(require_file(file).open("rb"))
        if how != _ZIP:
            yield Unpacked(_opened(raw, how), how, raw.tell)
            return
        name = zip_member(path, tables)
        try:
            archive = stack.enter_context(zipfile.ZipFile(raw))
            inner = io.BufferedReader(cast(Any, stack.enter_context(archive.open(name))))
            within = _packing(inner.peek(_LONGEST)[:_LONGEST], path)
        except RuntimeError as error:  # a password; NotImplementedError: a way of packing
            raise DataError(f"{file}: {name!r} in it cannot be unpacked ({error}); unpack it yourself") from None
        except _BAD_ZIP as error:
            raise damage(file, how, error) from None
        yield Unpacked(_opened(cast(IO[bytes], inner), "" if within == _ZIP else within), how, raw.tell)


def damage(path: Path, how: str, error: Exception, line: int | None = None) -> DataError:
    """Return the error that says how a packed file is damaged; `line` is the last one that could be read."""
    place = f"{path}, after line {line}" if line is not None else str(path)
    truncated = isinstance(error, EOFError) or "truncated" in str(error).lower()
    problem = "cut off before its end" if truncated else f"damaged ({error})"
    return DataError(f"{place}: the {how} file is {problem}; copy or download it again".replace("  ", " "))


def _packing(start: bytes, path: Path) -> str:
    for magic, name in _NOT_READ.items():
        if start.startswith(magic):
            raise DataError(f"{path} is a {name} archive, which is not read; unpack it, or pack it as .zip or .gz")
    return next((name for magic, name in _MAGIC.items() if start.startswith(magic)), "")


def _opened(file: IO[bytes], how: str) -> IO[bytes]:
    if how == _GZIP:
        return cast(IO[bytes], gzip.GzipFile(fileobj=file))
    if how == _BZIP2:
        return cast(IO[bytes], bz2.BZ2File(file))
    if how == _XZ:
        return cast(IO[bytes], lzma.LZMAFile(file))
    if how == _ZSTANDARD:
        import pyarrow

        return cast(IO[bytes], pyarrow.CompressedInputStream(pyarrow.PythonFile(file, mode="r"), "zstd"))
    return file
