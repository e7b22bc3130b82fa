"""Making item texts readable: entities, tags, nested lists, prices."""

import html
import re
from typing import Any

_TAG = re.compile(r"<[^>]{0,2000}>")
_SCRIPT = re.compile(r"<(script|style)\b.*?(</\1>|$)", re.IGNORECASE | re.DOTALL)
_SPACE = re.compile(r"\s+")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def clean_text(value: Any) -> str | None:
    """Return a text without HTML tags, entities and runs of spaces, None if nothing is left."""
    if value is None:
        return None
    text = str(value)
    if "&" in text:
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub(" ", _SCRIPT.sub(" ", text))
    return _SPACE.sub(" ", text).strip() or None


def joined(value: Any, separator: str) -> str | None:
    """Return a text or a list of texts, nested to any depth, as one clean text; repeated parts once, in order."""
    return separator.join(dict.fromkeys(_flat(value))) or None


def price(value: Any) -> float | None:
    """Return a price as a number; of a text the first number in it ("$12.99" -> 12.99), None if there is none."""
    if isinstance(value, int | float):
        return float(value)
    match = _NUMBER.search(value) if isinstance(value, str) and len(value) <= 40 else None
    return float(match.group().replace(",", "")) if match else None


def _flat(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [text for part in value for text in _flat(part)]
    text = clean_text(value)
    return [text] if text else []
