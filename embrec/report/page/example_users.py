"""The sections with example users: personal recommendations that were right, popular ones, and the worst ranks."""

from collections.abc import Sequence
from dataclasses import dataclass

from embrec.report.examples import (
    ChosenUsers,
    Example,
    example,
    fallen_back,
    personalised,
    rank_words,
    worst_ranked,
)
from embrec.report.fallback import LAST, Fallback, HistoryLists, popular_items
from embrec.report.page.context import LIST, PageContext
from embrec.report.page.html_parts import Cell, HtmlTable, Section, count, percent
from embrec.report.page.items import Showcase, ShownItem

_RUNS = 3  # largest number of runs whose lists are shown for each user


@dataclass(frozen=True)
class ShownList:
    """The recommendations of one run: its items, the position of the target among them, and the rank of the target."""

    model: str
    items: Sequence[ShownItem]
    hit: int | None
    rank: str
    candidates: str


@dataclass(frozen=True)
class ShownUser:
    """One example user as the page shows it."""

    name: str
    before: int
    history: Sequence[ShownItem]
    next_item: ShownItem
    lists: Sequence[ShownList]


@dataclass(frozen=True)
class UserGroup:
    """Example users of one kind, with heading and rule of selection."""

    title: str
    lead: str
    rule: str
    eligible: str
    users: Sequence[ShownUser]


def examples_section(context: PageContext, found: Fallback, show: Showcase) -> Section:
    """Return the section of users with personal and correct recommendations of the first run."""
    before = context.dataset.interactions.position[context.first.event]
    choice = personalised(context.first, found, before, seed=context.seed)
    group = _group(
        context, show, "Personal, and right", "Lists that follow the history and contain the next item.", choice
    )
    return Section("examples", "Example users", "example_users.html.j2", {"groups": [group]})


def failures_section(
    context: PageContext, found: dict[str, Fallback], histories: HistoryLists, show: Showcase
) -> Section:
    """Return the section of failures: fallback to popular items, and the worst ranks."""
    before = context.dataset.interactions.position[context.first.event]
    back = fallen_back(context.first, found[context.reference], before, seed=context.seed)
    worst = worst_ranked(context.first, context.popularity[context.target_items] > 0)
    groups = [
        _group(
            context, show, "Given what everyone likes", "Diverse histories, and lists of the most popular items.", back
        ),
        _group(context, show, "Furthest off", "The next item ranked near the end.", worst),
    ]
    most = found[context.reference].most_listed
    return Section(
        "failures",
        "Failures worth looking at",
        "failures.html.j2",
        {
            "groups": groups,
            "table": _rates(context, found, histories),
            "most_listed": show(most),
            "most_listed_share": percent(found[context.reference].most_listed_share),
            "reference": context.reference,
            "popular": count(int(popular_items(context.popularity).sum())),
            "k": LIST,
            "last": LAST,
        },
    )


def _rates(context: PageContext, found: dict[str, Fallback], histories: HistoryLists) -> HtmlTable:
    diverse = histories.is_diverse
    rows = []
    for key, one in found.items():
        of_diverse = one.is_mostly[diverse].mean() if diverse.any() else 0.0
        rows.append(
            (
                Cell(context.models[key].name, key=key),
                Cell(percent(one.is_mostly.mean()), f"{count(one.is_mostly.sum())} targets"),
                Cell(percent(of_diverse), f"of {count(diverse.sum())}"),
                Cell(percent(one.is_fallback.mean()), f"{count(one.is_fallback.sum())} targets"),
            )
        )
    columns = ("model", "mostly popular lists", "the same, after diverse histories", "fell back")
    return HtmlTable("How often lists are mostly popular items", columns, rows)


def _group(context: PageContext, show: Showcase, title: str, lead: str, choice: ChosenUsers) -> UserGroup:
    runs = {run.name: context.evaluations[run.name] for run in context.runs[:_RUNS]}
    users = [_shown_user(example(int(row), runs, context.dataset.interactions), show) for row in choice.targets]
    return UserGroup(title, lead, choice.rule, count(choice.eligible), users)


def _shown_user(one: Example, show: Showcase) -> ShownUser:
    lists = []
    for model, rank in one.ranks.items():
        rows = one.lists[model]
        hit = next((place for place, row in enumerate(rows) if row == one.next_item), None)
        lists.append(ShownList(model, show(rows), hit, rank_words(rank), count(one.candidates)))
    return ShownUser(one.user, one.before, show(one.history), show([one.next_item])[0], lists)
