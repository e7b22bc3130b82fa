"""For whom to recommend: users by name, any history, or a sample of users."""

from collections.abc import Sequence

import numpy as np

from embrec.data.everyone import load_everyone
from embrec.errors import ConfigError
from embrec.serving.recommender import Recommender


def histories_of(
    recommender: Recommender,
    *,
    users: Sequence[str] | None = None,
    history: str | None = None,
    sample: int | None = None,
) -> dict[str, list[str]]:
    """Return the histories that a request names, label -> item ids, oldest first.

    Args:
        recommender: whose category the users belong to.
        users: names of users.
        history: item ids by commas.
        sample: how many users to draw, evenly over the log's users.

    Raises:
        ConfigError: not exactly one of the three is given.
        DataError: a user or an item is unknown.
    """
    if sum(given is not None for given in (users or None, history, sample)) != 1:
        raise ConfigError("say for whom: --user U, --history ITEM,ITEM,... or --sample N")
    if history is not None:
        items = [item.strip() for item in history.split(",") if item.strip()]
        recommender.catalog.rows(items)
        return {"this history": items}
    everyone = load_everyone(recommender.run.category)
    log = everyone.interactions
    if users:
        indices = [everyone.user_index(user) for user in users]
    else:
        indices = np.unique(np.linspace(0, log.n_users - 1, sample or 1).astype(int)).tolist()
    return {f"user {log.user_ids[index]}": everyone.catalog.item_ids[log.history(index)].tolist() for index in indices}
