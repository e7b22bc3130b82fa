"""Why ids of two files do not match: the same ids, but for what a spreadsheet or a careless export does to them."""

from typing import NamedTuple

import polars as pl

_ID = pl.col("id")
# What may have been lost or added on the way -> how an id looks without it; all of them together come last.
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
    """What keeps ids from matching.

    Attributes:
        but_for: in words, such as `zeros in front`.
        matches: of the wanted ids, those that would match but for it.
        wanted: one of them.
        there: the id that it would match.
    """

    but_for: str
    matches: int
    wanted: str
    there: str


def find_id_mismatch(wanted: pl.Series, there: pl.Series) -> IdMismatch | None:
    """Return what keeps wanted ids from matching others, None where nothing that is known of does.

    >>> find_id_mismatch(pl.Series(["0017", "0021"]), pl.Series(["17", "20"]))
    IdMismatch(but_for='zeros in front', matches=1, wanted='0017', there='17')

    Args:
        wanted: ids that have no match.
        there: ids that could be meant.
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
