"""Requests for recommendations: histories as callers write them, users by name, or a sample of users."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from embrec.data.everyone import load_everyone
from embrec.errors import ConfigError, DataError

if TYPE_CHECKING:
    from embrec.serving.recommender import Recommendation, Recommender

History = Sequence[str]


@dataclass(frozen=True)
class Request:
    """One history to recommend after.

    Attributes:
        items: item ids, oldest first.
        user: name of the user; None for a history of nobody.
        times: times of the events in seconds; None where they are not known.
        context: values of the events in the context columns that the model reads, name -> one for each event.
    """

    items: list[str]
    user: str | None = None
    times: list[int] | None = None
    context: Mapping[str, list[float]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """How messages name it."""
        return "this history" if self.user is None else f"user {self.user}"


def histories_of(
    recommender: "Recommender",
    *,
    users: Sequence[str] | None = None,
    history: str | None = None,
    sample: int | None = None,
) -> list[Request]:
    """Return the histories that a request names; those of users come from the log of the run's category, matched by item ids.

    Args:
        recommender: recommender whose category the users belong to.
        users: names of users.
        history: item ids separated by commas.
        sample: number of users to draw, evenly over the log's users.

    Raises:
        ConfigError: not exactly one of the three is given.
        DataError: a user or an item is unknown.
    """
    if sum(given is not None for given in (users or None, history, sample)) != 1:
        raise ConfigError("say for whom: --user U, --history ITEM,ITEM,... or --sample N")
    if history is not None:
        items = [item.strip() for item in history.split(",") if item.strip()]
        recommender.catalog.rows(items)
        return [Request(items)]
    everyone = load_everyone(recommender.run.require_category())
    log = everyone.interactions.with_context(recommender.context)
    if users:
        indices = [everyone.user_index(user) for user in users]
    else:
        indices = np.unique(np.linspace(0, log.n_users - 1, sample or 1).astype(int)).tolist()
    found = []
    for index in indices:
        events = slice(log.user_ptr[index], log.user_ptr[index + 1])
        request = Request(
            everyone.catalog.item_ids[log.item[events]].tolist(),
            str(log.user_ids[index]),
            log.time[events].tolist(),
            {name: values[events].tolist() for name, values in log.context.items()},
        )
        unknown = [item for item in request.items if item not in recommender.catalog]
        if unknown:
            raise DataError(
                f"{request.name} has item {unknown[0]!r}, which came into the catalog after run {recommender.run.name!r} was "
                "trained; train again, or use `score` with --items for items that are new"
            )
        found.append(request)
    return found


def answer(
    recommender: "Recommender", requests: Sequence[Request], k: int = 10, *, exclude_seen: bool = True
) -> "list[list[Recommendation]]":
    """Return the best k items after the history of each request; see `Recommender.recommend`.

    Raises:
        ConfigError: k is no whole number of at least 1.
        DataError: the model reads a context column that a request does not have.
    """
    names = [name for name in recommender.context if all(name in one.context for one in requests)]
    return recommender.recommend(
        [one.items for one in requests],
        k,
        exclude_seen,
        times=[one.times or [0] * len(one.items) for one in requests],
        context={name: [one.context[name] for one in requests] for name in names},
    )


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
