"""Times and context of the histories that callers give, checked against the histories."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from embrec.errors import DataError
from embrec.names import listed
from embrec.parameters import parameter


def read_beside(
    histories: Sequence[Sequence[str]],
    flat: bool,
    reads: Sequence[str],
    times: Sequence[Any] | None = None,
    at: Any = None,
    context: Mapping[str, Sequence[Any]] | None = None,
    query_context: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return times and context as `Sequences.from_histories` takes them, beside the catalog rows.

    Args:
        histories: item ids of each history, [R].
        flat: True if the caller gave one history that is not in a list; times and context have the same form then.
        reads: names of the context columns that the model reads.
        times: see `Recommender.recommend`, as for the next three.
        at: see there.
        context: see there.
        query_context: see there.

    Raises:
        DataError: they do not fit the histories, or a context column is missing or not read.
    """
    context, query_context = dict(context or {}), dict(query_context or {})
    for name in (*context, *query_context):
        if name not in reads:
            there = f"it reads {listed(reads)}" if reads else "it reads none"
            raise DataError(f"{parameter('context')} has a column {name!r} that the model does not read; {there}")
    missing = [name for name in reads if name not in context]
    if missing and any(histories):
        raise DataError(
            f"the model reads the context column {missing[0]!r}; give its values for the events of each history in "
            f"{parameter('context')}"
        )
    found: dict[str, Any] = {
        "context": {
            name: _of_events(context.get(name, [[]] * len(histories)), histories, flat, f"context column {name!r}")
            for name in reads
        },
        "query_context": {
            name: _of_histories(values, len(histories), flat, f"context column {name!r} of the query")
            for name, values in query_context.items()
        },
    }
    if times is not None:
        found["times"] = _of_events(times, histories, flat, "the times")
    if at is not None:
        one_for_all = not isinstance(at, Sequence | np.ndarray)
        found["query_times"] = _of_histories(
            [at] * len(histories) if one_for_all else at, len(histories), False, "`at`"
        )
    return found


def _of_events(values: Any, histories: Sequence[Sequence[str]], flat: bool, what: str) -> list[list[float]]:
    """Return one number for each event of each history."""
    given = [values] if flat else list(values)
    if len(given) != len(histories):
        raise DataError(f"{what}: there are {len(histories):,} histories and {len(given):,} lists of numbers")
    found = []
    for place, (numbers, items) in enumerate(zip(given, histories, strict=True), start=1):
        row = [_number(one, f"{what}, history {place}") for one in numbers]
        if len(row) != len(items):
            raise DataError(
                f"{what}: history {place} has {len(items):,} events and {len(row):,} numbers; give one each"
            )
        found.append(row)
    return found


def _of_histories(values: Any, count: int, flat: bool, what: str) -> list[float]:
    """Return one number for each history."""
    given = [values] if flat else list(values)
    if len(given) != count:
        raise DataError(f"{what}: there are {count:,} histories and {len(given):,} numbers")
    return [_number(one, what) for one in given]


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool | np.bool_ | int | float | np.integer | np.floating):
        return value if isinstance(value, int) else float(value)
    raise DataError(f"{what}: {value!r} is no number; times are seconds since 1970")
