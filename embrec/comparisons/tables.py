"""Tables of a comparison: the same rows for the terminal and for `table.md`."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from embrec.comparisons.measurements import CONFIDENCE, Measured, Measurements
from embrec.comparisons.results import Comparison, Row
from embrec.data.splits import split_text
from embrec.evaluation.statistics import MeanInterval

MARKS = {"better": " ▲", "worse": " ▼", "undecided": ""}
NONE = "-"


class Table(NamedTuple):
    """A title, the names of the columns, and rows of text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def main_tables(comparison: Comparison) -> list[Table]:
    """Return the tables for the terminal: metrics, costs, and fusions with one source zeroed."""
    if comparison.subject.interval == "seeds":
        return [seeds_table(comparison)]
    return [*slice_tables(comparison), *_beside_slices(comparison)]


def report_tables(comparison: Comparison) -> list[Table]:
    """Return the tables of `table.md`: those of the terminal, differences from the reference, and the range of the seeds."""
    if comparison.subject.interval == "seeds":
        over_users = f"{CONFIDENCE:.0%} bootstrap interval over users"
        tables = [seeds_table(comparison), *slice_tables(comparison, over_users, estimate)]
        if comparison.has_tests:
            tables += slice_tables(comparison, "difference from the reference", difference, with_reference=True)
        return tables
    tables = slice_tables(comparison)
    if comparison.has_tests:
        tables += slice_tables(comparison, f"difference from {shown(comparison.reference)}", difference)
    if len(comparison.seeds) > 1:
        tables += slice_tables(comparison, "lowest and highest seed", _range, with_baselines=False)
    return [*tables, *_beside_slices(comparison)]


def _beside_slices(comparison: Comparison) -> list[Table]:
    """Return all tables but those of all, warm and cold targets."""
    costs = [costs_table(comparison)] if comparison.subject.costs else []
    return [*_breakdowns(comparison), *costs, *_ablations(comparison), *_lists(comparison)]


def legend(comparison: Comparison) -> str:
    """Return an explanation of the cells of metrics."""
    count = len(comparison.seeds)
    seeds = "one seed" if count == 1 else f"mean of {count} seeds"
    if comparison.subject.interval == "seeds":
        text = seeds if count == 1 else f"{seeds} [{CONFIDENCE:.0%} interval over seeds, Student's t]"
        interval = "the paired interval of the difference over users"
    else:
        text = f"[ ] {CONFIDENCE:.0%} bootstrap interval over users, {seeds}"
        interval = "the paired interval of the difference"
    if not comparison.has_tests:
        return text
    one = len(comparison.references) == 1
    reference = shown(comparison.reference) if one else "the most negatives of the same loss and protocol"
    return (
        f"{text}; ▲ better, ▼ worse than {reference} on the same targets: {interval} leaves out 0, and Wilcoxon's p after "
        "Holm is below 0.05"
    )


def markdown(comparison: Comparison) -> str:
    """Return the whole report as Markdown."""
    data, subject = comparison.description["data"], comparison.subject
    parts = [
        f"# {subject.name.capitalize()} on {comparison.category}: {comparison.name}",
        f"{data['users']:,} users, {data['catalog']:,} items ({data['training items']:,} of them with training events), "
        f"{data['events']:,} events. Split: {pairs(comparison.split.model_dump(mode='json'))}. Every test target is "
        f"{comparison.protocol.words()}. {comparison.training}",
        *(f"{line}." for line in comparison.baselines.sentences()),
        f"{legend(comparison)}.",
        *map(markdown_table, report_tables(comparison)),
        *(
            ["Encoding: of distinct contents, with the time that fitting took."]
            if "encoding s" in subject.costs
            else []
        ),
        *_silhouette_note(comparison),
        *(f"Not compared: {shown(name)}: {reason}" for name, reason in comparison.failures.items()),
        *(f"Note: {note}." for note in comparison.notes),
        *([subject.remark] if subject.remark else []),
    ]
    if comparison.description["command"]:
        parts.append(f"Made by `{comparison.description['command']}`")
    return "\n\n".join(parts) + "\n"


def shown(name: str) -> str:
    """Return a name as people read it: a space after commas."""
    return name.replace(",", ", ").replace(",  ", ", ")


def slice_title(comparison: Comparison, label: str) -> str:
    """Return the title of a slice of the targets, with its size."""
    return comparison.subject.title.format(
        category=comparison.category,
        split=comparison.split.kind,
        split_text=split_text(comparison.split),
        label=comparison.subject.label_of_all if label == "all" else label,
        targets=comparison.targets[label],
        protocol=comparison.protocol.words(),
    )


def slice_tables(
    comparison: Comparison,
    what: str = "",
    cell: Callable[[Measured], str] | None = None,
    *,
    with_reference: bool = False,
    with_baselines: bool = True,
) -> list[Table]:
    """Return a table of all metrics for each slice of the targets, the baselines in the last rows.

    Args:
        comparison: the rows.
        what: first part of the titles.
        cell: text of a metric; mean and interval if None, or `-` where every model has the same value.
        with_reference: add a column with the row that each one is compared with.
        with_baselines: add the rows of the baselines.
    """
    extra = ["reference"] if with_reference else []

    def cells(metrics: Measurements, label: str) -> list[str]:
        return [
            _estimate(comparison, label, name, metrics) if cell is None else cell(metrics[label][name])
            for name in comparison.metric_names
        ]

    return [
        Table(
            f"{what}: {slice_title(comparison, label)}" if what else slice_title(comparison, label),
            [*comparison.columns, *comparison.metric_names, *extra],
            [
                *(
                    [*labels(comparison, row), *cells(row.metrics, label), *([row.reference] if extra else [])]
                    for row in comparison.rows
                ),
                *(
                    [
                        *_baseline_labels(comparison, name),
                        *cells(metrics, label),
                        *([comparison.reference] if extra else []),
                    ]
                    for name, metrics in comparison.baselines.metrics.items()
                    if with_baselines
                ),
            ],
        )
        for label in comparison.targets
    ]


def difference_table(comparison: Comparison, label: str) -> Table:
    """Return the differences of all other rows from the reference on a slice of the targets."""
    names = comparison.metric_names
    rows = [
        [row.name, *(difference(row.metrics[label][name]) for name in names)]
        for row in comparison.rows
        if row.name != comparison.reference
    ]
    return Table(f"difference from {comparison.reference}: {label}", [comparison.columns[0], *names], rows)


def seeds_table(comparison: Comparison) -> Table:
    """Return the table of all targets with intervals over seeds, and what the training took."""
    several = len(comparison.seeds) > 1
    costs = comparison.subject.costs

    def cells(metrics: Measurements) -> list[str]:
        return [_mean(metrics["all"][name]) for name in comparison.metric_names]

    return Table(
        f"{slice_title(comparison, 'all')}; mean{f' [{CONFIDENCE:.0%} interval over seeds]' if several else ''}",
        [*comparison.columns, *comparison.metric_names, *costs],
        [
            *(
                [*labels(comparison, row), *cells(row.metrics), *(_COSTS[cost](row) for cost in costs)]
                for row in comparison.rows
            ),
            *(
                [*_baseline_labels(comparison, name), *cells(metrics), *([NONE] * len(costs))]
                for name, metrics in comparison.baselines.metrics.items()
            ),
        ],
    )


def costs_table(comparison: Comparison) -> Table:
    """Return the table of what encoding and training take."""
    costs = comparison.subject.costs
    rows = [[*labels(comparison, row), *(_COSTS[cost](row) for cost in costs)] for row in comparison.rows]
    return Table("cost (means over seeds)", [*comparison.columns, *costs], rows)


def labels(comparison: Comparison, row: Row) -> list[str]:
    """Return the cells that tell a row apart."""
    values = [row.labels[column] for column in comparison.columns]
    return [f"{int(value):,}" if value.isdecimal() else shown(value) for value in values]


def estimate(value: Measured) -> str:
    """Return the text of a mean, its interval over users, and the verdict of the test."""
    one = value.estimate
    return f"{one.mean:.4f} [{one.low:.4f}, {one.high:.4f}]{_mark(value)}"


def difference(value: Measured) -> str:
    """Return the text of the difference from the reference, its paired interval and its p-value."""
    test = value.estimate.test
    if test is None:
        return NONE
    return f"{test.difference:+.4f} [{test.low:+.4f}, {test.high:+.4f}], p {p_value(test.adjusted)}"


def mean_over_seeds(value: MeanInterval) -> str:
    """Return the text of a mean over seeds and half its interval, which a single seed does not have.

    >>> mean_over_seeds(MeanInterval(0.12, 0.03)), mean_over_seeds(MeanInterval(0.12, float("nan")))
    ('0.1200 ± 0.0300', '0.1200')
    """
    return f"{value.mean:.4f}" if math.isnan(value.half_width) else f"{value.mean:.4f} ± {value.half_width:.4f}"


def number(value: float | None, form: str = ".4f") -> str:
    """Return the text of a number in a format, `-` for none."""
    return NONE if value is None else format(value, form)


def p_value(value: float) -> str:
    """Return the text of a p-value after `p`.

    >>> p_value(0.03), p_value(0.00001)
    ('= 0.0300', '< 0.0001')
    """
    return "< 0.0001" if value < 0.0001 else f"= {value:.4f}"


def pairs(values: Mapping[str, Any]) -> str:
    """Return the text of a choice and its parameters.

    >>> pairs({"kind": "item-holdout", "fraction": 0.1})
    'item-holdout, fraction 0.1'
    """
    kind, *rest = values.items()
    return ", ".join([str(kind[1]), *(f"{name} {value}" for name, value in rest)])


def markdown_table(table: Table) -> str:
    """Return a table as Markdown, its title as a heading."""
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([f"## {table.title}", "", *lines])


def _baseline_labels(comparison: Comparison, name: str) -> list[str]:
    return [name, *[NONE] * (len(comparison.columns) - 1)]


def _breakdowns(comparison: Comparison) -> list[Table]:
    """Return for each dimension and metric the means by slice, one column for each row of the comparison."""
    return [
        Table(
            f"{name} by {dimension}",
            [dimension, "targets", *(row.name for row in comparison.rows)],
            [
                [
                    label,
                    f"{size:,}",
                    *(_estimate(comparison, label, name, one.metrics[row.name]) for row in comparison.rows),
                ]
                for label, size in one.targets.items()
            ],
        )
        for dimension, one in comparison.breakdowns.items()
        for name in comparison.metric_names
    ]


def _lists(comparison: Comparison) -> list[Table]:
    """Return the figures of the recommended lists, where they are known."""
    keys = list(comparison.rows[0].lists)
    rows = [[row.name, *(f"{row.lists[key]:.4f}" for key in keys)] for row in comparison.rows]
    return [Table("the recommended lists", [comparison.columns[0], *keys], rows)] if keys else []


def _estimate(comparison: Comparison, label: str, name: str, metrics: Measurements) -> str:
    """Return the text of a mean and its interval; `-` where every model has the same value."""
    return NONE if (label, name) in comparison.void else estimate(metrics[label][name])


def _ablations(comparison: Comparison) -> list[Table]:
    """Return for each fusion what the trained model loses when the vectors of a source are zero at test."""
    return [
        Table(
            f"{shown(row.name)} with the vectors of one source set to zero (difference from the whole)",
            ["silent", "targets on", *comparison.metric_names],
            [
                [table, label, *(_change(values[name]) for name in comparison.metric_names)]
                for table, slices in row.without.items()
                for label, values in slices.items()
            ],
        )
        for row in comparison.rows
        if row.without
    ]


def _mean(value: Measured) -> str:
    """Return the text of a mean, its interval over seeds, and the verdict of the test."""
    ends = value.over_seeds()
    interval = "" if ends is None else f" [{ends[0]:.4f}, {ends[1]:.4f}]"
    return f"{value.estimate.mean:.4f}{interval}{_mark(value)}"


def _change(value: Measured) -> str:
    test = value.estimate.test
    change = "" if test is None else f" ({test.difference:+.4f}{_mark(value)})"
    return f"{value.estimate.mean:.4f}{change}"


def _range(value: Measured) -> str:
    return f"{min(value.seeds):.4f} to {max(value.seeds):.4f}"


def _mark(value: Measured) -> str:
    test = value.estimate.test
    return "" if test is None else MARKS[test.verdict()]


def _mean_of(values: Sequence[float]) -> float:
    return sum(values) / len(values)


# Columns of costs, by their titles; means are over seeds.
_COSTS: Mapping[str, Callable[[Row], str]] = {
    "dims": lambda row: f"{row.dim:,}",
    "non-zero": lambda row: number(row.density, ".1%"),
    "encoding s": lambda row: number(row.encoding_seconds, ",.1f"),
    "items/s": lambda row: number(row.items_per_second, ",.0f"),
    "silhouette": lambda row: number(row.silhouette, "+.3f"),
    "parameters": lambda row: f"{row.runs[0].parameters:,}",
    "learning rate": lambda row: NONE if row.config is None else f"{row.config.training.learning_rate:g}",
    "best epoch": lambda row: f"{_mean_of([run.best_epoch for run in row.runs]):.1f}",
    "epochs": lambda row: f"{_mean_of([run.epochs for run in row.runs]):.1f}",
    "training s": lambda row: f"{_mean_of([run.seconds for run in row.runs]):,.1f}",
}


def _silhouette_note(comparison: Comparison) -> list[str]:
    clusters = comparison.clusters
    if clusters is None:
        return []
    paths = "whole paths" if clusters.level is None else f"paths of at most {clusters.level} names"
    return [
        f"Silhouette: mean over {clusters.items:,} items in {clusters.clusters:,} categories (column `{clusters.column}`, "
        f"{paths}, rare ones joined to what they are part of), distance 1 - cosine between the vectors as the encoder gives "
        "them; for a fusion, of its sources at unit length side by side."
        + (" The column is among the texts that encoders read unless told otherwise." if clusters.is_text else "")
    ]
