"""`embrec compare runs`: finished runs side by side on the same targets, with intervals and tests.

Runs of the same data whose configurations differ in nothing but the seed are one model, trained several times.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.comparisons.provenance import settings_of
from embrec.comparisons.results import CONFIDENCE, RESAMPLES, Measurements, measure, plain_measurements
from embrec.comparisons.tables import Table, difference, estimate, markdown_table
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
from embrec.runs.belonging import common_ground
from embrec.runs.evaluate import evaluate_runs, learning_notes, present_features
from embrec.runs.folder import RunFolder, Runs, runs_of
from embrec.runs.provenance import MadeOf

DIMENSIONS = ("partition", "history", "popularity", "tied", "features")


@dataclass(frozen=True)
class RunsComparison:
    """Models side by side.

    Attributes:
        category: the data set.
        split: as a text.
        config: the protocol.
        reference: the model that the others are compared with.
        models: name -> names of its runs, one a seed; empty for a baseline.
        evaluations: name -> one evaluation a seed.
        metrics: name -> slice -> metric -> value.
        by_slice: dimension -> name -> slice -> metric -> value.
        slice_sizes: dimension -> slice -> targets.
        lists: name -> what its lists are like, the mean over seeds; empty if nobody asked.
        notes: what is to be said of models that learned from more than the others.
        shown: the metrics that tables show: without those that cannot tell models apart.
        verdict: what training brought over the best baseline, in a line or two.
        warnings: what must be said of figures that are too good, or too poor, by construction.
        void: (slice, metric) where so few candidates are left that any model has the same value.
    """

    category: str
    split: str
    config: EvaluationConfig
    reference: str
    models: Mapping[str, tuple[str, ...]]
    evaluations: Mapping[str, Sequence[Evaluation]]
    metrics: Mapping[str, Measurements]
    by_slice: Mapping[str, Mapping[str, Measurements]]
    slice_sizes: Mapping[str, Mapping[str, int]]
    lists: Mapping[str, Mapping[str, float]]
    notes: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    verdict: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    void: frozenset[tuple[str, str]] = frozenset()

    @property
    def targets(self) -> dict[str, int]:
        """Test targets in each slice that has any."""
        sizes = {label: int(members.sum()) for label, members in self.evaluations[self.reference][0].slices().items()}
        return {label: size for label, size in sizes.items() if size}

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the single targets as plain values for JSON."""
        return {
            "category": self.category,
            "split": self.split,
            "protocol": self.config.model_dump(mode="json"),
            "reference": self.reference,
            "statistics": {
                "intervals": f"{CONFIDENCE:.0%} percentile bootstrap over users of the mean over seeds",
                "resamples": RESAMPLES,
                "tests": "paired, over users: bootstrap of the difference; Wilcoxon signed-rank, Holm over the models",
            },
            "targets": self.targets,
            "verdict": list(self.verdict),
            "warnings": list(self.warnings),
            "notes": list(self.notes),
            "models": {
                name: {
                    "runs": list(runs),
                    "metrics": plain_measurements(self.metrics[name]),
                    "slices": {
                        dimension: plain_measurements(values[name]) for dimension, values in self.by_slice.items()
                    },
                    "lists": dict(self.lists.get(name, {})),
                }
                for name, runs in self.models.items()
            },
        }


def same_but_for_seed(
    runs: Sequence[RunFolder], made_of: Mapping[Path, MadeOf | None] | None = None, taken: Collection[str] = ()
) -> dict[str, list[RunFolder]]:
    """Return runs by model: those that differ in the seed alone are one, named by what their names share.

    They have the same settings, and were trained on the same data: log, catalog, split, and contents of the feature tables. A
    run that is given twice counts once, and two of the same seed are two models, for the second is no further seed. Where what
    the names share is the name of another model or run, they are all named in full. The order is that in which models come
    first.

    Args:
        runs: with their configurations.
        made_of: path of a run -> what it was made of, as `common_ground` tells it; what the folders say if None.
        taken: names that no model can have.
    """
    alike: dict[str, list[dict[int, RunFolder]]] = {}  # each group by seed
    for run in {run.path.resolve(): run for run in runs}.values():
        config = run.config()
        data = run.read_made_of() if made_of is None else made_of[run.path]
        tables = [] if data is None else [data.tables.get(stem) for stem in config.model.features]
        key = repr((settings_of(config), config.model.features, None if data is None else data.data, tables))
        groups, seed = alike.setdefault(key, []), config.training.seed
        free = [group for group in groups if seed not in group]
        near = [group for group in free if _stem(run.name) in {_stem(one.name) for one in group.values()}]
        for group in (near or free)[:1]:
            group[seed] = run
        if not free:
            groups.append({seed: run})
    order = [run.path for run in runs]
    models = [list(one.values()) for groups in alike.values() for one in groups]
    models.sort(key=lambda model: order.index(model[0].path))
    shared = [_shared_name([run.name for run in model]) for model in models]
    named: dict[str, list[RunFolder]] = {}
    for place, model in enumerate(models):
        others = {
            name
            for other, its_runs in enumerate(models)
            if other != place
            for name in (shared[other], *(run.name for run in its_runs))
        }
        in_full = not shared[place] or shared[place] in {*others, *taken}
        named[" and ".join(run.name for run in model) if in_full else shared[place]] = model
    return named


def _stem(name: str) -> str:
    """Return a name without the mark of a seed: `first-s0` is `first`."""
    return re.sub(r"[-_.]s?\d+$", "", name)


def _twins(groups: Mapping[str, Sequence[RunFolder]], made_of: Mapping[Path, MadeOf | None]) -> list[str]:
    """Say which models are the same training as another one, done twice."""
    seen: dict[str, str] = {}
    notes = []
    for group in groups.values():
        for run in group:
            config, data = run.config(), made_of[run.path]
            key = repr((settings_of(config), config.model.features, config.training.seed, data))
            if key in seen:
                notes.append(
                    f"{run.name} is {seen[key]} trained again with the same seed, so it is a model of its own, no further seed"
                )
            seen.setdefault(key, run.name)
    return notes


def _shared_name(names: Sequence[str]) -> str:
    """Return what names begin with alike, without the mark of a seed: `first-s0` and `first-s1` are `first`."""
    if len(names) == 1:
        return names[0]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return re.sub(r"[-_.]s?$", "", "".join(letters[0] for letters in alike).rstrip("0123456789"))


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
        dimensions: of slices that are measured too, of `DIMENSIONS`; `features` is one for each source that the runs read.
        k: length of the lists that are described; no lists if None.
        other_log: allow runs that were trained on another log than their category holds now; see `common_ground`.
        progress: told of every batch.

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
    dataset, partition = ground.dataset, ground.partition
    protocol = protocol_for(config or first.evaluation, len(dataset.catalog))
    if k is not None and isinstance(protocol.candidates, Sampled):
        raise ConfigError("lists are of the whole catalog, not of sampled candidates; ask for lists or for a sample")
    baselines, left_out = usable_baselines(runs, baselines, ground.prepared)
    groups = same_but_for_seed(runs, ground.made_of, baselines)
    chosen = _reference(reference, groups, [*dict.fromkeys(baselines), *groups])
    present = present_features(runs, dataset, partition) if dimensions else {}
    if "features" in dimensions and not present:
        raise ConfigError("slices by feature need runs that read feature tables which are still there; these read none")
    found = evaluate_runs(runs, baselines, protocol, progress, keep=k or 0, ground=ground)
    evaluations: dict[str, list[Evaluation]] = {name: [found[name]] for name in dict.fromkeys(baselines)}
    evaluations |= {name: [found[run.name] for run in group] for name, group in groups.items()}
    names = protocol.metrics
    shown = shown_metrics(names, evaluations[chosen][0])
    slices = {}
    if dimensions:
        slices = target_slices(dataset.interactions, partition, evaluations[chosen][0], present)
        asked = [name for name in dimensions if name != "features"]
        dimensions = [*asked, *present] if "features" in dimensions else asked
    lists: dict[str, dict[str, float]] = {}
    if k is not None:
        for name, seeds in evaluations.items():
            each = [list_metrics(one, dataset.interactions, partition, k) for one in seeds]
            lists[name] = {key: sum(one[key] for one in each) / len(each) for key in each[0]}
    return RunsComparison(
        category=runs[0].category.name,
        split=split_text(first.split),
        config=protocol,
        reference=chosen,
        models={name: tuple(run.name for run in groups.get(name, [])) for name in evaluations},
        evaluations=evaluations,
        metrics=measure(evaluations, names, chosen),
        by_slice={dimension: measure(evaluations, names, chosen, slices[dimension]) for dimension in dimensions},
        slice_sizes={
            dimension: {label: int(members.sum()) for label, members in slices[dimension].items()}
            for dimension in dimensions
        },
        lists=lists,
        notes=(
            *_twins(groups, ground.made_of),
            *learning_notes(runs, dataset, partition),
            *(f"{note[0].lower()}{note[1:].rstrip('.')}" for note in left_out),
        ),
        shown=shown,
        verdict=tuple(verdict_lines(verdicts(evaluations, baselines, (first.training.select_by, *shown)))),
        warnings=(*ground.notes, *cautions(evaluations, names)),
        void=_void(
            [evaluations[chosen][0].slices(), *(slices[one] for one in dimensions)], evaluations[chosen][0], shown
        ),
    )


def _void(
    dimensions: Sequence[Mapping[str, NDArray[np.bool_]]], evaluation: Evaluation, names: Sequence[str]
) -> frozenset[tuple[str, str]]:
    """Return which metrics say nothing in which slices."""
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
    """Return the tables of a comparison: each slice of the targets, then each dimension, then the lists."""
    title = f"{comparison.category}, {comparison.split}, {comparison.config.words()}"
    names = comparison.shown or comparison.config.metrics
    tables = []
    for label, size in comparison.targets.items():
        tables.append(
            Table(
                f"{title}: {'all' if label == 'all' else label}, {size:,} test targets",
                ["model", "seeds", *names],
                [
                    [
                        model,
                        str(len(runs)) if runs else "",
                        *(_cell(comparison, label, name, comparison.metrics[model]) for name in names),
                    ]
                    for model, runs in comparison.models.items()
                ],
            )
        )
        if differences and len(comparison.models) > 1:
            tables.append(
                Table(
                    f"difference from {comparison.reference}: {'all' if label == 'all' else label}",
                    ["model", *names],
                    [
                        [model, *(difference(comparison.metrics[model][label][name]) for name in names)]
                        for model in comparison.models
                        if model != comparison.reference
                    ],
                )
            )
    for dimension, measured in comparison.by_slice.items():
        for name in names:
            tables.append(
                Table(
                    f"{name} by {dimension}",
                    [dimension, "targets", *comparison.models],
                    [
                        [
                            label,
                            f"{size:,}",
                            *(_cell(comparison, label, name, measured[one]) for one in comparison.models),
                        ]
                        for label, size in comparison.slice_sizes[dimension].items()
                    ],
                )
            )
    if comparison.lists:
        keys = list(next(iter(comparison.lists.values())))
        tables.append(
            Table(
                "what the recommended lists are like",
                ["model", *keys],
                [[model, *(f"{values[key]:.4f}" for key in keys)] for model, values in comparison.lists.items()],
            )
        )
    return tables


def _cell(comparison: RunsComparison, label: str, name: str, measured: Measurements) -> str:
    """Show a metric of a slice; `-` where it would be the same for every model."""
    return "-" if (label, name) in comparison.void else estimate(measured[label][name])


def runs_legend(comparison: RunsComparison) -> str:
    """Say what stands in the cells."""
    text = f"[ ] {CONFIDENCE:.0%} bootstrap interval over users"
    if any(len(runs) > 1 for runs in comparison.models.values()):
        text += " of the mean over seeds"
    if len(comparison.models) > 1:
        text += (
            f"; ▲ better, ▼ worse than {comparison.reference} on the same targets: the paired interval of the difference "
            "leaves out 0, and Wilcoxon's p over users, after Holm, is below 0.05"
        )
    shown = {label for slices in (comparison.targets, *comparison.slice_sizes.values()) for label in slices}
    if any(label in shown for label, _ in comparison.void):
        text += "; - so few candidates are left that every model has the same value"
    return "; ".join([text, *comparison.notes])


def runs_markdown(comparison: RunsComparison, command: str = "") -> str:
    """Return the whole comparison as Markdown."""
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
