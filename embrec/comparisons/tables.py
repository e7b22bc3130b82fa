"""The tables of a comparison: the same rows for the terminal and for `table.md`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from embrec.comparisons.results import CONFIDENCE, Comparison, EncoderResult, Measured
from embrec.evaluation.evaluator import EvaluationConfig

MARKS = {"better": " ▲", "worse": " ▼", "undecided": ""}
_NONE = "-"


class Table(NamedTuple):
    """A title, the names of the columns, and rows of text."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def shown(encoder: str) -> str:
    """Return an encoder's name as people read it: a space after the commas of a fusion."""
    return encoder.replace(",", ", ")


def slice_title(comparison: Comparison, label: str) -> str:
    """Name a slice of the targets and its size."""
    return f"{'all items' if label == 'all' else label}, {comparison.targets[label]:,} targets"


def main_tables(comparison: Comparison) -> list[Table]:
    """Return what a terminal shows: the metrics on all, warm and cold items, what an encoder costs, what a fusion relies on."""
    return [*_slices(comparison, "", estimate), _costs(comparison), *_knockouts(comparison)]


def legend(comparison: Comparison) -> str:
    """Say what stands in the cells of the tables of metrics."""
    count = len(comparison.seeds)
    text = f"[ ] {CONFIDENCE:.0%} bootstrap interval over users, " + (
        "one seed" if count == 1 else f"mean of {count} seeds"
    )
    if len(comparison.encoders) > 1:
        text += (
            f"; ▲ better, ▼ worse than {shown(comparison.reference)} on the same targets: the paired interval of the "
            "difference leaves out 0, and Wilcoxon's p after Holm is below 0.05"
        )
    return text


def markdown(comparison: Comparison) -> str:
    """Return the whole report as Markdown."""
    config, data = comparison.description["config"], comparison.description["data"]
    tables = _slices(comparison, "", estimate)
    if len(comparison.encoders) > 1:
        tables += _slices(comparison, f"difference from {shown(comparison.reference)}", difference)
    if len(comparison.seeds) > 1:
        tables += _slices(comparison, "lowest and highest seed", _range)
    tables += [_costs(comparison), *_knockouts(comparison)]
    parts = [
        f"# Encoders on {comparison.category}: {comparison.name}",
        f"{data['users']:,} users, {data['catalog']:,} items ({data['training items']:,} of them with training events), "
        f"{data['events']:,} events. Split: {pairs(config['split'])}. Every test target is "
        f"{EvaluationConfig.model_validate(config['evaluation']).words()}. "
        f"Epochs: {config['training']['epochs']} at most, the best by validation {config['training']['select_by']}. "
        "Warm items have training events, cold items have none.",
        *([] if comparison.baselines is None else (f"{line}." for line in comparison.baselines.said())),
        f"{legend(comparison)}.",
        *map(markdown_table, tables),
        "Encoding: of distinct contents, with the time that fitting took.",
        *_silhouette_note(comparison),
        *(f"Not compared: {shown(name)}: {reason}" for name, reason in comparison.failures.items()),
        "The encoders are those of the tables in `results.json`. The paper's Fig. 11 has others (ELMo, word2vec of "
        "Wiki-words-250, AlexNet), on other data and on validation targets.",
    ]
    if comparison.description["command"]:
        parts.append(f"Made by `{comparison.description['command']}`")
    return "\n\n".join(parts) + "\n"


def _slices(comparison: Comparison, what: str, cell: Callable[[Measured], str]) -> list[Table]:
    """Return a table of all metrics for each slice of the targets, the baselines in the last rows; they have no seeds."""
    baselines = {} if comparison.baselines is None or cell is _range else comparison.baselines.metrics
    return [
        Table(
            f"{what}: {slice_title(comparison, label)}" if what else slice_title(comparison, label),
            ["encoder", *comparison.metric_names],
            [
                *(
                    [shown(result.encoder), *(cell(result.metrics[label][name]) for name in comparison.metric_names)]
                    for result in comparison.encoders
                ),
                *(
                    [baseline, *(cell(metrics[label][name]) for name in comparison.metric_names)]
                    for baseline, metrics in baselines.items()
                ),
            ],
        )
        for label in comparison.targets
    ]


def estimate(value: Measured) -> str:
    """Show a mean, its interval over users, and what the test says."""
    one = value.estimate
    mark = "" if one.test is None else MARKS[one.test.verdict()]
    return f"{one.mean:.4f} [{one.low:.4f}, {one.high:.4f}]{mark}"


def difference(value: Measured) -> str:
    """Show the difference from the reference, its paired interval and its p-value."""
    test = value.estimate.test
    if test is None:
        return _NONE
    return f"{test.difference:+.4f} [{test.low:+.4f}, {test.high:+.4f}], p {_p_value(test.adjusted)}"


def _range(value: Measured) -> str:
    return f"{min(value.seeds):.4f} to {max(value.seeds):.4f}"


def _p_value(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"= {value:.4f}"


def _costs(comparison: Comparison) -> Table:
    """What an encoder takes, and how its raw vectors lie."""
    columns = [
        "encoder",
        "dims",
        "non-zero",
        "encoding s",
        "items/s",
        "silhouette",
        "parameters",
        "epochs",
        "training s",
    ]
    return Table("what it takes (means over seeds)", columns, [_cost(result) for result in comparison.encoders])


def _cost(result: EncoderResult) -> list[str]:
    runs = result.runs
    return [
        shown(result.encoder),
        f"{result.dim:,}",
        f"{result.density:.1%}",
        _number(result.encoding_seconds, ",.1f"),
        _number(result.items_per_second, ",.0f"),
        _number(result.silhouette, "+.3f"),
        f"{runs[0].parameters:,}",
        f"{sum(run.epochs for run in runs) / len(runs):.1f}",
        f"{sum(run.seconds for run in runs) / len(runs):,.1f}",
    ]


def _knockouts(comparison: Comparison) -> list[Table]:
    """For each fusion, what the trained model loses when a source's vectors are zero at test."""
    return [
        Table(
            f"{shown(result.encoder)} when a source falls silent (difference from the whole)",
            ["silent", "targets on", *comparison.metric_names],
            [
                [table, label, *(_loss(values[name]) for name in comparison.metric_names)]
                for table, slices in result.without.items()
                for label, values in slices.items()
            ],
        )
        for result in comparison.encoders
        if result.without
    ]


def _loss(value: Measured) -> str:
    test = value.estimate.test
    return f"{value.estimate.mean:.4f}" + ("" if test is None else f" ({test.difference:+.4f}{MARKS[test.verdict()]})")


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


def _number(value: float | None, form: str) -> str:
    return _NONE if value is None else format(value, form)


def pairs(values: Mapping[str, Any]) -> str:
    """Show a choice and its parameters."""
    kind, *rest = values.items()
    return ", ".join([str(kind[1]), *(f"{name} {value}" for name, value in rest)])


def markdown_table(table: Table) -> str:
    """Return a table as Markdown, its title as a heading."""
    rows = [table.columns, ["---"] * len(table.columns), *table.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([f"## {table.title}", "", *lines])
