"""Detection of ids that fail to match only because a spreadsheet or an export changed their spelling."""

from typing import NamedTuple

import polars as pl

_ID = pl.col("id")
# Change of spelling -> expression that undoes it; all changes together come last.
_CHANGES: dict[str, pl.Expr] = {
    "blanks around them": _ID.str.strip_chars(),
    "capital letters": _ID.str.to_lowercase(),
    "zeros in front": _ID.str.strip_chars_start("0"),
    "a '.0' behind them": _ID.str.replace(r"\.0+$", ""),
    "blanks, capital letters, zeros in front or a '.0' behind them": _ID.str.strip_chars()
    .str.to_lowercase()
    .str.replace(r"\.0+$", "")
    .str.strip_chars_start("0"),
}


class IdMismatch(NamedTuple):
    """A difference in spelling that keeps ids from matching.

    Attributes:
        but_for: description of the difference, such as `zeros in front`.
        matches: number of wanted ids that would match without it.
        wanted: one of them, as an example.
        there: the id that the example would match.
    """

    but_for: str
    matches: int
    wanted: str
    there: str


def find_id_mismatch(wanted: pl.Series, there: pl.Series) -> IdMismatch | None:
    """Find the difference in spelling that keeps most wanted ids from matching.

    Args:
        wanted: ids without a match.
        there: ids that they might stand for.

    Returns:
        The difference that explains most ids, or None if no known one explains any.

    Examples:
        >>> find_id_mismatch(pl.Series(["0017", "0021"]), pl.Series(["17", "20"]))
        IdMismatch(but_for='zeros in front', matches=1, wanted='0017', there='17')
    """
    missing = pl.DataFrame({"id": wanted}, schema={"id": pl.String})
    others = pl.DataFrame({"id": there.drop_nulls()}, schema={"id": pl.String})
    best: IdMismatch | None = None
    for words, plain in _CHANGES.items():
        known = others.select(plain.alias("plain"), _ID.alias("there")).unique(
            "plain", keep="first", maintain_order=True
        )
        alike = missing.with_columns(plain.alias("plain")).join(known, on="plain", maintain_order="left")
        alike = alike.filter((pl.col("there") != _ID) & (pl.col("plain") != ""))
        if len(alike) > (best.matches if best else 0):
            best = IdMismatch(words, len(alike), alike["id"][0], alike["there"][0])
    return best
