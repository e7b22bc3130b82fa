"""Example users with personal and with popular recommendations, after [semikin2019] Figs. 7 and 8.

The users are selected by the rules of `embrec.report.examples`, as in the HTML report, and by a seed.
"""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embrec.comparisons.tables import Table
from embrec.progress import Progress, silent
from embrec.report.analyses.context import AnalysisContext
from embrec.report.examples import ChosenUsers, Example, example, fallen_back, personalised, rank_words
from embrec.report.fallback import describe_histories, fallback, popular_items
from embrec.runs.model import catalog_vectors, load_model

USERS = 4
HISTORY, LIST = 5, 3  # number of items of a history and of a list to show, as in [semikin2019]
JUDGED = 10  # items of a list that decide whether it is popular, as in the HTML report

_TITLE = 40


@dataclass(frozen=True)
class ExampleGroup:
    """Example users of one kind.

    Attributes:
        name: name of the file of the figure.
        title: description of the kind.
        choice: selection of the users.
        examples: their histories, lists and next items.
        popular_listed: number of popular items among the first `JUDGED` of each list.
    """

    name: str
    title: str
    choice: ChosenUsers
    examples: Sequence[Example]
    popular_listed: Sequence[int]


@dataclass(frozen=True)
class Examples:
    """Example users of both kinds.

    Attributes:
        groups: users with personal recommendations, then users with popular ones.
        popular: mask of the popular items, [n].
        users: number of users with a test target.
    """

    groups: Sequence[ExampleGroup]
    popular: NDArray[np.bool_]
    users: int

    def notes(self) -> list[str]:
        """Return how the users of each kind were selected, and whether there are any."""
        return [
            f"{group.title}: {group.choice.rule} ({group.choice.eligible:,} such targets)"
            + ("" if group.examples else "; there are none, so no figure")
            for group in self.groups
        ]


def choose(context: AnalysisContext, *, users: int = USERS, seed: int = 0, progress: Progress = silent) -> Examples:
    """Select users of both kinds; arguments as of `analyze_examples`."""
    log = context.dataset.interactions
    keep = min(JUDGED, len(context.dataset.catalog))
    evaluation = context.evaluated(context.protocol_of_lists(), keep=keep, progress=progress)
    if evaluation.top is None:
        raise ValueError("the evaluation has no lists")
    popular = popular_items(context.popularity)
    vectors = catalog_vectors(load_model(context.run))
    histories = describe_histories(log, evaluation.event, vectors, popular)
    found = fallback(evaluation.top[:, :keep].astype(np.int64) - 1, popular, histories)
    before = log.position[evaluation.event]
    kinds: Mapping[str, tuple[str, ChosenUsers]] = {
        "examples-personal": (
            "users whose recommendations are personal",
            personalised(evaluation, found, before, count=users, seed=seed),
        ),
        "examples-popular": (
            "users who were given popular items",
            fallen_back(evaluation, found, before, count=users, seed=seed),
        ),
    }
    models = {context.run.name: evaluation}
    groups = []
    for name, (title, choice) in kinds.items():
        rows = choice.targets.tolist()
        shown = [example(row, models, log, length=LIST, history=HISTORY) for row in rows]
        listed = popular[evaluation.top[rows, :keep] - 1] & (evaluation.top[rows, :keep] > 0)
        groups.append(ExampleGroup(name, title, choice, shown, listed.sum(axis=1).tolist()))
    return Examples(groups, popular, len(np.unique(evaluation.user)))


def place_words(one: Example) -> str:
    """Return the rank of the next item of an example, in words."""
    (rank,) = one.ranks.values()
    return f"{rank_words(rank)} of {one.candidates:,}"


def tables(context: AnalysisContext, found: Examples) -> list[Table]:
    """Return a table for each kind, with a row for each user."""
    columns = ["user", "events", "last item", "recommended", "next item", "its rank"]
    return [
        Table(
            group.title,
            columns,
            [
                [
                    one.user,
                    f"{one.before:,}",
                    context.name_of(int(one.history[-1]), _TITLE),
                    "; ".join(
                        textwrap.shorten(context.name_of(int(row), _TITLE), 28, placeholder="…") for row in _list(one)
                    ),
                    context.name_of(one.next_item, _TITLE),
                    place_words(one),
                ]
                for one in group.examples
            ],
        )
        for group in found.groups
        if group.examples
    ]


def _list(one: Example) -> NDArray[np.int64]:
    (rows,) = one.lists.values()
    return rows


def group_numbers(context: AnalysisContext, group: ExampleGroup) -> dict[str, object]:
    """Return the users of one kind as plain values for the JSON file."""
    ids = context.dataset.catalog.item_ids
    return {
        "title": group.title,
        "rule": group.choice.rule,
        "eligible targets": group.choice.eligible,
        "users": [
            {
                "user": one.user,
                "events": one.before,
                "history": ids[one.history].tolist(),
                "recommended": ids[_list(one)].tolist(),
                f"popular of the first {JUDGED}": popular,
                "next": ids[one.next_item],
                "rank": next(iter(one.ranks.values())),
                "candidates": one.candidates,
            }
            for one, popular in zip(group.examples, group.popular_listed, strict=True)
        ],
    }
