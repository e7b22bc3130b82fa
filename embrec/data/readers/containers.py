"""Compressed files: gzip, bzip2, xz, Zstandard and zip, recognised by their first bytes and unpacked as a stream.

The path of a zip archive stands for its only file or its only table; `archive.zip::events.csv` names one of several.
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

MEMBER = "::"  # between a file with several tables and the name of one of them

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

# Suffixes of compression; the suffix before them tells the format.
PACKED = frozenset({".gz", ".bz2", ".xz", ".zst"})

# Errors that the libraries raise for damaged streams: gzip and zip, bzip2 and Zstandard, xz.
DAMAGED = (gzip.BadGzipFile, zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError)
# zipfile does not validate the whole directory of a damaged archive.
_BAD_ZIP = (EOFError, *DAMAGED, struct.error, ValueError, IndexError, NotImplementedError)


@dataclass(frozen=True)
class Unpacked:
    """A file open for reading.

    Attributes:
        stream: unpacked bytes.
        packing: name of the compression, such as "gzip"; empty if the file is not packed.
        position: function that returns the number of bytes read from the packed file.
    """

    stream: IO[bytes]
    packing: str
    position: Callable[[], int]


def split_member(path: Path) -> tuple[Path, str | None]:
    """Return a file and the name of a table in it, or None: `shop.db::orders` is (`shop.db`, `orders`)."""
    text = str(path)
    if MEMBER not in text or path.exists():
        return path, None
    file, _, member = text.partition(MEMBER)
    return Path(file), member or None


def packing(path: Path) -> str:
    """Return the compression of a file by its first bytes, such as "gzip"; empty if it is not packed.

    Raises:
        DataError: the file does not exist, or its compression is not supported.
    """
    with require_file(split_member(path)[0]).open("rb") as stream:
        return _packing(stream.read(_LONGEST), path)


def zip_member(path: Path, tables: Callable[[str], bool] = lambda name: True) -> str:
    """Return the name of the file in a zip archive that a path stands for.

    Args:
        path: path of the archive, with or without `::` and a name.
        tables: predicate: True for names of tables; used if the archive holds more than one file.

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
        DataError: the file is missing, or its compression is not supported.
    """
    file, member = split_member(path)
    how = packing(path)
    if member is not None and how != _ZIP:
        raise DataError(f"{file} is not a zip archive, so it has no {member!r}; give {file} itself")
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
        except RuntimeError as error:  # password-protected; NotImplementedError: unsupported compression
            raise DataError(f"{file}: {name!r} in it cannot be unpacked ({error}); unpack it yourself") from None
        except _BAD_ZIP as error:
            raise damage(file, how, error) from None
        yield Unpacked(_opened(cast(IO[bytes], inner), "" if within == _ZIP else within), how, raw.tell)


def damage(path: Path, how: str, error: Exception, line: int | None = None) -> DataError:
    """Return the error about a damaged packed file; `line` is the last line that could be read."""
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
