"""Example users, after [semikin2019] Figs. 7 and 8: chosen by a rule that is said, and by a seed, never by hand.

What is chosen here is rows of an evaluation; how they are shown is the business of the page or the figure.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.evaluation.evaluator import Evaluation
from embrec.report.fallback import MOSTLY, Fallback

HISTORY = 6  # items of a history that are shown
LONG_ENOUGH = 5  # events that a history needs, to say anything of a person
HIT = 10  # a target among so many is found


@dataclass(frozen=True)
class Example:
    """One target, what was before it and what was recommended instead of it, or rightly.

    Attributes:
        target: its row among the T targets.
        user: the user's name.
        before: events before the target.
        history: catalog rows of the last of them, oldest first.
        next_item: catalog row of the target.
        lists: model -> catalog rows of what it lists first, best first.
        ranks: model -> the target's rank.
        candidates: how many items were ranked.
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
    """Examples of one kind.

    Attributes:
        rule: which targets could be chosen, and how it was chosen among them, in plain words.
        eligible: how many there were.
        targets: the rows that were chosen.
    """

    rule: str
    eligible: int
    targets: NDArray[np.int64]


def personalised(
    evaluation: Evaluation, found: Fallback, before: NDArray[np.int64], *, count: int = 4, seed: int = 0
) -> ChosenUsers:
    """Choose targets that were found by a list that is not the popular one.

    Args:
        evaluation: of one model.
        found: what its lists have of the popular items.
        before: events before each target, [T].
        count: how many to choose.
        seed: of the drawing.
    """
    is_good = (evaluation.rank <= HIT) & (before >= LONG_ENOUGH) & (found.share < MOSTLY / 2)
    rule = (
        f"Drawn with seed {seed}, one a user, from the targets that stand among the first {HIT}, after at least {LONG_ENOUGH} "
        f"events, in lists of which less than a quarter are popular items"
    )
    return ChosenUsers(rule, int(is_good.sum()), _draw(is_good, evaluation.user, count, seed))


def fallen_back(
    evaluation: Evaluation, found: Fallback, before: NDArray[np.int64], *, count: int = 4, seed: int = 0
) -> ChosenUsers:
    """Choose users who were given the popular items though their histories are diverse; arguments as of `personalised`."""
    is_case = found.is_fallback & (before >= LONG_ENOUGH)
    rule = (
        f"Drawn with seed {seed}, one a user, from the targets after at least {LONG_ENOUGH} events whose lists are mostly "
        "popular items, though the history is more diverse than the median and not mostly popular itself"
    )
    return ChosenUsers(rule, int(is_case.sum()), _draw(is_case, evaluation.user, count, seed))


def worst_ranked(evaluation: Evaluation, learned: NDArray[np.bool_], *, count: int = 3) -> ChosenUsers:
    """Choose the targets that a model ranked worst, each of another user.

    Args:
        evaluation: of one model.
        learned: the target's item has training events, [T]; the others are rarely worth a look, for their slice says it all.
        count: how many to choose.
    """
    considered = learned if learned.any() else np.ones_like(learned)
    rows = np.flatnonzero(considered)
    place = evaluation.rank / np.maximum(evaluation.standing.candidates, 1)
    order = rows[np.argsort(-place[rows], kind="stable")]
    _, firsts = np.unique(evaluation.user[order], return_index=True)
    chosen = order[np.sort(firsts)[:count]]
    which = "with training events " if learned.any() else ""
    return ChosenUsers(f"The targets {which}that ranked worst, in order, one a user", len(rows), chosen)


def example(
    target: int,
    models: Mapping[str, Evaluation],
    interactions: Interactions,
    *,
    length: int = HISTORY,
    history: int = HISTORY,
) -> Example:
    """Gather what can be shown of one target.

    Args:
        target: its row.
        models: whose lists and ranks are wanted; a model without lists gives ranks alone.
        interactions: the log.
        length: how much of a list.
        history: how much of the history.
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
    """Show a rank; one that is the mean of several places has a part of one.

    >>> rank_words(1204), rank_words(2.5)
    ('1,204', '2.5')
    """
    return f"{rank:,.0f}" if rank == int(rank) else f"{rank:,.1f}"


def _draw(members: NDArray[np.bool_], users: NDArray[np.int64], count: int, seed: int) -> NDArray[np.int64]:
    """Draw some rows among the members, in a random order: users evenly, and one row of each."""
    generator = np.random.default_rng(seed)
    rows = generator.permutation(np.flatnonzero(members))
    _, firsts = np.unique(users[rows], return_index=True)
    drawn: NDArray[np.int64] = generator.choice(rows[firsts], min(count, len(firsts)), replace=False)
    return drawn
