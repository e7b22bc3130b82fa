"""Ids of users and items as text, whatever a file stores them as; and why the ids of two places may not match.

Ids are kept as they stand: blanks, case and leading zeros count. Where they are what keeps the log and the catalog apart,
the comparison says so.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import polars as pl

from embrec.errors import DataError

# Whole numbers up to here are told apart by floating-point numbers of that many bytes.
_EXACT: dict[type[pl.DataType], int] = {pl.Float32: 2**24, pl.Float64: 2**53}


def _folded(text: str) -> str:
    """Return a text with one character for what looks alike (accents, wide digits), without characters that nobody sees."""
    return re.sub(_UNSEEN, "", unicodedata.normalize("NFKC", text))


# What happens to ids on their way through spreadsheets and programs: name -> the id without it.
_CAUSES: dict[str, Callable[[str], str]] = {
    "blanks stand around the ids of one side": str.strip,
    "leading zeros were lost on one side": lambda text: re.sub(r"^0+(?=\d+(?:\.0+)?\s*$)", "", text),
    "ids of one side became floating-point numbers": lambda text: re.sub(r"\.0+(?=\s*$)", "", text),
    "upper and lower case differ": str.lower,
    "quotation marks stand around the ids of one side": lambda text: text.strip("'\""),
    "letters that look alike are different characters (Unicode)": _folded,
}
# Characters without width: soft hyphens, joiners, marks of direction and of byte order.
_UNSEEN = "[\u00ad\u200b-\u200f\u2060\ufeff]"
_FEW = 0.5  # of the log's items in the catalog; fewer are worth a warning even where no cause is known
_WORTH_SAYING = 0.1  # of the ids without a partner that would have one but for such a cause


@dataclass(frozen=True)
class Likeness:
    """What keeps ids of two places apart, if anything is known.

    Attributes:
        pairs: ids without a partner that would have one if blanks, case, leading zeros and ".0" did not count.
        one: an example, from the first place.
        other: what it most likely is in the second place.
        cause: in words.
    """

    pairs: int
    one: str
    other: str
    cause: str


def as_ids(values: pl.Series, kind: str, where: Callable[[int], str]) -> pl.Series:
    """Return ids as text; whole numbers that a file stores as floats lose their ".0", NaN is an absent id.

    Args:
        values: text, whole numbers, dates, or categories of these.
        kind: what they are ids of, `user` or `item`.
        where: names the place of a row, such as "events.csv, line 7".

    Raises:
        DataError: the column has another type, a fraction, or floating-point numbers too large to tell ids apart.
    """
    dtype = values.dtype
    if dtype.is_float():
        return _whole(values, kind, where).cast(pl.Int64).cast(pl.String)
    if dtype.is_decimal():
        texts = values.cast(pl.String).str.replace(r"\.0+$", "")
        _refuse(texts.str.contains(".", literal=True), texts, kind, where, "a fraction; ids are text or whole numbers")
        return texts
    if dtype == pl.Binary:
        texts = decoded(values)
        _refuse(texts.is_null() & values.is_not_null(), values, kind, where, "no UTF-8 text")
        return texts
    textual = dtype in (pl.String, pl.Categorical, pl.Null) or isinstance(dtype, pl.Enum)
    if textual or dtype.is_integer() or dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return values.cast(pl.String)
    place = where(0) if len(values) else "the table"
    raise DataError(
        f"{place}: column {values.name!r} has the type {dtype}; expected the {kind} ids, text or whole numbers"
    )


def decoded(values: pl.Series) -> pl.Series:
    """Return bytes as texts, null where they are no UTF-8; some programs write texts so."""
    try:
        return values.cast(pl.String)
    except pl.exceptions.PolarsError:
        return pl.Series(values.name, [_decoded(value) for value in values.to_list()], dtype=pl.String)


def likeness(ones: pl.Series, others: pl.Series) -> Likeness | None:
    """Return why ids of two places do not match, None if blanks, case, leading zeros and ".0" explain none of it.

    Args:
        ones: ids of the first place that the second does not have.
        others: ids of the second place that the first does not have.
    """
    pairs = pl.DataFrame({"one": ones, "plain": _plain(ones)}).join(
        pl.DataFrame({"other": others, "plain": _plain(others)}).unique("plain", keep="first", maintain_order=True),
        on="plain",
        maintain_order="left",
    )
    if pairs.is_empty():
        return None
    one, other = pairs["one"][0], pairs["other"][0]
    return Likeness(len(pairs), one, other, _cause(one, other))


def check_match(log: pl.Series, catalog: pl.Series) -> str | None:
    """Return a warning where too few items of the log are in the catalog, None where nothing looks wrong.

    A catalog may lack items. But where no item matches, or many would if their ids were written alike, the two files most
    likely do not belong together as they are.

    Args:
        log: the item ids of the log, each once.
        catalog: the item ids of the catalog.

    Raises:
        DataError: no item of the log is in the catalog; the message has an example of each and the likely cause.
    """
    lost = log.filter(~log.is_in(catalog.implode())).sort()  # so that the examples are the same each time
    if lost.is_empty():
        return None
    if catalog.is_empty():
        raise DataError("the catalog is empty, so no item of the log is in it; leave it out if there is none")
    alone = catalog.filter(~catalog.is_in(log.implode()))
    found = likeness(lost, alone)
    matching = len(log) - len(lost)
    if matching == 0:
        raise DataError(
            f"no item of the log ({len(log):,}) is in the catalog ({len(catalog):,}): "
            + (_told(found) if found else f"{lost[0]!r} is an id of the log, {catalog[0]!r} one of the catalog")
            + "; "
            + ("fix the ids of one side" if found else "do both columns hold the ids of the same things?")
        )
    counts = f"{matching:,} of the {len(log):,} items of the log are in the catalog ({_percent(matching, len(log))})"
    if found and found.pairs >= _WORTH_SAYING * len(lost):
        return f"only {counts}; {found.pairs:,} more would be if their ids were written alike: {_told(found)}"
    if matching < _FEW * len(log):
        return (
            f"only {counts}; without metadata is for example {lost[0]!r}, and the catalog has ids like {catalog[0]!r}"
        )
    return None


def check_blanks(log: pl.Series, kind: str) -> str | None:
    """Return a warning if some items or users of the log are told apart by nothing but blanks around their ids.

    Args:
        log: the ids of the log, each once.
        kind: what they are ids of, `user` or `item`.
    """
    padded = log.filter(log.str.strip_chars() != log)
    if padded.is_empty():
        return None
    twins = padded.filter(padded.str.strip_chars().is_in(log.implode())).sort()
    if twins.is_empty():
        return None
    return f"{len(twins):,} {kind} ids of the log differ from others only by blanks around them, such as {twins[0]!r}"


def check_digits(log: pl.Series, kind: str) -> str | None:
    """Return a warning if ids of the log are long numbers that a spreadsheet has shortened: `1.08775E+11`.

    Args:
        log: the ids of the log, each once.
        kind: what they are ids of, `user` or `item`.
    """
    log = log.filter(log.str.contains("E+", literal=True) | log.str.contains("e+", literal=True))
    short = log.filter(log.str.contains(r"^\s*\d([.,]\d+)?[eE]\+\d{2,}\s*$")).sort()
    if short.is_empty():
        return None
    return (
        f"{len(short):,} {kind} ids of the log are shortened numbers, such as {short[0]!r}: spreadsheets write long "
        "numbers so, and what differs in the lost digits becomes one; export the ids as text"
    )


def _told(found: Likeness) -> str:
    return f"{found.one!r} in the log, {found.other!r} in the catalog: {found.cause}"


def _percent(part: int, whole: int) -> str:
    """Return a share that is never rounded to all or nothing."""
    return f"{min(max(100 * part / whole, 0.1), 99.9):.1f} %"


def _whole(values: pl.Series, kind: str, where: Callable[[int], str]) -> pl.Series:
    values = values.fill_nan(None)
    fraction = ~values.is_finite() | (values != values.floor())
    _refuse(fraction, values, kind, where, "no whole number; ids are text or whole numbers")
    largest = _EXACT.get(type(values.dtype), 2**11)
    reason = "a floating-point number so large that it has lost digits; write the ids as text or as integers"
    _refuse(values.abs() > largest, values, kind, where, reason)
    return values


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _refuse(bad: pl.Series, values: pl.Series, kind: str, where: Callable[[int], str], reason: str) -> None:
    rows = bad.fill_null(False).arg_true()
    if len(rows):
        raise DataError(f"{where(rows[0])}: the {kind} id is {values[rows[0]]!r}, {reason}")


def _plain(ids: pl.Series) -> pl.Series:
    """Return ids without all that `_CAUSES` names."""
    folded = ids.str.normalize("NFKC").str.replace_all(_UNSEEN, "")
    whole = folded.str.strip_chars(" \t\r\n'\"").str.strip_chars().str.to_lowercase().str.replace(r"\.0+$", "")
    return whole.str.replace(r"^0+(\d+)$", "${1}")


def _cause(one: str, other: str) -> str:
    for count in range(1, len(_CAUSES) + 1):
        for causes in combinations(_CAUSES, count):
            plain = [one, other]
            for cause in causes:
                plain = [_CAUSES[cause](text) for text in plain]
            if plain[0] == plain[1]:
                return " and ".join(causes)
    return "they are written differently"
