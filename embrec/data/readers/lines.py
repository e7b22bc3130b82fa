"""Files of one record a line, plain or gzip: read in blocks of whole lines, with the number of each line at hand.

A block goes to a fast parser as it is; only when that fails is it walked line by line, to say where and why.
"""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from embrec.data.readers.raw import require_file
from embrec.errors import DataError
from embrec.progress import Progress, silent

BLOCK_BYTES = 1 << 25
_GZIP_MAGIC = b"\x1f\x8b"
_MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Block:
    """Some whole lines of a file; `first_line` counts from 1."""

    path: Path
    first_line: int
    data: bytes

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield (line number, line) for the lines that are not blank."""
        for offset, line in enumerate(self.data.split(b"\n")):
            if line.strip():
                yield self.first_line + offset, line

    def error(self, line: int, problem: str) -> DataError:
        """Return an error that names the file and a line of it."""
        return DataError(f"{self.path}, line {line}: {problem}")


def is_gzip(path: Path) -> bool:
    """Return whether a file begins as gzip does, whatever its name."""
    with require_file(path).open("rb") as stream:
        return stream.read(2) == _GZIP_MAGIC


def read_blocks(path: Path, progress: Progress = silent, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Yield a file as blocks of whole lines, unpacked where it is gzip.

    Args:
        path: the file.
        progress: told how many megabytes of the file have been read.
        block_bytes: about how large a block is, after unpacking.

    Raises:
        DataError: the file is missing, or its gzip stream is cut off or damaged.
    """
    compressed = is_gzip(path)
    task, total = f"read {path.name} (MB)", -(-path.stat().st_size // _MEGABYTE)
    with path.open("rb") as file:
        stream: IO[bytes] = gzip.GzipFile(fileobj=file) if compressed else file  # type: ignore[assignment]
        line, rest = 1, b""
        while chunk := _read(stream, block_bytes, path, line):
            progress(task, min(file.tell() // _MEGABYTE, total), total)
            whole, newline, tail = (rest + chunk).rpartition(b"\n")
            rest = tail
            if newline:
                yield Block(path, line, whole)
                line += whole.count(b"\n") + 1
        if rest:
            yield Block(path, line, rest)
    progress(task, total, total)


def read_all(path: Path, progress: Progress = silent) -> bytes:
    """Return a whole file, unpacked where it is gzip; raises as `read_blocks` does."""
    return b"\n".join(block.data for block in read_blocks(path, progress))


def decode(data: bytes) -> str:
    """Return a text in UTF-8, or in Latin-1 where it is not UTF-8, as older files are."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _read(stream: IO[bytes], size: int, path: Path, line: int) -> bytes:
    try:
        return stream.read(size)
    except EOFError:
        raise DataError(
            f"{path}, after line {line}: the gzip file is cut off before its end; copy or download it again"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(
            f"{path}, after line {line}: the gzip file is damaged ({error}); copy or download it again"
        ) from None
