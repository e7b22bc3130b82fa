"""Evaluating finished runs and baselines on one split, under one protocol."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from pydantic import ValidationError

from embrec.data.batches import Batch
from embrec.data.splits import Partition
from embrec.data.store import Dataset, load_dataset
from embrec.errors import ConfigError, RunError
from embrec.evaluation.evaluator import Evaluation, EvaluationConfig, Ranker, evaluate
from embrec.evaluation.metrics import metric
from embrec.models.baselines.base import Baseline
from embrec.models.baselines.content_knn import ContentKNN
from embrec.models.baselines.popularity import PopRec
from embrec.progress import Progress, silent
from embrec.training.config import RunConfig
from embrec.training.run import RunFolder, TrainedModel, load_model
from embrec.training.sources import find_tables, vectors

BASELINES = ("pop", "content-knn")


class TrainedRanker:
    """A trained model as the evaluator sees it, with the item vectors of its run."""

    def __init__(self, trained: TrainedModel) -> None:
        self.trained = trained

    def item_matrix(self) -> torch.Tensor:
        """Return the run's item vectors, [n + 1, d]."""
        return self.trained.item_matrix

    def score(
        self, batch: Batch, candidates: torch.Tensor | None = None, item_matrix: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Score as `Recommender.score` does."""
        matrix = self.trained.item_matrix if item_matrix is None else item_matrix
        return self.trained.model.score(batch, candidates, matrix)

    def eval(self) -> "TrainedRanker":
        """Turn off dropout."""
        self.trained.model.eval()
        return self


def evaluate_runs(
    runs: Sequence[RunFolder],
    baselines: Sequence[str] = (),
    config: EvaluationConfig | None = None,
    progress: Progress = silent,
) -> dict[str, Evaluation]:
    """Rank the test targets of one category and split by several runs and baselines.

    Args:
        runs: finished runs of one category with one split.
        baselines: names from `BASELINES`; content-knn reads the feature tables of the first run that has any.
        config: the protocol; that of the first run if None.
        progress: told of every batch.

    Returns:
        Name of the run or baseline -> its evaluation, in the order asked for, baselines first.

    Raises:
        ConfigError: a baseline is unknown, or content-knn has no features to read.
        RunError: the runs differ in category or split.
    """
    configs = {run.name: run.config() for run in runs}
    first = configs[runs[0].name]
    for run in runs:
        if run.category.path != runs[0].category.path:
            raise RunError(f"runs {runs[0].path} and {run.path} belong to different categories; evaluate them apart")
        if configs[run.name].split != first.split:
            raise RunError(f"runs {runs[0].name} and {run.name} were trained on different splits; evaluate them apart")
    dataset = load_dataset(runs[0].category)
    partition = first.split(dataset.interactions, len(dataset.catalog))
    rankers: dict[str, Ranker] = {
        name: _baseline(name, runs, configs, dataset, partition) for name in dict.fromkeys(baselines)
    }
    for run in runs:
        trained = load_model(run)
        if trained.catalog.fingerprint != dataset.catalog.fingerprint:
            raise RunError(f"run {run.path} was trained on another catalog than its category holds now; train again")
        rankers[run.name] = TrainedRanker(trained)
    return {
        name: evaluate(
            ranker,
            dataset.interactions,
            partition,
            partition.test,
            config or first.evaluation,
            max_length=configs[name].model.max_length if name in configs else first.model.max_length,
            progress=progress,
            task=name,
        )
        for name, ranker in rankers.items()
    }


def protocol(
    config: EvaluationConfig,
    *,
    metrics: Sequence[str] | None = None,
    seen: str | None = None,
    ties: str | None = None,
) -> EvaluationConfig:
    """Return a protocol with some of its parts replaced.

    Raises:
        ConfigError: a metric or policy is unknown.
    """
    changes = {"metrics": metrics, "seen": seen, "ties": ties}
    values = config.model_dump() | {name: value for name, value in changes.items() if value is not None}
    try:
        changed = EvaluationConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{first['loc'][0]} is {first['input']!r}: {first['msg']}") from None
    for name in changed.metrics:
        metric(name, np.ones(1), np.ones(1))
    return changed


def _baseline(
    name: str, runs: Sequence[RunFolder], configs: Mapping[str, RunConfig], dataset: Dataset, partition: Partition
) -> Baseline:
    baseline: Baseline
    if name == "pop":
        baseline = PopRec()
    elif name == "content-knn":
        features = next((config.model.features for config in configs.values() if config.model.features), ())
        if not features:
            raise ConfigError("content-knn compares content, and none of these runs reads any; add a run that does")
        tables = find_tables(runs[0].category, features, dataset.catalog, partition.train_items)
        baseline = ContentKNN({table.path.stem: vectors(table) for table in tables})
    else:
        raise ConfigError(f"unknown baseline {name!r}; there are: {', '.join(BASELINES)}")
    baseline.fit(dataset.interactions, partition)
    return baseline
