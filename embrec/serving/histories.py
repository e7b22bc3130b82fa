"""Reading of the histories that callers give, with their times and context: checked before anything is computed."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from embrec.errors import ConfigError, DataError
from embrec.names import listed
from embrec.parameters import parameter

History = Sequence[str]


def read_histories(given: Iterable[str] | Iterable[History]) -> tuple[list[list[str]], bool]:
    """Return histories as lists of ids, and True if a single history was given that was not in a list.

    >>> read_histories([["a", "b"], ("c",)])
    ([['a', 'b'], ['c']], False)
    >>> read_histories(["a", "b"])
    ([['a', 'b']], True)

    Raises:
        DataError: a text is given as a history, or something else than a text as an id.
    """
    if isinstance(given, str | bytes):
        raise DataError(f"{given!r} is a text where a history belongs; wrap it in a list: recommend([{given!r}])")
    if isinstance(given, Mapping) or hasattr(given, "columns"):
        raise DataError(
            f"histories are lists of item ids, not a {type(given).__name__}; give for example list(histories.values()), or "
            "the table to score_by_user"
        )
    entries: list[object] = list(_iterated(given, "the histories"))
    if entries and all(isinstance(entry, str) for entry in entries):
        return [[str(item) for item in entries]], True
    histories = []
    for place, entry in enumerate(entries, start=1):
        if isinstance(entry, str | bytes):
            raise DataError(
                f"history {place} is the text {entry!r}, beside others that are lists; wrap it in a list: [[...], [{entry!r}]]"
            )
        histories.append(read_ids(entry, f"history {place}"))
    return histories, False


def read_ids(given: object, what: str = "the list of items") -> list[str]:
    """Return item ids as texts, in their order.

    Raises:
        DataError: it is not a list, or it contains something else than texts.
    """
    items = list(_iterated(given, what))
    for item in items:
        if not isinstance(item, str):
            raise DataError(f"{what} holds {item!r}; item ids are texts, such as {str(item)!r} in quotes")
    return [str(item) for item in items]


def check_count(k: object) -> int:
    """Return the number of items to return.

    Raises:
        ConfigError: it is not a whole number of at least 1.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ConfigError(f"k is {k!r}; give how many items to return, a whole number from 1")
    return int(k)


def _iterated(value: object, what: str) -> Iterable[object]:
    if isinstance(value, Set):
        raise DataError(f"{what}: a {type(value).__name__} has no order, which matters here; give a list of item ids")
    if isinstance(value, Mapping):
        raise DataError(f"{what}: {value!r} is a {type(value).__name__}; give a list of item ids, such as ['a1', 'b2']")
    if isinstance(value, Iterable):
        return value
    raise DataError(f"{what}: {value!r} is no list of item ids; a history is a list of texts, such as ['a1', 'b2']")


def read_times_and_context(
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


def read_users(given: str | Sequence[str | None] | None, count: int, flat: bool) -> list[str | None]:
    """Return the name of each history's user, None for nobody.

    Args:
        given: see `Recommender.recommend`.
        count: number of histories.
        flat: True if the caller gave one history that is not in a list, and one name.

    Raises:
        DataError: they do not fit the histories, or one is no text.
    """
    if given is None:
        return [None] * count
    if isinstance(given, str) != flat:
        raise DataError(f"{parameter('users', given)}: give one name for each history, in the form of the histories")
    names = [given] if isinstance(given, str) else list(_iterated(given, "the users"))
    if len(names) != count:
        raise DataError(f"there are {count:,} histories and {len(names):,} users; give one each, None for nobody")
    for name in names:
        if name is not None and not isinstance(name, str):
            raise DataError(f"the users hold {name!r}; names of users are texts, such as {str(name)!r} in quotes")
    return names  # type: ignore[return-value]


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
