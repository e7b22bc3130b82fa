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
    """The comparison of the best model with the best baseline by one metric.

    Attributes:
        metric: name of the metric.
        model: model with the best mean.
        value: mean of this model over targets and seeds.
        baseline: baseline with the best mean.
        of_baseline: mean of this baseline.
        test: paired test of the model against the baseline, over users.
        no_better: other models that are not better than this baseline.
        untried: baselines that were not evaluated, one of which may be better than this one.
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
        """The verdict of the paired test on the model."""
        return self.test.verdict()

    def words(self) -> str:
        """Return the comparison as one line, which begins with the baseline if the model is not better."""
        shown = self.metric.upper()
        if self.outcome == "better":
            with_times = self.of_baseline > 0 and parse_metric(self.metric)[0].is_ratio
            times = f", {self.value / self.of_baseline:.2f} times as much" if with_times else ""
            line = (
                f"{self.model} is better than the best baseline{' here' if self.untried else ''}, {self.baseline}: "
                f"{shown} {self.value:.4f} against {self.of_baseline:.4f}{times}"
            )
            if self.untried:
                line += f"; not compared with {', '.join(self.untried)}"
        elif self.outcome == "worse":
            line = (
                f"{self._named()}, is better: {shown} {self.of_baseline:.4f} against {self.value:.4f} of {self.model}"
            )
        else:
            line = (
                f"{self._named()}, is not beaten: {shown} {self.of_baseline:.4f} against {self.value:.4f} of {self.model}, "
                "a difference that may be chance"
            )
        if self.no_better:
            line += f"; not better than it: {', '.join(self.no_better)}"
        return line

    def _named(self) -> str:
        return f"{self.baseline}, {BASELINES[self.baseline.partition(' ')[0]].knows}"


def verdicts(
    evaluations: Mapping[str, Sequence[Evaluation]], baselines: Sequence[str], metrics: Sequence[str]
) -> list[Verdict]:
    """Compare models with the best baseline by each metric; the result is empty without a model or a baseline.

    Metrics that cannot tell models apart on these targets are left out, and so are those whose K exceeds all candidates.

    Args:
        evaluations: model or baseline -> one evaluation for each seed, all of the same targets.
        baselines: names of the baselines among them.
        metrics: names of the metrics, the most important first.
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
    means = bootstrap_means(stacked, first.user)  # the same resamples for all metrics
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
    """Return the verdict of the first metric as a line, and a second line about metrics by which a baseline is better."""
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
