"""Files of lines, plain or packed, read in blocks of whole lines with line numbers.

A block goes to a fast parser as a whole; only if that fails is it parsed line by line, to report where and why. UTF-16,
recognised by the byte order mark that spreadsheet programs write, is converted to UTF-8.
"""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from embrec.data.readers.containers import DAMAGED, Unpacked, damage, packing, split_member, unpacked
from embrec.errors import DataError
from embrec.progress import Progress, silent

BLOCK_BYTES = 1 << 25
_MEGABYTE = 1 << 20
_WIDE = {  # longer marks first: they begin with the shorter ones
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@dataclass(frozen=True)
class Block:
    """Consecutive whole lines of a file; `first_line` counts from 1."""

    path: Path
    first_line: int
    data: bytes

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield (line number, line) for the non-blank lines."""
        for offset, line in enumerate(self.data.split(b"\n")):
            if line.strip():
                yield self.first_line + offset, line

    def error(self, line: int, problem: str) -> DataError:
        """Return an error that names the file and a line of it."""
        return DataError(f"{self.path}, line {line}: {problem}")


def read_blocks(
    path: Path,
    progress: Progress = silent,
    block_bytes: int = BLOCK_BYTES,
    tables: Callable[[str], bool] = lambda name: True,
) -> Iterator[Block]:
    """Yield a file as blocks of whole lines in UTF-8, unpacked where it is packed.

    Args:
        path: path of the file; `archive.zip::name` for one file of several in an archive.
        progress: callback for the progress in megabytes.
        block_bytes: approximate size of a block, after unpacking.
        tables: predicate of names: True for files in a zip archive that can be meant.

    Raises:
        DataError: the file is missing, cut off or damaged.
    """
    task, total = f"read {path.name} (MB)", -(-_size(path) // _MEGABYTE)
    line, rest = 1, b""
    with unpacked(path, tables) as file:
        try:
            for chunk in _as_utf8(_chunks(file, block_bytes)):
                progress(task, min(file.position() // _MEGABYTE, total), total)
                whole, newline, tail = (rest + chunk).rpartition(b"\n")
                rest = tail
                if newline:
                    yield Block(path, line, whole)
                    line += whole.count(b"\n") + 1
        except (EOFError, *DAMAGED) as error:
            raise damage(path, file.packing, error, line) from None
        except UnicodeError as error:
            raise DataError(f"{path}, after line {line}: not readable as text ({error}); save it as UTF-8") from None
    if rest:
        yield Block(path, line, rest)
    progress(task, total, total)


def read_all(path: Path, progress: Progress = silent, tables: Callable[[str], bool] = lambda name: True) -> bytes:
    """Return a whole file, unpacked and in UTF-8; raises as `read_blocks` does."""
    return b"\n".join(block.data for block in read_blocks(path, progress, tables=tables))


def read_bytes(path: Path, tables: Callable[[str], bool] = lambda name: True) -> bytes:
    """Return the bytes of a file, unpacked but not decoded.

    Raises:
        DataError: the file is missing, cut off or damaged.
    """
    with unpacked(path, tables) as file:
        try:
            return b"".join(_chunks(file, BLOCK_BYTES))
        except (EOFError, *DAMAGED) as error:
            raise damage(path, file.packing, error) from None


def decode(data: bytes) -> str:
    """Return the text of UTF-8 bytes, or of Latin-1 if they are not UTF-8, as in older files."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _size(path: Path) -> int:
    packing(path)  # raises if the file is missing or not supported
    return split_member(path)[0].stat().st_size


def _chunks(file: Unpacked, size: int) -> Iterator[bytes]:
    while chunk := file.stream.read(size):
        yield chunk


def _as_utf8(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks of a text in UTF-8, without a byte order mark."""
    first = next(chunks, b"")
    wide = next((name for mark, name in _WIDE.items() if first.startswith(mark)), None)
    if wide is None:
        yield first.removeprefix(codecs.BOM_UTF8)
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(wide)()
    yield decoder.decode(first).encode()
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()
