"""One table in several files: a folder, a pattern such as `log/*.csv`, or folders named `column=value`."""

import glob
import re
from pathlib import Path
from urllib.parse import unquote

from embrec.data.readers.containers import split_member
from embrec.data.readers.formats import by_name, is_table
from embrec.errors import DataError
from embrec.names import listed

_WILD = re.compile(r"[*?\[]")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"  # folder name of rows without a value in Hive and Spark


def table_files(path: Path) -> list[Path]:
    """Return the files of one table in natural order of their names (numbers by value).

    Args:
        path: file, folder (searched recursively) or pattern with `*`, `?`, `[...]` or `**`.

    Raises:
        DataError: the file does not exist, nothing matches the pattern, or the files have different formats.
    """
    if path.is_file() or split_member(path)[1] is not None:
        return [path]
    if path.is_dir():
        found = _in_folder(path)
        if not found:
            raise DataError(
                f"{path} is a folder without a table in it; give the file itself, or a pattern such as {path}/*"
            )
    elif _WILD.search(str(path)):
        matches = [Path(name) for name in glob.glob(str(path.expanduser()), recursive=True)]  # noqa: PTH207 (absolute ones too)
        files = [file for match in matches for file in (_in_folder(match) if match.is_dir() else [match])]
        found = sorted(dict.fromkeys(file for file in files if not _hidden(file.parts[-1:])), key=_natural)
        if not found:
            raise DataError(f"no file fits {path}")
    else:
        raise DataError(f"no such file: {path}")
    formats = {by_name(file.name): file for file in reversed(found)}
    if len(formats) > 1:
        shown = listed(file.name for file in formats.values())
        raise DataError(
            f"{path} has tables of different formats, such as {shown}; give a pattern that fits one, such as *.csv"
        )
    return found


def base_folder(path: Path) -> Path:
    """Return the folder that relative paths in a table refer to, and that contains folders named `column=value`."""
    if path.is_dir():
        return path.absolute()
    parts = split_member(path)[0].expanduser().absolute().parts
    fixed = next((index for index, part in enumerate(parts) if _WILD.search(part)), len(parts) - 1)
    return Path(*parts[: min(fixed, len(parts) - 1)])


def folder_values(file: Path, base: Path) -> dict[str, str | None]:
    """Return the values in the names of the folders between a base folder and a file: `date=2020-09-01` is {"date": ...}."""
    try:
        between = file.absolute().relative_to(base).parts[:-1]
    except ValueError:
        return {}
    pairs = [part.split("=", 1) for part in between if re.fullmatch(r"[^=]+=.*", part)]
    return {name: None if value == _NO_VALUE else unquote(value) for name, value in pairs}


def _in_folder(folder: Path) -> list[Path]:
    files = [file for file in folder.rglob("*") if file.is_file() and is_table(file.name)]
    return sorted((file for file in files if not _hidden(file.relative_to(folder).parts)), key=_natural)


def _hidden(parts: tuple[str, ...]) -> bool:
    """Return True if a file or one of its folders is hidden or internal to a program, such as Spark's `_SUCCESS`."""
    return any(part.startswith(("_", ".")) and "=" not in part for part in parts)


def _natural(file: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", str(file))
    return [(0, int(part), part) if part.isdigit() else (1, 0, part) for part in parts]
