"""The verdict on a training: the best model beside the best baseline, compared target by target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from embrec.evaluation.evaluator import Evaluation
from embrec.evaluation.few_candidates import telling
from embrec.evaluation.metrics import cutoff, lower_is_better, parse_metric
from embrec.evaluation.statistics import PairedTest, bootstrap_means, estimate, over_seeds
from embrec.models.baselines.registry import BASELINES


@dataclass(frozen=True)
class Verdict:
    """The best model beside the best baseline by one metric.

    Attributes:
        metric: its name.
        model: the model with the best mean.
        value: that mean, over targets and seeds.
        baseline: the baseline with the best mean.
        of_baseline: that mean.
        test: of the model against the baseline, over users.
        no_better: the other models that are not better than that baseline.
        untried: the baselines that nobody has ranked: the best of the others need not be the best there is.
    """

    metric: str
    model: str
    value: float
    baseline: str
    of_baseline: float
    test: PairedTest
    no_better: tuple[str, ...] = ()
    untried: tuple[str, ...] = ()

    @property
    def outcome(self) -> Literal["better", "worse", "undecided"]:
        """Whether the model is better than the baseline."""
        return self.test.verdict()

    def words(self) -> str:
        """Say it in a line; the best baseline comes first where training does not beat it."""
        shown = self.metric.upper()
        if self.outcome == "better":
            with_times = self.of_baseline > 0 and parse_metric(self.metric)[0].is_ratio
            times = f", {self.value / self.of_baseline:.2f} times as much" if with_times else ""
            line = (
                f"{self.model} is better than the best baseline{' here' if self.untried else ''}, {self.baseline}: "
                f"{shown} {self.value:.4f} against {self.of_baseline:.4f}{times}"
            )
            if self.untried:
                line += f"; not held against {', '.join(self.untried)}"
        elif self.outcome == "worse":
            line = (
                f"{self._named()}, is better: {shown} {self.of_baseline:.4f} against {self.value:.4f} of {self.model}"
            )
        else:
            line = (
                f"{self._named()}, is not beaten: {shown} {self.of_baseline:.4f} against {self.value:.4f} of {self.model}, "
                "which these targets do not tell apart"
            )
        if self.no_better:
            line += f"; not better than it: {', '.join(self.no_better)}"
        return line

    def _named(self) -> str:
        return f"{self.baseline}, {BASELINES[self.baseline.partition(' ')[0]].knows}"


def verdicts(
    evaluations: Mapping[str, Sequence[Evaluation]], baselines: Sequence[str], metrics: Sequence[str]
) -> list[Verdict]:
    """Compare models with the best baseline by each metric; nothing where there is no model or no baseline.

    Metrics that say nothing of these targets are left out, and so are those that look further down than there are candidates.

    Args:
        evaluations: model or baseline -> one evaluation a seed, all of the same targets.
        baselines: which of them are baselines.
        metrics: the one that matters most first.
    """
    models = [name for name in evaluations if name not in baselines]
    compared = [name for name in baselines if name in evaluations]
    if not models or not compared:
        return []
    kinds = {name.partition(" ")[0] for name in compared}
    untried = tuple(name for name in BASELINES if name not in kinds)
    first = evaluations[models[0]][0]
    most = int(first.standing.candidates.max(initial=0))
    within = tuple(name for name in dict.fromkeys(metrics) if (cutoff(name) or 0) <= most)
    names = telling(within, first.standing.candidates)
    if not names:
        return []
    best, columns = {}, []
    for name in names:
        values = {one: over_seeds([seed.values(name) for seed in evaluations[one]]) for one in (*models, *compared)}
        sign = -1 if lower_is_better(name) else 1
        best[name] = max(compared, key=lambda one: sign * values[one].mean())
        columns += [values[one] for one in (best[name], *models)]
    stacked = np.stack(columns, axis=1)  # [T, names x (1 + models)]
    means = bootstrap_means(stacked, first.user)  # one drawing for all
    found = []
    for place, name in enumerate(names):
        width = 1 + len(models)
        part = slice(place * width, (place + 1) * width)
        of_baseline, *of_models = estimate(
            stacked[:, part], means[:, part], users=first.user, lower_is_better=lower_is_better(name)
        )
        sign = -1 if lower_is_better(name) else 1
        order = sorted(range(len(models)), key=lambda row: -sign * of_models[row].mean)
        test = of_models[order[0]].test
        assert test is not None
        others = [models[row] for row in sorted(order[1:]) if not _is_better(of_models[row].test)]
        best_model = models[order[0]], of_models[order[0]].mean
        no_better = tuple(others) if _is_better(test) else ()
        found.append(Verdict(name, *best_model, best[name], of_baseline.mean, test, no_better, untried))
    return found


def _is_better(test: PairedTest | None) -> bool:
    return test is not None and test.verdict() == "better"


def verdict_lines(found: Sequence[Verdict]) -> list[str]:
    """Say what the first metric decides, and by which others a baseline is better, in a line each at most."""
    if not found:
        return []
    lines = [found[0].words()]
    worse = [
        f"{one.metric.upper()} ({one.baseline} {one.of_baseline:.4f} against {one.value:.4f} of {one.model})"
        for one in found[1:]
        if one.outcome == "worse"
    ]
    if worse:
        also = "also " if found[0].outcome == "worse" else ""
        lines.append(f"a baseline is {also}better by {', '.join(worse)}")
    return lines
