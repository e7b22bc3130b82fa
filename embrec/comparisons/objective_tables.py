"""The tables of a comparison of losses or negatives: the same rows for the terminal and for `table.md`."""

from collections.abc import Callable

from embrec.comparisons.objective_results import ObjectiveComparison, Row, over_seeds
from embrec.comparisons.results import CONFIDENCE, Measured
from embrec.comparisons.tables import MARKS, Table, difference, estimate, markdown_table, pairs

_BESIDE_THE_PAPER = {
    "losses": "The paper's Fig. 12 is of validation targets, after a fixed number of steps with each loss; here the best epoch "
    "is chosen by validation, and test targets are ranked once.",
    "negatives": "The paper's Fig. 13 is of validation targets, and of the published code: its negatives were drawn once, "
    "before the first epoch, without the next items of the whole batch, and items without training events were never drawn.",
}


def objective_table(comparison: ObjectiveComparison) -> Table:
    """Return what a terminal shows: one row a loss, or number of negatives, on all targets."""
    return Table(
        f"{_title(comparison, 'all')}; mean{f' [{CONFIDENCE:.0%} interval over seeds]' if _several(comparison) else ''}",
        [*_names(comparison), *comparison.metric_names, "learning rate", "best epoch", "epochs", "training s"],
        [
            *([*_name(comparison, row), *(_mean(row.metrics["all"][name]) + _mark(row.metrics["all"][name])
                                          for name in comparison.metric_names), *_training(row)]
              for row in comparison.rows),
            *([*row, "-", "-", "-", "-"] for row in _baselines(comparison, "all", lambda one: _mean(one) + _mark(one))),
        ],
    )  # fmt: skip


def objective_legend(comparison: ObjectiveComparison) -> str:
    """Say what stands in the cells."""
    count = len(comparison.seeds)
    text = "one seed" if count == 1 else f"mean of {count} seeds [{CONFIDENCE:.0%} interval over seeds, Student's t]"
    references = list(dict.fromkeys(row.reference for row in comparison.rows))
    if len(references) < len(comparison.rows):
        beside = references[0] if len(references) == 1 else "the most negatives of the same loss and protocol"
        text += (
            f"; ▲ better, ▼ worse than {beside} on the same targets: the paired interval of the difference over users "
            "leaves out 0, and Wilcoxon's p after Holm is below 0.05"
        )
    return text


def objective_markdown(comparison: ObjectiveComparison) -> str:
    """Return the whole report as Markdown."""
    data, terms = comparison.description["data"], comparison.description["terms"]
    evaluation = comparison.rows[0].config.evaluation
    tables = [objective_table(comparison)]
    tables += _slices(comparison, f"{CONFIDENCE:.0%} bootstrap interval over users", estimate, "")
    if len({row.reference for row in comparison.rows}) < len(comparison.rows):
        tables += _slices(comparison, "difference from the reference", difference, "reference")
    parts = [
        f"# {comparison.subject.capitalize()} on {comparison.category}: {comparison.name}",
        f"{data['users']:,} users, {data['catalog']:,} items ({data['training items']:,} of them with training events), "
        f"{data['events']:,} events. Split: {pairs(terms['split'])}. Every test target is "
        f"{evaluation.words()}. Item vectors: "
        f"{', '.join(comparison.features) or 'none'}. Preset: {terms['preset']}. Epochs: {terms['epochs']}, the best by "
        f"validation {comparison.rows[0].config.training.select_by}. {_protocol(comparison)}",
        *([] if comparison.baselines is None else (f"{line}." for line in comparison.baselines.said())),
        f"{objective_legend(comparison)}.",
        *map(markdown_table, tables),
        *(f"Not compared: {name}: {reason}" for name, reason in comparison.failures.items()),
        *(f"Note: {note}." for note in comparison.notes),
        _BESIDE_THE_PAPER[comparison.subject],
    ]
    if comparison.description["command"]:
        parts.append(f"Made by `{comparison.description['command']}`")
    return "\n\n".join(parts) + "\n"


def _protocol(comparison: ObjectiveComparison) -> str:
    drawn = next(
        (row.config.training.negatives for row in comparison.rows if row.config.training.negatives.sampled), None
    )
    text = "Negatives leave out the items of the user's own history"
    if drawn is not None:
        text += f"; a sample is drawn anew at each step, by popularity to the power of {drawn.alpha:g}, and shared by the batch"
    if comparison.both_protocols:
        text += (
            ". Published: as in the published code they leave out the next items of the whole batch, and batches and draws "
            "are the same in every epoch"
        )
    return f"{text}."


def _title(comparison: ObjectiveComparison, label: str) -> str:
    evaluation, split = comparison.rows[0].config.evaluation, comparison.rows[0].config.split
    where = "all" if label == "all" else label
    return (
        f"{comparison.category}, {split.kind}, {where}: {comparison.targets[label]:,} test targets {evaluation.words()}"
    )


def _slices(comparison: ObjectiveComparison, what: str, cell: Callable[[Measured], str], extra: str) -> list[Table]:
    return [
        Table(
            f"{what}: {_title(comparison, label)}",
            [*_names(comparison), *comparison.metric_names, *([extra] if extra else [])],
            [
                *([*_name(comparison, row), *(cell(row.metrics[label][name]) for name in comparison.metric_names),
                   *([row.reference] if extra else [])]
                  for row in comparison.rows),
                *([*row, *([comparison.rows[0].reference] if extra else [])] for row in _baselines(comparison, label, cell)),
            ],
        )
        for label in comparison.targets
    ]  # fmt: skip


def _baselines(comparison: ObjectiveComparison, label: str, cell: Callable[[Measured], str]) -> list[list[str]]:
    """Return the rows of the baselines, which have no negatives."""
    if comparison.baselines is None:
        return []
    nothing = ["-"] * (len(_names(comparison)) - 1)
    return [
        [name, *nothing, *(cell(metrics[label][metric]) for metric in comparison.metric_names)]
        for name, metrics in comparison.baselines.metrics.items()
    ]


def _names(comparison: ObjectiveComparison) -> list[str]:
    return ["loss", "negatives", *(["protocol"] if comparison.both_protocols else [])]


def _name(comparison: ObjectiveComparison, row: Row) -> list[str]:
    return [row.footing.loss, row.negatives, *([row.protocol] if comparison.both_protocols else [])]


def _mean(value: Measured) -> str:
    ends = over_seeds(value)
    return f"{value.estimate.mean:.4f}" + ("" if ends is None else f" [{ends[0]:.4f}, {ends[1]:.4f}]")


def _mark(value: Measured) -> str:
    test = value.estimate.test
    return "" if test is None else MARKS[test.verdict()]


def _training(row: Row) -> list[str]:
    runs = row.runs
    return [
        f"{row.config.training.learning_rate:g}",
        f"{sum(run.best_epoch for run in runs) / len(runs):.1f}",
        f"{sum(run.epochs for run in runs) / len(runs):.1f}",
        f"{sum(run.seconds for run in runs) / len(runs):,.1f}",
    ]


def _several(comparison: ObjectiveComparison) -> bool:
    return len(comparison.seeds) > 1
