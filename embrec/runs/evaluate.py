"""Evaluating finished runs and baselines on one split, under one protocol."""

import contextlib
from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from embrec.data.interactions import Interactions
from embrec.data.splits import Partition
from embrec.data.store import Dataset, catalog_size
from embrec.errors import ConfigError, FeatureError
from embrec.evaluation.evaluator import Evaluation, EvaluationConfig, evaluate, protocol_for
from embrec.features.encoder import name_in_stem
from embrec.features.finding import find_table
from embrec.models.interface import SequenceModel
from embrec.progress import Progress, silent
from embrec.runs.assembly import learned_partition
from embrec.runs.baselines import check_baseline, evaluate_baselines
from embrec.runs.belonging import Ground, common_ground
from embrec.runs.cache import cached_evaluation
from embrec.runs.config import RunConfig
from embrec.runs.extras import log_of
from embrec.runs.folder import RunFolder, Runs, runs_of
from embrec.runs.model import load_model
from embrec.runs.provenance import targets_hash
from embrec.validation import validated


def evaluate_runs(
    runs: Runs,
    baselines: Sequence[str] = (),
    config: EvaluationConfig | None = None,
    progress: Progress = silent,
    *,
    keep: int = 0,
    ground: Ground | None = None,
) -> dict[str, Evaluation]:
    """Rank the test targets of one category and split by several runs and baselines.

    What was computed before, under the same protocol, is read from the folder of the run, or for baselines of the category.

    Args:
        runs: finished runs of one category with one split, or their names.
        baselines: names from `BASELINES`; content-knn reads the feature tables of the first run that has any.
        config: the protocol; that of the first run if None.
        progress: callback, called at every batch.
        keep: number of best items to keep for each target.
        ground: what `common_ground` returned of these runs; found here if None, and then runs of another log are refused.

    Returns:
        Name of the run or baseline -> its evaluation, in the order of the arguments, baselines first.

    Raises:
        ConfigError: a baseline is unknown or a run has its name, or content-knn has no features to read.
        RunError: the runs differ in category or split, or do not belong to the data of their category; see `common_ground`.
    """
    runs = runs_of(runs)
    for name in baselines:
        check_baseline(name)
    configs = {run.name: run.config() for run in runs}
    first = configs[runs[0].name]
    for run in runs:
        if run.name in baselines:
            raise ConfigError(
                f"run {run.path} has the name of a baseline that is evaluated too; rename the run's folder"
            )
    ground = ground or common_ground(runs)
    dataset, partition = ground.dataset, ground.partition
    chosen = protocol_for(config or first.evaluation, len(dataset.catalog))

    def ranked(model: SequenceModel, log: Interactions, run: RunFolder, config: RunConfig) -> Evaluation:
        return evaluate(
            model,
            log,
            partition,
            partition.test,
            chosen,
            max_length=config.model.max_length,
            keep=keep,
            progress=progress,
            task=run.name,
            learned=learned_partition(config, log, partition),
        )

    features = next((config.model.features for config in configs.values() if config.model.features), ())
    evaluations = evaluate_baselines(
        runs[0].category, first.split, ground.prepared, baselines, features, chosen, keep=keep, progress=progress
    )
    for run in runs:
        log = log_of(run, dataset.interactions)
        compute = partial(ranked, load_model(run).model, log, run, configs[run.name])
        evaluations[run.name] = cached_evaluation(run, chosen, keep, compute, log=targets_hash(log, partition))
    return evaluations


def present_features(runs: Sequence[RunFolder], dataset: Dataset, partition: Partition) -> dict[str, NDArray[np.bool_]]:
    """Return which items have something in each source that runs read, source -> [n]; tables that are gone are left out."""
    present = {}
    for name in dict.fromkeys(name for run in runs for name in run.config().model.features):
        with contextlib.suppress(FeatureError):
            table = find_table(runs[0].category, name, dataset.catalog, partition.train_items)
            present[name_in_stem(name)] = np.asarray(table.present, dtype=bool)
    return present


def learning_notes(runs: Sequence[RunFolder], dataset: Dataset, partition: Partition) -> list[str]:
    """Return notes for the results of runs that learned from the validation events too; none for other runs.

    All models are measured by the same partition, that of their split: slices and baselines know its training events alone.

    Args:
        runs: runs of one category and split.
        dataset: its data.
        partition: how the split divides them.
    """
    final = list(dict.fromkeys(run.name for run in runs if not run.config().training.validates))
    if not final:
        return []
    added = partition.with_validation(dataset.interactions).train_items & ~partition.train_items
    met = int(added[dataset.interactions.item[partition.test.events(dataset.interactions)]].sum())
    return [
        f"{', '.join(final)} learned from the validation events too; slices and baselines go by the training events of the "
        f"split, and {met:,} of the test targets that are called cold are of items met in validation"
    ]


def protocol(
    run: RunFolder,
    *,
    metrics: Sequence[str] | None = None,
    seen: str | None = None,
    ties: str | None = None,
    candidates: str | None = None,
) -> EvaluationConfig:
    """Return the protocol of a run with some of its parts replaced, as it fits the run's category.

    Args:
        run: as it was trained.
        metrics: their names.
        seen: see `EvaluationConfig`.
        ties: see `EvaluationConfig`.
        candidates: as a text such as `sampled:count=99`.

    Raises:
        ConfigError: a metric or policy is unknown, or does not fit the catalog.
    """
    changes = {"metrics": metrics, "seen": seen, "ties": ties, "candidates": candidates}
    values = run.config().evaluation.model_dump() | {
        name: value for name, value in changes.items() if value is not None
    }
    changed = validated(EvaluationConfig, values, subject=str)
    return protocol_for(changed, catalog_size(run.category))
