"""Detection of the format of a table: by name, checked against the first bytes, or by content alone."""

from pathlib import Path

from embrec.data.readers.containers import DAMAGED, PACKED, damage, packing, split_member, unpacked, zip_member
from embrec.data.readers.raw import require_file
from embrec.errors import DataError
from embrec.parameters import call

CSV, TSV, ATOMIC, JSON = "CSV", "TSV", "RecBole", "JSON lines"
PARQUET, ARROW, EXCEL, SQLITE = "Parquet", "Arrow", "Excel", "SQLite"
TEXTS = frozenset({CSV, TSV, ATOMIC, JSON})

BY_SUFFIX = {
    ".csv": CSV,
    ".tsv": TSV,
    ".tab": TSV,
    ".inter": ATOMIC,
    ".item": ATOMIC,
    ".user": ATOMIC,
    ".jsonl": JSON,
    ".ndjson": JSON,
    ".json": JSON,
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".arrow": ARROW,
    ".feather": ARROW,
    ".ipc": ARROW,
    ".xlsx": EXCEL,
    ".xlsm": EXCEL,
    ".xlsb": EXCEL,
    ".xls": EXCEL,
    ".ods": EXCEL,
    ".db": SQLITE,
    ".sqlite": SQLITE,
    ".sqlite3": SQLITE,
}
_READ = (
    ".csv, .tsv, .jsonl or .json (each also .gz, .bz2, .xz, .zst or .zip), .parquet, .arrow, .feather, .xlsx or .sqlite"
)

_PICKLES = frozenset({".pkl", ".pickle", ".joblib"})
_WHY_NO_PICKLE = (
    "pickle files are not read, because opening one runs whatever code it holds; "
    "open it where you trust it and save the table: frame.to_parquet('log.parquet')"
)
_OTHERS = {".h5": "HDF5", ".hdf5": "HDF5", ".orc": "ORC", ".avro": "Avro", ".tar": "tar", ".tgz": "tar", ".rds": "R"}

_EXCEL_ZIP, _OLD_EXCEL = b"[Content_Types].xml", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SIGNATURES = {
    b"PAR1": PARQUET,
    b"ARROW1": ARROW,
    b"FEA1": ARROW,
    b"SQLite format 3\x00": SQLITE,
    _OLD_EXCEL: EXCEL,
    b"\x89HDF\r\n\x1a\n": "HDF5",
    b"ORC": "ORC",
    b"Obj\x01": "Avro",
}
_RENAMED = {PARQUET: ".parquet", ARROW: ".arrow", SQLITE: ".sqlite", EXCEL: ".xlsx"}
_SNIFFED = 1 << 14
_SHOWN = 60
_SEPARATORS = ",;\t|"


def table_format(path: Path) -> str:
    """Return the format of a table.

    Args:
        path: path of the file; `file::name` for one table of several.

    Raises:
        DataError: the file does not exist, its format is not supported, or its content contradicts its name.
    """
    file, _ = split_member(path)
    require_file(file)
    name = file.name
    if BY_SUFFIX.get(file.suffix.lower()) in (EXCEL, SQLITE):
        return _checked_workbook(file, BY_SUFFIX[file.suffix.lower()])
    if packing(file) == "zip":
        with file.open("rb") as stream:
            workbook = _EXCEL_ZIP in stream.read(_SNIFFED)
        if workbook:
            raise _other_than_named(path, EXCEL, by_name(file.name))
        name = zip_member(path, is_table)
    elif file.suffix.lower() == ".zip":
        raise DataError(f"{file}: not a zip file, whatever its name says; name it after what it holds, such as log.csv")
    named = by_name(name)
    start = _start(path)
    inside = _signature(start)
    if _is_pickle(start) or Path(name).suffix.lower() in _PICKLES:
        raise DataError(f"{path}: {_WHY_NO_PICKLE}")
    if named is None:
        return _sniffed(path, name, start, inside)
    if named in (EXCEL, SQLITE):
        raise DataError(f"{path}: {named} files cannot be read from a packed file; unpack it first")
    if inside is not None and inside != named:
        raise _other_than_named(path, inside, named)
    if named in (PARQUET, ARROW) and inside is None and start and _is_text(start):
        raise DataError(
            f"{path}: not a readable {named} file; it is text that begins with {_shown(start)}: "
            "name it .csv, .tsv or .jsonl, whichever it is"
        )
    return named


def by_name(name: str) -> str | None:
    """Return the format by the suffix of a name, ignoring suffixes of compression; None if it is unknown."""
    path = Path(name)
    while path.suffix.lower() in PACKED:
        path = path.with_suffix("")
    return BY_SUFFIX.get(path.suffix.lower())


def is_table(name: str) -> bool:
    """Return True if a name has the suffix of a table."""
    return by_name(name) is not None


def are_sequences(start: bytes) -> bool:
    """Return True if the beginning of a file looks like `user item item ...` (or `user<tab>item item ...`) per line."""
    lines = _lines(start)
    if not lines or any("," in line or ";" in line or '"' in line or "{" in line for line in lines):
        return False
    tabs = {line.count("\t") for line in lines}
    if tabs == {1}:  # the second column of an ordinary table has spaces by chance only
        return any(" " in line.split("\t")[1].strip() for line in lines) and _vary(lines)
    return tabs == {0} and all(len(line.split()) > 1 for line in lines) and _vary(lines)


def _vary(lines: list[str]) -> bool:
    counts = {len(line.split()) for line in lines}
    numbers = all(token.isdigit() for token in lines[0].split())
    return len(counts) > 1 or (numbers and max(counts) > 2)


def _sniffed(path: Path, name: str, start: bytes, inside: str | None) -> str:
    suffix = Path(name).suffix.lower()
    if inside in _RENAMED:
        return str(inside)
    other = inside or _OTHERS.get(suffix)
    if other is not None:
        raise DataError(f"{path}: {other} files are not read; save the table as Parquet or CSV")
    text = start.lstrip()
    if text[:1] in (b"{", b"["):
        return JSON
    if are_sequences(start):
        raise DataError(
            f"{path}: it looks like a user and the items of that user on each line; "
            f"read it with {call('SequencesSource', path=str(path))}"
        )
    lines = _lines(start)
    for separator in _SEPARATORS:
        counts = [line.count(separator) for line in lines[:20]]
        if counts and counts[0] and min(counts) >= counts[0]:
            return CSV
    raise DataError(
        f"{path}: cannot tell the format from the name"
        + (f", nor from its beginning {_shown(start)}" if _is_text(start) and start else "")
        + f"; name it {_READ}"
    )


def _checked_workbook(file: Path, kind: str) -> str:
    """Return the format of an Excel or SQLite file, checked against its first bytes; these are not read from archives."""
    with file.open("rb") as stream:
        start = stream.read(_SNIFFED)
    inside = EXCEL if start.startswith(b"PK") else _signature(start)
    if inside == kind:
        return kind
    if inside is not None:
        raise _other_than_named(file, inside, kind)
    beginning = f"; it is text that begins with {_shown(start)}" if start and _is_text(start) else ""
    raise DataError(f"{file}: not a readable {kind} file{beginning}: name it after what it holds, such as log.csv")


def _other_than_named(path: Path, inside: str, named: str | None) -> DataError:
    what = f"{'an' if inside[0] in 'AEHO' or inside == SQLITE else 'a'} {inside} file by its contents"
    said = f", not {named} as its name says" if named else ""
    todo = f"name it {_RENAMED[inside]}" if inside in _RENAMED else "save the table as Parquet or CSV"
    return DataError(f"{path}: {what}{said}; {todo}")


def _start(path: Path) -> bytes:
    with unpacked(path, is_table) as file:
        try:
            return file.stream.read(_SNIFFED)
        except (EOFError, *DAMAGED) as error:
            raise damage(path, file.packing, error, 1) from None


def _signature(start: bytes) -> str | None:
    return next((name for mark, name in _SIGNATURES.items() if start.startswith(mark)), None)


def _is_pickle(start: bytes) -> bool:
    return len(start) > 2 and start[0] == 0x80 and 2 <= start[1] <= 5


def _is_text(start: bytes) -> bool:
    return b"\x00" not in start


def _lines(start: bytes) -> list[str]:
    """Return the complete, non-blank lines at the beginning of a text."""
    lines = start.decode("utf-8", errors="replace").splitlines()
    if len(start) == _SNIFFED and len(lines) > 1:
        lines.pop()
    return [line for line in lines if line.strip()][:100]


def _shown(start: bytes) -> str:
    line = start.decode("utf-8", errors="replace").strip().split("\n", 1)[0].strip()
    return repr(line if len(line) <= _SHOWN else line[:_SHOWN] + "...")
