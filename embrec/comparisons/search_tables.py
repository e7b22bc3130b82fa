"""Tables of the results of searches: of one search, and of several categories in the form of [semikin2019] Tables 2 and 3."""

import contextlib
import math
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any

from embrec.comparisons.tables import NONE, Table, mean_over_seeds, number
from embrec.data.prepared import open_split
from embrec.errors import EmbrecError, RunError
from embrec.evaluation.statistics import mean_interval
from embrec.parameters import call
from embrec.progress import clock, duration
from embrec.runs.folder import RunFolder
from embrec.runs.provenance import MadeOf
from embrec.tuning.categories import Found
from embrec.tuning.config import SearchConfig
from embrec.tuning.folder import SearchFolder
from embrec.tuning.importance import Importance, setting_importance
from embrec.tuning.records import TrialLog
from embrec.tuning.summary import (
    best_so_far,
    counts,
    default_trial,
    gain,
    narrow_settings,
    savings,
    short_labels,
    shown_setting,
    trial_rows,
)


class SearchProgress:
    """The results of a search so far, as tables, sentences and plain values.

    Args:
        folder: folder of the search.

    Raises:
        RunError: the folder is no search, or damaged.
    """

    def __init__(self, folder: SearchFolder) -> None:
        self.folder = folder
        self.config: SearchConfig = folder.config()
        self.log: TrialLog = folder.log()
        self.result = folder.read_result()

    @cached_property
    def importance(self) -> Importance:
        """Importance of each setting for the objective."""
        return setting_importance(self.log.trials, self.config)

    def tables(self, top: int) -> list[Table]:
        """Return the best trials, the best value so far, and the importance of settings.

        Args:
            top: number of trials in the first table.
        """
        trials, config = self.log.trials, self.config
        if not trials:
            return []
        labels = short_labels(config.space)
        rows = trial_rows(trials, config)
        best = [
            [
                NONE if row.rank is None else str(row.rank),
                str(row.number),
                number(row.value),
                f"{row.best_epoch or '-'}/{row.epochs}",
                "running" if row.status == "begun" else row.status,
                clock(row.seconds),
                ", ".join(f"{labels[key]} {shown_setting(key, row.settings[key])}" for key in labels),
            ]
            for row in rows[:top]
        ]
        columns = ["rank", "trial", f"valid {config.objective}", "best epoch", "status", "time", "settings"]
        steps, before = [], None
        for step in best_so_far(trials, config):
            if step.best is not None and step.best != before:
                before = step.best
                steps.append([str(step.number), f"{step.best:.4f}"])
        name = f"{self.folder.category.name}/{self.folder.name}"
        tables = [
            Table(f"{name}: the best {len(best)} of {len(trials)} trials", columns, best),
            Table("Best so far", ["trial", f"valid {config.objective}"], steps),
        ]
        if self.importance.is_meaningful:
            shares = [
                [labels[share.key], f"{share.mean:.0%}", f"{share.low:.0%} to {share.high:.0%}"]
                for share in self.importance.shares
            ]
            tables.append(Table("Importance of settings", ["setting", "share", "over forests"], shares))
        return tables

    def _changed(self) -> str:
        """Return the first difference between the category's data and those of the search; empty if none is known."""
        before = self.folder.read_made_of()
        if before is None:
            return ""
        try:
            prepared = open_split(self.folder.category, self.config.base.split)
            now = MadeOf.of(prepared.dataset, prepared.partition)
        except EmbrecError:
            return ""
        changed = before.differences(now)
        return changed[0] if changed else ""

    def notes(self) -> list[str]:
        """Return sentences on numbers of trials, time saved, and the best settings, beside the tables."""
        trials, config = self.log.trials, self.config
        saved = savings(trials, config)
        words = [
            f"{count} {'not ended' if status == 'begun' else status}"
            for status, count in counts(trials).items()
            if count
        ]
        lines = [
            f"{len(trials)} of {config.samples} trials: {', '.join(words) or 'none'}.",
            f"Stopping saved {saved.epochs_whole - saved.epochs:,} of {saved.epochs_whole:,} epochs ({saved.share:.0%}), about "
            f"{duration(saved.seconds_whole - saved.seconds)} of {duration(saved.seconds_whole)} of training."
            if saved.epochs < saved.epochs_whole
            else f"No trial was stopped early: {saved.epochs:,} epochs, {duration(saved.seconds)} of training.",
        ]
        if changed := self._changed():
            lines.insert(
                0, f"The category was imported again since: {changed}. All these results are of the earlier data."
            )
        better = gain(trials, config)
        default = default_trial(trials, config)
        if better is not None and default is not None:
            early = (
                f", stopped after {len(default.epochs)} of {config.epochs} epochs"
                if default.status == "stopped"
                else ""
            )
            what = f"the default settings (trial {default.number}{early})"
            lines.append(
                f"The best trial is {better:.1%} better on validation than {what}."
                if better > 0
                else f"No trial is better on validation than {what}."
            )
        lines += [*narrow_settings(trials, config), self.importance.words]
        lines += [
            f"Trial {trial.number} failed: {trial.error}" for trial in trials.values() if trial.status == "failed"
        ]
        if self.result is not None:
            runs = ", ".join(f"{self.folder.category.name}/{run}" for run in self.result["runs"].values())
            lines.append(f"Models with the best settings: {runs}.")
            lines += self._test_words()
        else:
            done = len(trials) >= config.samples and all(trial.ended for trial in trials.values())
            what = (
                "No model has been trained with the best settings; train them"
                if done
                else "It is not complete; continue"
            )
            again = call("resumed_search", name=f"{self.folder.category.name}/{self.folder.name}")
            lines.append(f"{what} with: {again}")
        return lines

    def _test_words(self) -> list[str]:
        """Return a sentence on the test metrics of the models with the best settings, the objective first."""
        assert self.result is not None
        tests: list[dict[str, float]] = []
        for name in self.result["runs"].values():
            with contextlib.suppress(RunError, KeyError):  # a run may have been removed since
                tests.append(RunFolder(self.folder.category.runs / name).read_metrics()["test"]["all"])
        if not tests:
            return []
        objective = self.config.objective
        means = {
            metric: mean_interval([test[metric] for test in tests])
            for metric in dict.fromkeys([objective, *tests[0]])
            if metric != "targets" and all(metric in test for test in tests)
        }
        figures = ", ".join(f"{metric} {mean_over_seeds(mean)}" for metric, mean in means.items())
        how = f"mean of {len(tests)} seeds, ± half its 95 % interval" if len(tests) > 1 else "one seed"
        return [f"On the test targets ({how}): {figures}. Beside baselines: {call('compare_runs')}."]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON."""
        return {
            "search": self.folder.name,
            "category": self.folder.category.name,
            "config": self.config.model_dump(mode="json"),
            "trials": [asdict(trial) for trial in self.log.trials.values()],
            "best so far": [asdict(step) for step in best_so_far(self.log.trials, self.config)],
            "savings": asdict(savings(self.log.trials, self.config)),
            "importance": asdict(self.importance),
            "result": self.result,
        }


def test_table(found: Mapping[str, Found]) -> Table:
    """Return the test metrics of each category's best models beside the baselines, the objective first.

    [semikin2019] Table 2 has two of its metrics, beside popularity alone.
    """
    metrics = list(dict.fromkeys(metric for one in found.values() for metric in one.metrics))
    rows = []
    for category, one in found.items():
        if one.best:
            seeds = len(one.result.runs.runs) if one.result.runs is not None else 0
            best = [mean_over_seeds(one.best[metric]) if metric in one.best else NONE for metric in metrics]
            rows.append([category, f"best settings, {seeds} seed{'' if seeds == 1 else 's'}", *best])
        for baseline, values in one.baselines.items():
            rows.append([category, baseline, *(number(values.get(metric)) for metric in metrics)])
    return Table("Test", ["category", "model", *metrics], rows)


def settings_table(found: Mapping[str, Found]) -> Table:
    """Return each category's best settings ([semikin2019] Table 3)."""
    keys = list(dict.fromkeys(key for one in found.values() for key in one.result.best.settings))
    objectives = list(dict.fromkeys(one.result.config.objective for one in found.values()))
    columns = [
        "category",
        "trials",
        f"valid {objectives[0] if len(objectives) == 1 else 'objective'}",
        *short_labels(keys).values(),
    ]
    rows = [
        [category, str(len(one.result.log.trials)), f"{_value(one):.4f}", *(_shown(one, key) for key in keys)]
        for category, one in found.items()
    ]
    return Table("Best settings", columns, rows)


def _value(one: Found) -> float:
    best = one.result.best.best(one.result.config.objective, one.result.config.sign)
    return best[1] if best else math.nan


def _shown(one: Found, key: str) -> str:
    settings = one.result.best.settings
    return shown_setting(key, settings[key]) if key in settings else NONE
