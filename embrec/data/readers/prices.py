"""Conversion of text columns to prices (with decimal commas, thousands separators or a currency) and to booleans."""

import polars as pl

from embrec.data.readers.text import COMMA_PRICE, CURRENCY, POINT_PRICE

_TRUTHS = {"true": True, "false": False}
_SAMPLE = 100  # values checked first, to rule out most columns quickly


def as_booleans(values: pl.Series) -> pl.Series:
    """Return a text column as booleans if all its values are `true` or `false` in any case; else unchanged."""
    if values.dtype != pl.String:
        return values
    texts = values.str.strip_chars().str.to_lowercase()
    filled = texts.filter((texts != "").fill_null(False))
    if filled.is_empty() or not filled.head(_SAMPLE).is_in(_TRUTHS).all() or not filled.is_in(_TRUTHS).all():
        return values
    return texts.replace_strict(_TRUTHS, default=None, return_dtype=pl.Boolean)


def as_numbers(values: pl.Series, remarks: list[str]) -> pl.Series:
    """Return a text column as numbers if all its values are prices, `9,99` or `1.299,00 €`; else unchanged.

    Texts of plain digits stay text: they may be codes with leading zeros. So does an ambiguous column, such as one of `1,299`
    only.

    Args:
        values: any column.
        remarks: list that receives a remark about the conversion.
    """
    if values.dtype != pl.String:
        return values
    texts = values.str.strip_chars()
    filled = texts.filter((texts != "").fill_null(False))
    if filled.is_empty() or not any(
        filled.head(_SAMPLE).str.contains(form).all() for form in (COMMA_PRICE, POINT_PRICE)
    ):
        return values
    if not filled.str.contains(rf",|{CURRENCY}").any():
        return values
    readings = []
    for form, mark in ((COMMA_PRICE, ","), (POINT_PRICE, ".")):
        if filled.str.contains(form).all():
            digits = texts.str.replace_all(rf"{CURRENCY}|,-|[^\d{mark}-]", "")
            readings.append((mark, digits.str.replace(mark, ".", literal=True).cast(pl.Float64, strict=False)))
    if not readings or any(numbers.null_count() > len(values) - len(filled) for _, numbers in readings):
        return values
    if len(readings) == 2 and not readings[0][1].equals(readings[1][1]):
        remarks.append(f"column {values.name!r} stays text: its commas could be decimal commas or thousands separators")
        return values
    written = filled.filter(filled.str.contains(rf",|{CURRENCY}"))[0]
    row = int((texts == written).arg_true()[0])
    numbers = readings[0][1]
    remarks.append(f"column {values.name!r} is read as numbers: {written!r} as {numbers[row]:g}")
    return numbers.alias(values.name)
