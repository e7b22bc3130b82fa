"""Baselines beside every model: fitted and ranked once for each data set, split and protocol."""

import json
from collections.abc import Sequence
from functools import partial

from embrec.data.prepared import PreparedSplit, open_split
from embrec.data.splits import SplitConfig
from embrec.errors import ConfigError, FeatureError
from embrec.evaluation.evaluator import Evaluation, EvaluationConfig, evaluate
from embrec.features.finding import find_tables
from embrec.features.table import FeatureTable
from embrec.models.baselines.registry import BASELINES
from embrec.names import unknown
from embrec.progress import Progress, silent
from embrec.runs.cache import cached_evaluation_in
from embrec.runs.folder import RunFolder
from embrec.runs.inputs import vectors
from embrec.runs.provenance import targets_hash
from embrec.workspace import Category


def usable_baselines(
    runs: Sequence[RunFolder], asked: Sequence[str] | None = None, prepared: PreparedSplit | None = None
) -> tuple[list[str], list[str]]:
    """Return the baselines to compare runs with, and for each that is left out the reason in a sentence.

    Args:
        runs: runs of one category and split.
        asked: names from `BASELINES`, or `none` alone for no baseline; None for all that can be computed: one that reads
            content needs feature tables that some run reads and that still exist.
        prepared: the data of the runs; read here if None.

    Raises:
        ConfigError: a baseline is unknown, or `none` stands beside others.
    """
    if asked is not None:
        names = list(dict.fromkeys(asked))
        if "none" in names and len(names) > 1:
            raise ConfigError("baseline none means no baselines; leave out none, or the others")
        names = [] if names == ["none"] else names
        for name in names:
            check_baseline(name)
        return names, []
    taken = {run.name for run in runs} & set(BASELINES)
    notes = [f"The baseline {name} is left out: a run has its name." for name in BASELINES if name in taken]
    names = [name for name in BASELINES.usable() if name not in taken]
    reading = [name for name in names if BASELINES[name].reads_content]
    if reading and (reason := _why_no_content(runs, prepared)):
        names = [name for name in names if name not in reading]
        notes += [f"{BASELINES[name].title} is left out: {reason}" for name in reading]
    return names, notes


def _why_no_content(runs: Sequence[RunFolder], prepared: PreparedSplit | None) -> str:
    """Return why a baseline that reads content has nothing to read; empty where it has."""
    config = next((config for run in runs if (config := run.config()).model.features), None)
    if config is None:
        return "none of these runs reads any content."
    prepared = prepared or open_split(runs[0].category, config.split)
    try:
        find_tables(runs[0].category, config.model.features, prepared.catalog, prepared.partition.train_items)
    except FeatureError as error:
        return str(error)
    return ""


def check_baseline(name: str) -> None:
    """Check that there is a baseline of this name.

    Raises:
        ConfigError: it is unknown.
    """
    if name not in BASELINES:
        raise ConfigError(unknown("baseline", name, BASELINES))


def evaluate_baselines(
    category: Category,
    split: SplitConfig,
    prepared: PreparedSplit,
    names: Sequence[str],
    features: Sequence[str],
    config: EvaluationConfig,
    *,
    keep: int = 0,
    progress: Progress = silent,
) -> dict[str, Evaluation]:
    """Rank the test targets by baselines; evaluations computed before are read from the category's folder.

    Args:
        category: category of the data.
        split: how the log is divided.
        prepared: the data, divided so.
        names: from `BASELINES`.
        features: encoders of the tables that baselines of content read.
        config: the protocol.
        keep: number of best items kept for each target.
        progress: callback of each batch.

    Raises:
        ConfigError: a baseline is unknown, or has no features to read.
        FeatureError: a feature table is missing or belongs to other items.
    """
    evaluations: dict[str, Evaluation] = {}
    dataset, partition = prepared.dataset, prepared.partition
    log = dataset.interactions.with_context(())  # no baseline reads context
    targets = targets_hash(log, partition)

    def ranked(name: str, tables: Sequence[FeatureTable]) -> Evaluation:
        baseline = BASELINES[name].build({table.path.stem: vectors(table) for table in tables})
        baseline.fit(log, partition)
        return evaluate(
            baseline,
            log,
            partition,
            partition.test,
            config,
            max_length=baseline.reads,
            keep=keep,
            progress=progress,
            task=name,
        )

    for name in dict.fromkeys(names):
        check_baseline(name)
        tables: list[FeatureTable] = []
        if BASELINES[name].reads_content:
            if not features:
                raise ConfigError(f"{name} compares content, and none of these runs reads any; add a run that does")
            tables = find_tables(category, features, dataset.catalog, partition.train_items)
        stems = [table.path.stem for table in tables]
        known = [name, stems, split.model_dump(mode="json"), dataset.catalog.fingerprint]
        identity = json.dumps(known).encode() + targets + b"".join(table.fingerprints.tobytes() for table in tables)
        folder = category.path / "evaluations"
        evaluations[name] = cached_evaluation_in(folder, identity, config, keep, partial(ranked, name, tables))
    return evaluations
