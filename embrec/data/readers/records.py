"""Parsing of lines with one record each, in JSON or as a Python literal."""

import ast
import json
import math
import re
import warnings
from collections.abc import Callable
from typing import Any

from embrec.data.readers.lines import Block

Record = dict[str, Any]
LARGEST = 2.0**63 - 1024  # largest float that fits into int64
_SHOWN = 60

# Lists of related products take up most of a line of the 2014 metadata, and most of the parsing time.
_RELATED = re.compile(rb", 'related': \{[^{}]*\}")


def json_record(line: bytes) -> Record:
    """Return the object of one JSON line.

    Raises:
        ValueError: the line is not one JSON object.
    """
    try:
        record = json.loads(line)
    except UnicodeDecodeError:
        raise ValueError(f"not UTF-8 text: {_shown(line)}; convert the file to UTF-8") from None
    except json.JSONDecodeError as error:
        raise ValueError(
            f"not valid JSON ({error.msg} at character {error.pos + 1}): {_shown(line)}; fix or remove the line"
        ) from None
    if not isinstance(record, dict):
        raise ValueError(f"not a JSON object but {_shown(line)}; each line must be one {{...}}")
    return record


def literal_record(line: bytes) -> Record:
    """Return the dictionary of one line in JSON or, as in the Amazon 2014 metadata, as a Python literal.

    The key `related` of a literal (lists of ids) is left out.

    Raises:
        ValueError: the line is not a dictionary.
    """
    try:
        record = json.loads(line)
    except ValueError:
        try:
            record = ast.literal_eval(_RELATED.sub(b"", line).decode("utf-8", errors="replace").strip())
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # TypeError: {{}}, a set of mappings
            raise ValueError(f"neither a Python dictionary nor JSON: {_shown(line)}; fix or remove the line") from None
    if not isinstance(record, dict):
        raise ValueError(f"not a dictionary but {_shown(line)}; each line must be one {{...}}")
    return record


def records(block: Block, parse: Callable[[bytes], Record]) -> list[tuple[int, Record]]:
    """Return (line number, record) for every line of a block.

    Raises:
        DataError: a line cannot be parsed; the message names the file and the line.
    """
    found = []
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):  # of broken literals, which also raise
        for place, line in block.lines():
            try:
                found.append((place, parse(line)))
            except ValueError as error:
                raise block.error(place, str(error)) from None
    return found


def number(value: Any) -> float | None:
    """Return a number, or the text of one, as a float within the range of int64; None for other values."""
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and abs(found) <= LARGEST else None


def text_of(value: Any) -> str:
    """Return a value as text: whole numbers without `.0`, lists and mappings as JSON.

    >>> text_of(12.0), text_of(1.5), text_of("12.0"), text_of(["a", 1])
    ('12', '1.5', '12.0', '["a", 1]')
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", errors="replace").strip()
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
