"""Comparison of ways to search, by how the best value grows with the budget."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embrec.comparisons.figures import COLOURS, MARKERS, empty_figure, require_matplotlib, save_figure
from embrec.comparisons.tables import NONE, Table, mean_over_seeds
from embrec.errors import RunError
from embrec.evaluation.statistics import mean_interval
from embrec.files import write_json
from embrec.locks import together
from embrec.runs.settings import dotted
from embrec.tuning.config import SearchConfig
from embrec.tuning.folder import SearchFolder
from embrec.tuning.records import Trial, best_trial
from embrec.tuning.summary import best_so_far

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class SearchWithTrials:
    """A search with its trials.

    Attributes:
        name: `category/search`.
        config: space, objective and algorithm.
        trials: number -> trial.
    """

    name: str
    config: SearchConfig
    trials: Mapping[int, Trial]

    @cached_property
    def curve(self) -> list[float | None]:
        """The best value after each trial, in the order of the proposals."""
        return [step.best for step in best_so_far(self.trials, self.config)]

    @property
    def best(self) -> float:
        """The best value of all trials; not a number where none has one."""
        found = best_trial(self.trials, self.config.objective, self.config.sign)
        value = found and found.best(self.config.objective, self.config.sign)
        return value[1] if value else float("nan")

    @property
    def epochs(self) -> int:
        """Number of epochs that were trained."""
        return sum(len(trial.epochs) for trial in self.trials.values())


@dataclass(frozen=True)
class SearchComparison:
    """Ways to search, each with one search per seed.

    Attributes:
        groups: name of the way -> its searches.
        objective: the metric that all of them optimise.
        sign: 1 if higher values are better, -1 if lower ones are.
    """

    groups: Mapping[str, tuple[SearchWithTrials, ...]]
    objective: str
    sign: int

    def tables(self) -> list[Table]:
        """Return a table of the searches, and one of the means of each way."""
        rows = [
            [
                way,
                one.name.partition("/")[2],
                str(one.config.seed),
                str(len(one.trials)),
                str(one.epochs),
                f"{one.best:.4f}",
            ]
            for way, searches in self.groups.items()
            for one in searches
        ]
        columns = ["way", "search", "seed", "trials", "epochs", f"best valid {self.objective}"]
        means = []
        for way, searches in self.groups.items():
            half = max(1, max(len(one.trials) for one in searches) // 2)
            middle = [value for one in searches if (value := one.curve[min(half, len(one.curve)) - 1]) is not None]
            means.append([way, str(len(searches)), f"{half}: {_mean(middle)}", _mean([one.best for one in searches])])
        return [
            Table("Searches", columns, rows),
            Table("Means over seeds (± half the 95 % interval)", ["way", "seeds", "after trial", "in the end"], means),
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON."""
        return {
            "objective": self.objective,
            "groups": {
                way: [
                    {"search": one.name, "seed": one.config.seed, "epochs": one.epochs, "best so far": one.curve}
                    for one in searches
                ]
                for way, searches in self.groups.items()
            },
        }


def compare_searches(folders: Sequence[SearchFolder]) -> SearchComparison:
    """Compare searches of one category and objective; those that differ in their seed alone are one way to search.

    Args:
        folders: folders of the searches.

    Raises:
        RunError: they differ in category, data or objective, or one has no trial with a value.
    """
    _require_same_data(folders)
    searched = [
        SearchWithTrials(f"{folder.category.name}/{folder.name}", folder.config(), folder.log().trials)
        for folder in folders
    ]
    first = searched[0]
    for one in searched:
        if one.name.partition("/")[0] != first.name.partition("/")[0]:
            raise RunError(f"searches {first.name} and {one.name} are of different categories; compare them separately")
        if one.config.objective != first.config.objective:
            raise RunError(
                f"search {first.name} optimises {first.config.objective} and {one.name} {one.config.objective}; "
                "compare them separately"
            )
        if not any(value is not None for value in one.curve):
            raise RunError(f"search {one.name} has no trial with a value yet")
    ways: dict[str, list[SearchWithTrials]] = {}
    for one in searched:
        ways.setdefault(_identity(one.config), []).append(one)
    names = _ways(list(ways))
    groups = {names[key]: tuple(found) for key, found in ways.items()}
    return SearchComparison(groups, first.config.objective, first.config.sign)


def write_search_comparison(comparison: SearchComparison, folder: Path, command: str) -> None:
    """Write the figure of the best value so far, and the numbers.

    Args:
        comparison: a comparison of searches.
        folder: for `figure.png`, `figure.svg` and `searches.json`.
        command: recorded as having made them.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require_matplotlib()
    with together(folder):
        save_figure(lambda: draw_searches(comparison), folder)
        write_json(folder / "searches.json", {**comparison.as_dict(), "command": command})


def draw_searches(comparison: SearchComparison) -> "Figure":
    """Return the figure: the best value so far over the trials, of each search (thin) and the mean of each way (bold)."""
    figure = empty_figure(6.2, 3.8)
    axes = figure.subplots()
    for place, (way, searches) in enumerate(comparison.groups.items()):
        colour, marker = COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]
        for one in searches:
            points = [(at, value) for at, value in enumerate(one.curve, 1) if value is not None]
            axes.step(*zip(*points, strict=True), where="post", color=colour, linewidth=0.8, alpha=0.55)
        length = min(len(one.curve) for one in searches)
        columns = [[one.curve[at] for one in searches] for at in range(length)]
        means = [
            (at, sum(value for value in column if value is not None) / len(column))
            for at, column in enumerate(columns, 1)
            if None not in column
        ]
        seeds = f"{way}, mean of {len(searches)} seeds" if len(searches) > 1 else way
        axes.plot(
            *zip(*means, strict=True),
            drawstyle="steps-post",
            color=colour,
            linewidth=2.2,
            marker=marker,
            markevery=max(1, len(means) // 8),
            markersize=5,
            label=seeds,
        )
    axes.set_xlabel("trials")
    axes.set_ylabel(f"best validation {comparison.objective.upper()} so far")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.9", linewidth=0.6)
    axes.legend(frameon=False, loc="lower right" if comparison.sign > 0 else "upper right")
    return figure


def _require_same_data(folders: Sequence[SearchFolder]) -> None:
    """Raise if searches of one category were begun with different data, as far as they keep a record."""
    known = [(folder, made_of) for folder in folders if (made_of := folder.read_made_of()) is not None]
    for folder, made_of in known[1:]:
        first, data = known[0]
        changed = data.differences(made_of)
        if first.category.path == folder.category.path and changed:
            raise RunError(
                f"searches {first.name} and {folder.name} were begun with different data ({changed[0]}); compare them "
                "separately"
            )


def _identity(config: SearchConfig) -> str:
    """Return the way to search as a text: the configuration without the seed and the final runs."""
    return json.dumps(config.model_dump(mode="json", exclude={"seed", "final_epochs", "final_on"}), sort_keys=True)


def _ways(identities: Sequence[str]) -> dict[str, str]:
    """Return a name for each way: the values of the settings in which they differ."""
    trees = [dotted(json.loads(identity)) for identity in identities]
    differing = [key for key in trees[0] if any(tree.get(key) != trees[0][key] for tree in trees)]
    differing += [key for tree in trees for key in tree if key not in trees[0] and key not in differing]
    if not differing:
        return {identity: str(trees[0]["algorithm"]) for identity in identities}
    return {
        identity: ", ".join(_words(key, tree.get(key)) for key in dict.fromkeys(differing))
        for identity, tree in zip(identities, trees, strict=True)
    }


def _words(key: str, value: Any) -> str:
    if key == "algorithm":
        return str(value)
    return f"{len(value or ())} starting points" if key == "start" else f"{key} {value}"


def _mean(values: Sequence[float]) -> str:
    return mean_over_seeds(mean_interval(values)) if values else NONE
