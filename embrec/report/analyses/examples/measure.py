"""Example users: whose recommendations are personal, and who was given what everybody likes. After [semikin2019] Figs. 7 and 8.

The users are chosen by the rules of `embrec.report.examples`, as those on the page of `embrec report` are, and by a seed.
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
HISTORY, LIST = 5, 3  # items of a history and of a list that are shown, as [semikin2019]
JUDGED = 10  # items of a list that say whether it is popular, as on the page

_TITLE = 40


@dataclass(frozen=True)
class ExampleGroup:
    """Users of one kind.

    Attributes:
        name: of the figure's file.
        title: what they have in common.
        choice: how they were chosen.
        people: their histories, lists and next items.
        popular_listed: how many of the first `JUDGED` items of each list are popular.
    """

    name: str
    title: str
    choice: ChosenUsers
    people: Sequence[Example]
    popular_listed: Sequence[int]


@dataclass(frozen=True)
class Examples:
    """Users of both kinds.

    Attributes:
        groups: personal first.
        popular: which items are popular, [n].
        users: who were chosen from.
    """

    groups: Sequence[ExampleGroup]
    popular: NDArray[np.bool_]
    users: int

    def notes(self) -> list[str]:
        """Say how the users were chosen, and where there are none."""
        return [
            f"{group.title}: {group.choice.rule} ({group.choice.eligible:,} such targets)"
            + ("" if group.people else "; there are none, so no figure")
            for group in self.groups
        ]


def choose(subject: AnalysisContext, *, users: int = USERS, seed: int = 0, progress: Progress = silent) -> Examples:
    """Choose users of both kinds; arguments as of `analyze_examples`."""
    log = subject.dataset.interactions
    keep = min(JUDGED, len(subject.dataset.catalog))
    evaluation = subject.evaluated(subject.protocol_of_lists(), keep=keep, progress=progress)
    if evaluation.top is None:
        raise ValueError("the evaluation has no lists")
    popular = popular_items(subject.popularity)
    vectors = catalog_vectors(load_model(subject.run))
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
    models = {subject.run.name: evaluation}
    groups = []
    for name, (title, choice) in kinds.items():
        rows = choice.targets.tolist()
        people = [example(row, models, log, length=LIST, history=HISTORY) for row in rows]
        listed = popular[evaluation.top[rows, :keep] - 1] & (evaluation.top[rows, :keep] > 0)
        groups.append(ExampleGroup(name, title, choice, people, listed.sum(axis=1).tolist()))
    return Examples(groups, popular, len(np.unique(evaluation.user)))


def place_words(one: Example) -> str:
    """Say where the next item of an example ranked."""
    (rank,) = one.ranks.values()
    return f"{rank_words(rank)} of {one.candidates:,}"


def tables(subject: AnalysisContext, found: Examples) -> list[Table]:
    """Return a table a kind, a row a user."""
    columns = ["user", "events", "last item", "recommended", "next item", "its rank"]
    return [
        Table(
            group.title,
            columns,
            [
                [
                    one.user,
                    f"{one.before:,}",
                    subject.name_of(int(one.history[-1]), _TITLE),
                    "; ".join(
                        textwrap.shorten(subject.name_of(int(row), _TITLE), 28, placeholder="…") for row in _list(one)
                    ),
                    subject.name_of(one.next_item, _TITLE),
                    place_words(one),
                ]
                for one in group.people
            ],
        )
        for group in found.groups
        if group.people
    ]


def _list(one: Example) -> NDArray[np.int64]:
    (rows,) = one.lists.values()
    return rows


def _plain(subject: AnalysisContext, group: ExampleGroup) -> dict[str, object]:
    ids = subject.dataset.catalog.item_ids
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
            for one, popular in zip(group.people, group.popular_listed, strict=True)
        ],
    }
