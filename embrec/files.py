"""Atomic writing of files and folders: a reader sees the old content or the new one, never a part of it."""

import contextlib
import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embrec.errors import ConfigError, DataError

if TYPE_CHECKING:
    import polars as pl

_TEMPORARY, _RETIRED = ".tmp", ".old"
# Names of temporary files and folders, as made by `_beside`; older versions used the process id.
_HIDDEN = re.compile(r"\.(?P<name>.+)\.([0-9a-f]{16}|[0-9]+)(?P<kind>\.tmp|\.old)")


def sync_folder(folder: Path) -> None:
    """Make renames inside `folder` survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Flush a closed file's bytes to the disk."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it replaces `path` on success and is removed on error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _beside(path, _TEMPORARY)
    try:
        yield temporary
        sync_file(temporary)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder beside `path`; it replaces `path` on success.

    The old folder is moved aside before the rename and deleted after it. A process killed in between leaves both complete;
    `tidy` then restores the old one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary, retired = _beside(path, _TEMPORARY), _beside(path, _RETIRED)
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                sync_file(file)
        if path.exists():
            path.rename(retired)
        try:
            temporary.rename(path)
        except BaseException:
            if retired.exists() and not path.exists():
                retired.rename(path)
            raise
        sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(retired, ignore_errors=True)


def tidy(path: Path) -> None:
    """Remove the leftovers of a process that was killed while it wrote a file or a folder, or files inside the folder.

    The caller must hold the lock of `path`, so that no file is removed that another process is writing.
    """
    if not path.exists() and (retired := retired_folders(path)):
        retired[-1].rename(path)
    inside = [found for found in path.glob(".*") if _HIDDEN.fullmatch(found.name)] if path.is_dir() else []
    for left in [*_left(path), *inside]:
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def retired_folders(path: Path) -> list[Path]:
    """Return the old folders that were moved aside to replace `path`, latest last, by a running or a killed process."""
    return sorted(
        (left for left in _left(path) if left.suffix == _RETIRED), key=lambda folder: folder.stat().st_mtime_ns
    )


def _beside(path: Path, kind: str) -> Path:
    """Return a unique hidden path beside `path`."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}{kind}")


def _left(path: Path) -> list[Path]:
    """Return the temporary and retired files and folders of `path`."""
    if not path.parent.is_dir():
        return []
    names = ((found, _HIDDEN.fullmatch(found.name)) for found in path.parent.iterdir())
    return [found for found, match in names if match and match["name"] == path.name]


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write an indented JSON file atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_parquet(frame: "pl.DataFrame", path: Path) -> None:
    """Write a table atomically.

    Raises:
        DataError: the file cannot be written, for example because the disk is full.
    """
    import polars as pl

    try:
        with atomic_path(path) as temporary:
            frame.write_parquet(temporary)
    except (pl.exceptions.PolarsError, OSError) as error:  # Polars reports a full disk as a ComputeError
        reason = str(error).splitlines()[0]
        raise DataError(f"cannot write {path} ({reason}); make room or choose another place") from None


def check_output(path: Path, suffixes: Sequence[str] = (), example: str = "") -> None:
    """Raise unless a file can be written; call it before the work whose result the file will hold.

    Args:
        path: path of the file; its folder may be missing, the parent of the folder may not.
        suffixes: allowed suffixes of the name; any if empty.
        example: valid name, for the message if `path` is a folder.

    Raises:
        ConfigError: the path is a folder or has another suffix, or its folder cannot be written.
    """
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; name the file to write, such as {path / (example or 'metrics.json')}")
    if suffixes and path.suffix.lower() not in suffixes:
        raise ConfigError(f"{path} is not named {' or '.join(suffixes)}; name it {path.with_suffix(suffixes[0])}")
    _check_folder(path.parent, path)


def check_output_folder(path: Path) -> None:
    """Raise unless files can be written into a folder; call it before the work whose results the folder will hold.

    Raises:
        ConfigError: the path is a file, its parent does not exist, or it cannot be written.
    """
    if path.exists() and not path.is_dir():
        raise ConfigError(f"{path} is a file; name a folder")
    _check_folder(path, path)


def _check_folder(folder: Path, wanted: Path) -> None:
    there = folder if folder.exists() else folder.parent
    if there.is_file():
        raise ConfigError(f"cannot write {wanted}: {there} is a file; choose another folder")
    if not there.is_dir():
        raise ConfigError(f"cannot write {wanted}: there is no folder {there}; make it first")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise ConfigError(f"cannot write {wanted} ({error.strerror}); choose another folder") from None
