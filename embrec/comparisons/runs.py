"""`compare_runs`: finished runs and baselines side by side on the same targets, with intervals and paired tests."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.comparisons.measurements import CONFIDENCE, Measurements, measure, plain_measurements
from embrec.comparisons.results import Baselines, Breakdown, Comparison, Row, Subject, TrainedRun, statistics
from embrec.comparisons.seeds import duplicate_notes, same_but_for_seed
from embrec.comparisons.tables import Table, difference_table, main_tables, markdown_table, slice_tables
from embrec.data.splits import split_text
from embrec.errors import ConfigError
from embrec.evaluation.candidates import Sampled
from embrec.evaluation.cautions import cautions, shown_metrics
from embrec.evaluation.evaluator import Evaluation, EvaluationConfig, protocol_for
from embrec.evaluation.few_candidates import telling
from embrec.evaluation.lists import list_metrics
from embrec.evaluation.slices import target_slices
from embrec.evaluation.verdict import verdict_lines, verdicts
from embrec.names import there_are, unknown
from embrec.progress import Progress, silent
from embrec.runs.baselines import usable_baselines
from embrec.runs.belonging import Ground, common_ground
from embrec.runs.evaluate import evaluate_runs, learning_notes, present_features
from embrec.runs.folder import RunFolder, Runs, runs_of

DIMENSIONS = ("partition", "history", "popularity", "tied", "features")

SUBJECT = Subject(
    name="runs",
    interval="users",
    title="{category}, {split_text}, {protocol}: {label}, {targets:,} test targets",
    rows_key="models",
    costs=(),
)


class RunsComparison(Comparison):
    """Finished runs, those that differ in the seed alone as one model, and baselines; each of them is a row.

    Its properties are the names that callers of `compare_runs` know from before comparisons of all kinds were one class.
    """

    @property
    def models(self) -> dict[str, tuple[str, ...]]:
        """Name of a model -> names of its runs, one per seed; empty for a baseline."""
        return {row.name: tuple(run.name for run in row.runs) for row in self.rows}

    @property
    def metrics(self) -> dict[str, Measurements]:
        """Name of a model -> slice -> metric -> value."""
        return {row.name: row.metrics for row in self.rows}

    @property
    def config(self) -> EvaluationConfig:
        """How the test targets are ranked."""
        return self.protocol

    @property
    def shown(self) -> tuple[str, ...]:
        """Metrics of the tables, without those that cannot tell models apart."""
        return self.metric_names

    @property
    def by_slice(self) -> dict[str, Mapping[str, Measurements]]:
        """Dimension -> name of a model -> slice -> metric -> value."""
        return {dimension: one.metrics for dimension, one in self.breakdowns.items()}

    @property
    def slice_sizes(self) -> dict[str, Mapping[str, int]]:
        """Dimension -> slice -> number of test targets."""
        return {dimension: one.targets for dimension, one in self.breakdowns.items()}

    @property
    def lists(self) -> dict[str, Mapping[str, float]]:
        """Name of a model -> figures of its recommended lists, mean over seeds; empty where no lists were requested."""
        return {row.name: row.lists for row in self.rows if row.lists}

    @property
    def verdict(self) -> tuple[str, ...]:
        """The models against the best baseline, in a line or two."""
        return self.baselines.lines

    @property
    def warnings(self) -> tuple[str, ...]:
        """Cautions about figures that are too good, or too poor, by construction."""
        return self.baselines.warnings

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the single targets as plain values for JSON."""
        return {
            "category": self.category,
            "split": split_text(self.split),
            "protocol": self.protocol.model_dump(mode="json"),
            "reference": self.reference,
            "statistics": statistics("the models"),
            "targets": dict(self.targets),
            "verdict": list(self.verdict),
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "models": {
                row.name: {
                    "runs": [run.name for run in row.runs],
                    "metrics": plain_measurements(row.metrics),
                    "slices": {
                        dimension: plain_measurements(one.metrics[row.name])
                        for dimension, one in self.breakdowns.items()
                    },
                    "lists": dict(row.lists),
                }
                for row in self.rows
            },
        }


def compare_runs(
    runs: Runs,
    baselines: Sequence[str] | None = None,
    config: EvaluationConfig | None = None,
    *,
    reference: str | None = None,
    dimensions: Sequence[str] = (),
    k: int | None = None,
    other_log: bool = False,
    progress: Progress = silent,
) -> RunsComparison:
    """Rank the test targets by each run and baseline, and compare them target by target.

    Args:
        runs: finished ones of one category and split, or their names.
        baselines: their names; None for all that can be computed, see `usable_baselines`.
        config: the protocol; that of the first run if None.
        reference: name of the model, of one of its runs or of the baseline that the others are compared with; the first
            model if None.
        dimensions: further slices that are measured, of `DIMENSIONS`; `features` is one for each source that the runs read.
        k: length of the lists that are described; no lists if None.
        other_log: allow runs that were trained on another log than their category holds now; see `common_ground`.
        progress: callback, called at every batch.

    Raises:
        ConfigError: a dimension or the reference is unknown; lists are asked for of sampled candidates, or slices by feature of
            runs that read none.
        RunError: the runs differ in category or split, one is not finished, or does not belong to its category's data.
    """
    wrong = [name for name in dimensions if name not in DIMENSIONS]
    if wrong:
        raise ConfigError(unknown("slices", wrong[0], DIMENSIONS))
    runs = runs_of(runs)
    first = runs[0].config()
    ground = common_ground(runs, other_log=other_log)
    protocol = protocol_for(config or first.evaluation, len(ground.dataset.catalog))
    if k is not None and isinstance(protocol.candidates, Sampled):
        raise ConfigError("lists are of the whole catalog, not of sampled candidates; ask for lists or for a sample")
    baselines, left_out = usable_baselines(runs, baselines, ground.prepared)
    groups = same_but_for_seed(runs, ground.made_of, baselines)
    chosen = _reference(reference, groups, [*dict.fromkeys(baselines), *groups])
    present = present_features(runs, ground.dataset, ground.partition) if dimensions else {}
    if "features" in dimensions and not present:
        raise ConfigError("slices by feature need runs that read feature tables which are still there; these read none")
    found = evaluate_runs(runs, baselines, protocol, progress, keep=k or 0, ground=ground)
    evaluations: dict[str, list[Evaluation]] = {name: [found[name]] for name in dict.fromkeys(baselines)}
    evaluations |= {name: [found[run.name] for run in group] for name, group in groups.items()}
    shown = shown_metrics(protocol.metrics, evaluations[chosen][0])
    slices = _slices(dimensions, evaluations[chosen][0], ground, present)
    sizes = {label: int(members.sum()) for label, members in evaluations[chosen][0].slices().items()}
    return RunsComparison(
        subject=SUBJECT,
        category=runs[0].category.name,
        columns=("model", "seeds"),
        metric_names=shown,
        targets={label: size for label, size in sizes.items() if size},
        rows=_rows(evaluations, groups, chosen, protocol.metrics, _lists(evaluations, ground, k)),
        split=first.split,
        protocol=protocol,
        notes=(
            *duplicate_notes(groups, ground.made_of),
            *learning_notes(runs, ground.dataset, ground.partition),
            *(f"{note[0].lower()}{note[1:].rstrip('.')}" for note in left_out),
        ),
        baselines=Baselines(
            lines=tuple(verdict_lines(verdicts(evaluations, baselines, (first.training.select_by, *shown)))),
            warnings=(*ground.notes, *cautions(evaluations, protocol.metrics)),
        ),
        breakdowns={
            dimension: Breakdown(
                {label: int(members.sum()) for label, members in of.items()},
                measure(evaluations, protocol.metrics, chosen, of),
            )
            for dimension, of in slices.items()
        },
        void=_void([evaluations[chosen][0].slices(), *slices.values()], evaluations[chosen][0], shown),
        evaluations=evaluations,
    )


def _rows(
    evaluations: Mapping[str, Sequence[Evaluation]],
    groups: Mapping[str, Sequence[RunFolder]],
    reference: str,
    metrics: Sequence[str],
    lists: Mapping[str, Mapping[str, float]],
) -> tuple[Row, ...]:
    """Return a row for each model and baseline."""
    measured = measure(evaluations, metrics, reference)
    return tuple(
        Row(
            name=name,
            labels={"model": name, "seeds": str(len(groups[name])) if name in groups else ""},
            runs=tuple(TrainedRun.of(run) for run in groups.get(name, ())),
            metrics=measured[name],
            reference=reference,
            lists=lists.get(name, {}),
        )
        for name in evaluations
    )


def _slices(
    dimensions: Sequence[str], evaluation: Evaluation, ground: Ground, present: Mapping[str, NDArray[np.bool_]]
) -> dict[str, Mapping[str, NDArray[np.bool_]]]:
    """Return the targets of each slice of each requested dimension, dimension -> slice -> [T]."""
    if not dimensions:
        return {}
    found = target_slices(ground.dataset.interactions, ground.partition, evaluation, present)
    named = [name for name in dimensions if name != "features"]
    return {name: found[name] for name in ([*named, *present] if "features" in dimensions else named)}


def _lists(
    evaluations: Mapping[str, Sequence[Evaluation]], ground: Ground, k: int | None
) -> dict[str, dict[str, float]]:
    """Return figures of the lists of each model, mean over seeds; nothing where no lists are requested."""
    if k is None:
        return {}
    lists = {}
    for name, seeds in evaluations.items():
        each = [list_metrics(one, ground.dataset.interactions, ground.partition, k) for one in seeds]
        lists[name] = {key: sum(one[key] for one in each) / len(each) for key in each[0]}
    return lists


def _void(
    dimensions: Sequence[Mapping[str, NDArray[np.bool_]]], evaluation: Evaluation, names: Sequence[str]
) -> frozenset[tuple[str, str]]:
    """Return (slice, metric) where so few candidates are left that every model has the same value."""
    candidates = evaluation.standing.candidates
    return frozenset(
        (label, name)
        for slices in dimensions
        for label, members in slices.items()
        for name in names
        if name not in telling(names, candidates[members])
    )


def _reference(asked: str | None, groups: Mapping[str, Sequence[RunFolder]], models: Sequence[str]) -> str:
    if asked is None:
        return next(iter(groups))
    if asked in models:
        return asked
    for name, group in groups.items():
        if asked in {run.name for run in group}:
            return name
    raise ConfigError(f"reference {asked!r} is not among the models{there_are(asked, models)}")


def runs_tables(comparison: RunsComparison, *, differences: bool = False) -> list[Table]:
    """Return the tables of a comparison: each slice of the targets, then each dimension, then the lists.

    Args:
        comparison: a comparison of runs.
        differences: add a table of differences from the reference behind each slice.
    """
    tables = main_tables(comparison)
    if not differences or not comparison.has_tests:
        return tables
    slices = slice_tables(comparison)
    both = [
        table
        for label, one in zip(comparison.targets, slices, strict=True)
        for table in (one, difference_table(comparison, label))
    ]
    return [*both, *tables[len(slices) :]]


def runs_legend(comparison: RunsComparison) -> str:
    """Return an explanation of the cells, and the notes."""
    text = f"[ ] {CONFIDENCE:.0%} bootstrap interval over users"
    if any(len(row.runs) > 1 for row in comparison.rows):
        text += " of the mean over seeds"
    if comparison.has_tests:
        text += (
            f"; ▲ better, ▼ worse than {comparison.reference} on the same targets: the paired interval of the difference "
            "leaves out 0, and Wilcoxon's p over users, after Holm, is below 0.05"
        )
    shown = {*comparison.targets, *(label for one in comparison.breakdowns.values() for label in one.targets)}
    if any(label in shown for label, _ in comparison.void):
        text += "; - so few candidates are left that every model has the same value"
    return "; ".join([text, *comparison.notes])


def runs_markdown(comparison: RunsComparison, command: str = "") -> str:
    """Return the whole comparison as Markdown.

    Args:
        comparison: a comparison of runs.
        command: recorded as having made it.
    """
    several = {name: runs for name, runs in comparison.models.items() if len(runs) > 1}
    parts = [
        f"# Runs on {comparison.category}",
        *(f"{line}." for line in comparison.verdict),
        *(f"Warning: {line}." for line in comparison.warnings),
        f"{runs_legend(comparison)}.",
        *map(markdown_table, runs_tables(comparison, differences=True)),
        *(f"{name} is the mean of {', '.join(runs)}." for name, runs in several.items()),
    ]
    if command:
        parts.append(f"Made by `{command}`")
    return "\n\n".join(parts) + "\n"
