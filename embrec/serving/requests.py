"""Requests for recommendations: for a given history, for named users, or for a sample of users."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from embrec.data.everyone import load_everyone
from embrec.errors import ConfigError, DataError
from embrec.parameters import call, parameter
from embrec.serving.recommender import Recommendation, Recommender


@dataclass(frozen=True)
class Request:
    """One history to recommend after.

    Attributes:
        items: item ids, oldest first.
        user: name of the user; None for a history without a user.
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
    recommender: Recommender,
    *,
    users: Sequence[str] | None = None,
    history: Sequence[str] | None = None,
    sample: int | None = None,
) -> list[Request]:
    """Return the histories that a request names; those of users come from the log of the run's category, matched by item ids.

    Args:
        recommender: recommender whose category the users belong to.
        users: names of users.
        history: item ids, oldest first.
        sample: how many users to draw, evenly over the log's users.

    Raises:
        ConfigError: not exactly one of the three is given.
        DataError: a user or an item is unknown.
    """
    given = sum(one is not None for one in (users or None, history, sample))
    if given != 1:
        ways = f"{parameter('users')}, {parameter('history')} or {parameter('sample')}"
        raise ConfigError(f"no user or history is given; give {ways}" if given == 0 else f"give only one of {ways}")
    if history is not None:
        items = list(history)
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
                f"trained; train again, or add items that are new with {call('with_items', items='FILE')}"
            )
        found.append(request)
    return found


def answer(
    recommender: Recommender, requests: Sequence[Request], k: int = 10, *, exclude_seen: bool = True
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
        users=[one.user for one in requests],
    )
