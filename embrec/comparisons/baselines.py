"""Baselines beside a comparison of encoders, losses or negatives: what all of its models must beat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from embrec.comparisons.results import Measurements, measure, plain_measurements
from embrec.data.splits import Partition
from embrec.data.store import Dataset
from embrec.errors import EmbrecError
from embrec.evaluation.cautions import cautions, shown_metrics
from embrec.evaluation.evaluator import Evaluation
from embrec.evaluation.verdict import verdict_lines, verdicts
from embrec.progress import Progress
from embrec.runs.baselines import evaluate_baselines
from embrec.runs.config import RunConfig
from embrec.workspace import Category


@dataclass(frozen=True)
class Baselines:
    """What came of the baselines.

    Attributes:
        metrics: baseline -> its metrics, tested against the comparison's reference, apart from its other rows.
        lines: what training brought over the best baseline, in a line or two.
        warnings: what must be said of figures that are too good, or too poor, by construction.
        notes: which baselines are missing, and why.
    """

    metrics: Mapping[str, Measurements] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain values for JSON."""
        return {
            "baselines": {name: plain_measurements(values) for name, values in self.metrics.items()},
            "verdict": list(self.lines),
            "warnings": list(self.warnings),
        }

    def said(self) -> list[str]:
        """Return the lines that stand below a table."""
        warnings = [f"warning: {one}" for one in self.warnings]
        return [*self.lines, *warnings, *(f"note: {one}" for one in self.notes)]


def beside_comparison(
    category: Category,
    dataset: Dataset,
    partition: Partition,
    config: RunConfig,
    sources: Mapping[str, Sequence[str]],
    evaluations: Mapping[str, Sequence[Evaluation]],
    metrics: Sequence[str],
    reference: str,
    progress: Progress,
) -> Baselines:
    """Rank the test targets by the baselines, and hold the models of a comparison against them.

    What hinders a baseline is noted, and is no reason to lose what was trained.

    Args:
        category: of the comparison.
        dataset: its data.
        partition: how they are divided.
        config: of any side: split, evaluation and the metric that chooses epochs are those of all.
        sources: side -> the feature tables that it reads, by their full names: content-knn reads each set of them.
        evaluations: side -> one evaluation a seed.
        metrics: what is measured.
        reference: the side that the others are compared with.
        progress: told of every batch.
    """
    found: dict[str, Evaluation] = {}
    notes: list[str] = []
    distinct = {tuple(tables): side for side, tables in reversed(list(sources.items())) if tables}
    wanted: list[tuple[str, str, tuple[str, ...]]] = [("pop", "pop", ()), ("markov", "markov", ())]
    for tables, side in reversed(list(distinct.items())):
        name = "content-knn" if len(distinct) == 1 else f"content-knn ({side.replace(',', ', ')})"
        wanted.append((name, "content-knn", tables))
    for name, kind, tables in wanted:
        try:
            (found[name],) = evaluate_baselines(
                category, dataset, partition, config.split, [kind], tables, config.evaluation, progress=progress
            ).values()
        except EmbrecError as error:
            notes.append(f"the baseline {name} is left out: {error}")
    seeds = {name: [one] for name, one in found.items()}
    shown = shown_metrics(metrics, evaluations[reference][0])
    measured = measure({reference: evaluations[reference], **seeds}, shown, reference)
    every = {**evaluations, **seeds}
    against = verdicts(every, list(found), (config.training.select_by, *shown))
    return Baselines(
        {name: measured[name] for name in found},
        tuple(verdict_lines(against)),
        tuple(cautions(every, metrics)),
        tuple(notes),
    )
