"""Cleaning of item texts: entities, tags, nested lists and prices."""

import html
import re
from typing import Any

# In a tag, a letter or "/" follows "<"; other text, such as "<10 in. boxes and >4 kg", is kept.
_TAG = re.compile(r"<!--.*?-->|<[A-Za-z/][^<>]{0,2000}>|<![A-Za-z][^<>]{0,2000}>", re.DOTALL)
_SCRIPT = re.compile(r"<(script|style)\b[^<>]{0,2000}>.*?(</\1\s*>|$)", re.IGNORECASE | re.DOTALL)

# Forms of a price: thousands separators and fraction, with a decimal comma and with a decimal point.
_BLANK = " \u00a0\u202f"
_COMMA = rf"(?:[1-9]\d{{0,2}}(?:[.'{_BLANK}]\d{{3}})+|\d+)(?:,\d+)?"
_POINT = rf"(?:[1-9]\d{{0,2}}(?:[,'{_BLANK}]\d{{3}})+|\d+)(?:\.\d+)?"
_AMOUNT = re.compile(rf"\d+(?:[.,']\d+|[{_BLANK}]\d{{3}}(?!\d))*")
CURRENCY = r"(?:[$€£¥₹₽₩]|EUR|USD|GBP|CHF|JPY|CNY|SEK|NOK|DKK|PLN|CZK|HUF|CAD|AUD|BRL|INR|kr\.?|zł|Kč|Ft)"
COMMA_PRICE = rf"^\s*{CURRENCY}?\s*-?(?:{_COMMA})(?:,-)?\s*{CURRENCY}?\s*$"
POINT_PRICE = rf"^\s*{CURRENCY}?\s*-?(?:{_POINT})\s*{CURRENCY}?\s*$"


def words(text: str) -> list[str]:
    """Return the visible words of a text: entities are resolved; tags, comments and scripts are dropped.

    Entities are resolved first, because tags are often escaped as well.

    >>> words("Salt &amp; <b>pepper</b>,   fits <10 in.<script>track()</script>")
    ['Salt', '&', 'pepper', ',', 'fits', '<10', 'in.']
    """
    if "&" in text:
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub(" ", _SCRIPT.sub(" ", text))
    return text.split()


def clean_text(value: Any) -> str | None:
    """Return the visible words of a value joined by spaces, None if there are none."""
    return None if value is None else " ".join(words(str(value))) or None


def joined(value: Any, separator: str) -> str | None:
    """Return a text or a nested list of texts as one clean text, without repeated parts."""
    return separator.join(dict.fromkeys(_flat(value))) or None


def price(value: Any) -> float | None:
    """Return a price as a number; for a text, its first number, None if it has none.

    A comma is a decimal comma unless it can be a thousands separator.

    >>> price("$1,234.50 - $2,000"), price("9,99 €"), price("1.299,00 €")
    (1234.5, 9.99, 1299.0)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    match = _AMOUNT.search(value) if isinstance(value, str) and len(value) <= 40 else None
    if match is None:
        return None
    for pattern, mark in ((_POINT, "."), (_COMMA, ",")):
        if re.fullmatch(pattern, match.group()):
            return float(re.sub(rf"[^\d{mark}]", "", match.group()).replace(",", "."))
    return float(re.sub(r"\D", "", match.group().partition(".")[0]))


def _flat(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [text for part in value for text in _flat(part)]
    text = clean_text(value)
    return [text] if text else []
