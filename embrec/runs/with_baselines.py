"""Evaluation of models together with the baselines, on the same targets, for tables of results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from embrec.evaluation.cautions import cautions, shown_metrics
from embrec.evaluation.evaluator import Evaluation, EvaluationConfig
from embrec.evaluation.verdict import verdict_lines, verdicts
from embrec.progress import Progress, silent
from embrec.runs.baselines import usable_baselines
from embrec.runs.belonging import common_ground
from embrec.runs.evaluate import evaluate_runs
from embrec.runs.folder import RunFolder


@dataclass(frozen=True)
class ModelsAndBaselines:
    """Evaluations of models and baselines on the same targets.

    Attributes:
        evaluations: name -> one evaluation for each seed; models first, then baselines.
        baselines: names of the baselines among them.
        metrics: metrics to show, without those that cannot tell models apart.
        lines: comparison with the best baseline, by the metric that selected the epoch first.
        warnings: cautions about metrics that are too good or too poor by construction.
        notes: baselines that are left out, with the reasons.
    """

    evaluations: Mapping[str, Sequence[Evaluation]]
    baselines: tuple[str, ...]
    metrics: tuple[str, ...]
    lines: tuple[str, ...]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


def evaluate_with_baselines(
    models: Mapping[str, Sequence[RunFolder]],
    asked: Sequence[str] | None = None,
    config: EvaluationConfig | None = None,
    *,
    other_log: bool = False,
    progress: Progress = silent,
) -> ModelsAndBaselines:
    """Rank the test targets by models and by baselines; earlier evaluations are read from disk.

    Args:
        models: name -> its finished runs, one for each seed, all of one category and split.
        asked: names of baselines; None for all that can be computed, see `usable_baselines`.
        config: evaluation protocol; that of the first run if None.
        other_log: True to allow runs that were trained on another log; see `common_ground`.
        progress: function called after every batch.

    Raises:
        ConfigError: a baseline is unknown, or has no features to read.
        RunError: a run is not finished, or the runs do not belong together or to the data of their category.
    """
    runs = [run for group in models.values() for run in group]
    ground = common_ground(runs, other_log=other_log)
    baselines, notes = usable_baselines(runs, asked, ground.prepared)
    first = runs[0].config()
    found = evaluate_runs(runs, baselines, config, progress, ground=ground)
    evaluations = {name: [found[run.name] for run in group] for name, group in models.items()}
    evaluations |= {name: [found[name]] for name in baselines}
    names = (config or first.evaluation).metrics
    shown = shown_metrics(names, found[runs[0].name])
    return ModelsAndBaselines(
        evaluations,
        tuple(baselines),
        shown,
        tuple(verdict_lines(verdicts(evaluations, baselines, (first.training.select_by, *shown)))),
        (*ground.notes, *cautions(evaluations, names)),
        tuple(notes),
    )
