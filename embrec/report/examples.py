"""Selection of example users by fixed rules and a seed, never by hand, after [semikin2019] Figs. 7 and 8.

The functions select rows of an evaluation. The HTML page and the figures of the analysis both show these rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.evaluation.evaluator import Evaluation
from embrec.report.fallback import MOSTLY, Fallback

HISTORY = 6  # number of history items to show
LONG_ENOUGH = 5  # events that a history needs to characterise a user
HIT = 10  # a target counts as found up to this rank


@dataclass(frozen=True)
class Example:
    """One target with the history before it and the recommendations of each model.

    Attributes:
        target: row of the target among the T targets.
        user: user id.
        before: number of events before the target.
        history: catalog rows of the last events before the target, oldest first.
        next_item: catalog row of the target.
        lists: model -> catalog rows of its recommendations, best first.
        ranks: model -> rank of the target.
        candidates: number of ranked items.
    """

    target: int
    user: str
    before: int
    history: NDArray[np.int64]
    next_item: int
    lists: Mapping[str, NDArray[np.int64]]
    ranks: Mapping[str, float]
    candidates: int


@dataclass(frozen=True)
class ChosenUsers:
    """Selected targets of one kind.

    Attributes:
        rule: rule of the selection, in words.
        eligible: number of targets that the rule allows.
        targets: rows of the selected targets.
    """

    rule: str
    eligible: int
    targets: NDArray[np.int64]


def personalised(
    evaluation: Evaluation, found: Fallback, before: NDArray[np.int64], *, count: int = 4, seed: int = 0
) -> ChosenUsers:
    """Select targets that a model found with lists of mostly unpopular items.

    Args:
        evaluation: evaluation of the model, with lists.
        found: shares of popular items in its lists.
        before: number of events before each target, [T].
        count: number of targets to select.
        seed: seed of the random selection.
    """
    is_good = (evaluation.rank <= HIT) & (before >= LONG_ENOUGH) & (found.share < MOSTLY / 2)
    rule = (
        f"Drawn with seed {seed}, one per user, from the targets among the first {HIT}, after at least {LONG_ENOUGH} events, "
        f"in lists of which less than a quarter are popular items"
    )
    return ChosenUsers(rule, int(is_good.sum()), _draw(is_good, evaluation.user, count, seed))


def fallen_back(
    evaluation: Evaluation, found: Fallback, before: NDArray[np.int64], *, count: int = 4, seed: int = 0
) -> ChosenUsers:
    """Select users who got mostly popular items despite a diverse history; arguments as of `personalised`."""
    is_case = found.is_fallback & (before >= LONG_ENOUGH)
    rule = (
        f"Drawn with seed {seed}, one per user, from the targets after at least {LONG_ENOUGH} events whose lists are mostly "
        "popular items, though the history is more diverse than the median and not mostly popular itself"
    )
    return ChosenUsers(rule, int(is_case.sum()), _draw(is_case, evaluation.user, count, seed))


def worst_ranked(evaluation: Evaluation, learned: NDArray[np.bool_], *, count: int = 3) -> ChosenUsers:
    """Select the targets with the worst ranks, at most one per user.

    Args:
        evaluation: evaluation of the model.
        learned: True if the item of the target has training events, [T]. Other targets are left out, because their slice
            already summarises them.
        count: number of targets to select.
    """
    considered = learned if learned.any() else np.ones_like(learned)
    rows = np.flatnonzero(considered)
    place = evaluation.rank / np.maximum(evaluation.standing.candidates, 1)
    order = rows[np.argsort(-place[rows], kind="stable")]
    _, firsts = np.unique(evaluation.user[order], return_index=True)
    chosen = order[np.sort(firsts)[:count]]
    which = "with training events " if learned.any() else ""
    return ChosenUsers(f"The targets {which}that ranked worst, in order, one per user", len(rows), chosen)


def example(
    target: int,
    models: Mapping[str, Evaluation],
    interactions: Interactions,
    *,
    length: int = HISTORY,
    history: int = HISTORY,
) -> Example:
    """Return the history of one target with the lists and ranks of each model.

    Args:
        target: row of the target.
        models: model -> evaluation; a model without lists only has ranks.
        interactions: the log.
        length: number of items of each list.
        history: number of items of the history.
    """
    first = next(iter(models.values()))
    event = int(first.event[target])
    user = int(interactions.user[event])
    start = int(interactions.user_ptr[user])
    lists = {name: one.top[target, :length].astype(np.int64) - 1 for name, one in models.items() if one.top is not None}
    return Example(
        target=target,
        user=str(interactions.user_ids[user]),
        before=event - start,
        history=interactions.item[max(start, event - history) : event].astype(np.int64),
        next_item=int(interactions.item[event]),
        lists={name: rows[rows >= 0] for name, rows in lists.items()},
        ranks={name: float(one.rank[target]) for name, one in models.items()},
        candidates=int(first.standing.candidates[target]),
    )


def rank_words(rank: float) -> str:
    """Format a rank; the mean rank of ties may have a fraction.

    >>> rank_words(1204), rank_words(2.5)
    ('1,204', '2.5')
    """
    return f"{rank:,.0f}" if rank == int(rank) else f"{rank:,.1f}"


def _draw(members: NDArray[np.bool_], users: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Draw rows among the members in random order: users with equal probability, and one row of each."""
    generator = np.random.default_rng(seed)
    rows = generator.permutation(np.flatnonzero(members))
    _, firsts = np.unique(users[rows], return_index=True)
    drawn: NDArray[np.int64] = generator.choice(rows[firsts], min(count, len(firsts)), replace=False)
    return drawn
