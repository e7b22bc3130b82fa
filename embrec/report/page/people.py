"""Real users on the page: those the first run served well, those it gave what everyone likes, and those it got most wrong."""

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

_RUNS = 3  # whose lists are shown for each user; more would bury the user


@dataclass(frozen=True)
class ShownList:
    """What one run recommended: its items, which of them is the one that was chosen next, and where that ranked."""

    model: str
    items: Sequence[ShownItem]
    hit: int | None
    rank: str
    candidates: str


@dataclass(frozen=True)
class Person:
    """One example as the page shows it."""

    name: str
    before: int
    history: Sequence[ShownItem]
    next_item: ShownItem
    lists: Sequence[ShownList]


@dataclass(frozen=True)
class UserGroup:
    """Examples of one kind, under a heading, with the rule that chose them."""

    title: str
    lead: str
    rule: str
    eligible: str
    people: Sequence[Person]


def examples_section(material: PageContext, found: Fallback, show: Showcase) -> Section:
    """Return the section of users that the first run served well."""
    before = material.dataset.interactions.position[material.first.event]
    choice = personalised(material.first, found, before, seed=material.seed)
    group = _group(
        material, show, "Personal, and right", "Lists that follow the history, and hold what came next.", choice
    )
    return Section("examples", "Example users", "people.html.j2", {"groups": [group]})


def failures_section(
    material: PageContext, found: dict[str, Fallback], histories: HistoryLists, show: Showcase
) -> Section:
    """Return the section of failures: falling back to popular items, and the targets ranked worst."""
    before = material.dataset.interactions.position[material.first.event]
    back = fallen_back(material.first, found[material.reference], before, seed=material.seed)
    worst = worst_ranked(material.first, material.popularity[material.target_items] > 0)
    groups = [
        _group(material, show, "Given what everyone likes", "Diverse histories, and lists of the most popular items.", back),
        _group(material, show, "Furthest off", "What came next stood at the end of the list.", worst),
    ]  # fmt: skip
    most = found[material.reference].most_listed
    return Section(
        "failures",
        "Failures worth looking at",
        "failures.html.j2",
        {
            "groups": groups,
            "table": _rates(material, found, histories),
            "most_listed": show(most),
            "most_listed_share": percent(found[material.reference].most_listed_share),
            "reference": material.reference,
            "popular": count(int(popular_items(material.popularity).sum())),
            "k": LIST,
            "last": LAST,
        },
    )


def _rates(material: PageContext, found: dict[str, Fallback], histories: HistoryLists) -> HtmlTable:
    diverse = histories.is_diverse
    rows = []
    for key, one in found.items():
        of_diverse = one.is_mostly[diverse].mean() if diverse.any() else 0.0
        rows.append((
            Cell(material.models[key].name, key=key),
            Cell(percent(one.is_mostly.mean()), f"{count(one.is_mostly.sum())} targets"),
            Cell(percent(of_diverse), f"of {count(diverse.sum())}"),
            Cell(percent(one.is_fallback.mean()), f"{count(one.is_fallback.sum())} targets"),
        ))  # fmt: skip
    columns = ("model", "mostly popular lists", "the same, after diverse histories", "fell back")
    return HtmlTable("How often lists are mostly popular items", columns, rows)


def _group(material: PageContext, show: Showcase, title: str, lead: str, choice: ChosenUsers) -> UserGroup:
    runs = {run.name: material.evaluations[run.name] for run in material.runs[:_RUNS]}
    people = [_person(example(int(row), runs, material.dataset.interactions), show) for row in choice.targets]
    return UserGroup(title, lead, choice.rule, count(choice.eligible), people)


def _person(one: Example, show: Showcase) -> Person:
    lists = []
    for model, rank in one.ranks.items():
        rows = one.lists[model]
        hit = next((place for place, row in enumerate(rows) if row == one.next_item), None)
        lists.append(ShownList(model, show(rows), hit, rank_words(rank), count(one.candidates)))
    return Person(one.user, one.before, show(one.history), show([one.next_item])[0], lists)
