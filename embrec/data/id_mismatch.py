"""Detection of ids that fail to match only because a spreadsheet or a program changed their spelling."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations

import polars as pl


def _folded(text: str) -> str:
    """Return a text in Unicode NFKC (accents, wide digits) without invisible characters."""
    return re.sub(_UNSEEN, "", unicodedata.normalize("NFKC", text))


# Damage to ids by spreadsheets and programs: description -> function that undoes it.
_CAUSES: dict[str, Callable[[str], str]] = {
    "blanks stand around the ids of one side": str.strip,
    "leading zeros were lost on one side": lambda text: re.sub(r"^0+(?=\w)", "", text),
    "ids of one side became floating-point numbers": lambda text: re.sub(r"\.0+(?=\s*$)", "", text),
    "upper and lower case differ": str.lower,
    "quotation marks stand around the ids of one side": lambda text: text.strip("'\""),
    "letters that look alike are different characters (Unicode)": _folded,
}
# Invisible characters: soft hyphens, joiners, direction marks and byte order marks.
_UNSEEN = "[\u00ad\u200b-\u200f\u2060\ufeff]"


@dataclass(frozen=True)
class IdMismatch:
    """The likely cause of unmatched ids in two places.

    Attributes:
        pairs: number of unmatched ids that would match without blanks, case, leading zeros and ".0".
        one: example from the first place.
        other: its counterpart in the second place.
        cause: description of the difference.
    """

    pairs: int
    one: str
    other: str
    cause: str


def find_id_mismatch(ones: pl.Series, others: pl.Series) -> IdMismatch | None:
    """Return the likely cause of unmatched ids, None if blanks, case, leading zeros and ".0" explain none of them.

    Args:
        ones: ids of the first place missing in the second.
        others: ids of the second place missing in the first.

    Examples:
        >>> find_id_mismatch(pl.Series(["0017", "0021"]), pl.Series(["17", "20"]))
        IdMismatch(pairs=1, one='0017', other='17', cause='leading zeros were lost on one side')
    """
    pairs = pl.DataFrame({"one": ones, "plain": _plain(ones)}).join(
        pl.DataFrame({"other": others, "plain": _plain(others)}).unique("plain", keep="first", maintain_order=True),
        on="plain",
        maintain_order="left",
    )
    if pairs.is_empty():
        return None
    one, other = pairs["one"][0], pairs["other"][0]
    return IdMismatch(len(pairs), one, other, _cause(one, other))


def _plain(ids: pl.Series) -> pl.Series:
    """Return ids with all kinds of damage of `_CAUSES` undone."""
    folded = ids.str.normalize("NFKC").str.replace_all(_UNSEEN, "")
    whole = folded.str.strip_chars(" \t\r\n'\"").str.strip_chars().str.to_lowercase().str.replace(r"\.0+$", "")
    return whole.str.replace(r"^0+(\w)", "${1}")


def _cause(one: str, other: str) -> str:
    for count in range(1, len(_CAUSES) + 1):
        for causes in combinations(_CAUSES, count):
            plain = [one, other]
            for cause in causes:
                plain = [_CAUSES[cause](text) for text in plain]
            if plain[0] == plain[1]:
                return " and ".join(causes)
    return "they are written differently"
