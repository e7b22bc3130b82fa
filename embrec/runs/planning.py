"""Plans of trainings: feature tables and a name of the run, where a user names none."""

import glob
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from embrec.data.prepared import open_split
from embrec.data.splits import SplitConfig
from embrec.evaluation.few_candidates import protocol_of_training
from embrec.evaluation.metrics import check_metrics
from embrec.features.category import tables_or_defaults
from embrec.progress import Progress, silent
from embrec.runs.assembly import learned_partition
from embrec.runs.config import RunConfig
from embrec.runs.folder import RunFolder
from embrec.runs.inputs import load_inputs, run_fingerprint
from embrec.runs.local import choose_device
from embrec.runs.presets import build_config, lacks_features, published_features, run_name
from embrec.runs.seeds import seed_config, seed_run
from embrec.workspace import Category

# Placeholder for tables that are not known yet in a configuration that is only checked.
UNKNOWN_TABLE = "the feature tables"


def complete_config(
    category: Category,
    *,
    split: SplitConfig | None = None,
    preset: str | None = None,
    options: Mapping[str, Any] | None = None,
    settings: Sequence[str] = (),
    on_choice: Callable[[str], None] = lambda _: None,
    progress: Progress = silent,
) -> RunConfig:
    """Return a run's configuration as `build_config` does, with feature tables if the model reads content and none is named.

    The tables are those of the category that fit the split. If there is none, tables of encoders that suit the catalog are
    built; the rest of the configuration is checked before that.

    Args:
        category: the prepared data.
        split: how the data are divided; leave-one-out if None.
        preset: see `build_config`.
        options: see `build_config`.
        settings: see `build_config`.
        on_choice: called with one line that names the chosen tables and the reason.
        progress: called after every block of a build.

    Raises:
        ConfigError: a key is unknown or a value not allowed, or no encoder suits the catalog.
        DataError: the category does not exist, or the split leaves nothing.
        FeatureError: a table cannot be built.
    """
    options = dict(options or {})
    if not lacks_features(options, settings, preset):
        return build_config(category.name, split=split, preset=preset, options=options, settings=settings)

    def config(features: Sequence[str]) -> RunConfig:
        wishes = options | {"model.features": tuple(features)}
        return build_config(category.name, split=split, preset=preset, options=wishes, settings=settings)

    check_config(category, config([UNKNOWN_TABLE]))

    def say(words: str) -> None:
        on_choice(words + published_features(preset))

    return config(tables_or_defaults(category, split, on_choice=say, progress=progress))


def check_config(category: Category, config: RunConfig) -> None:
    """Raise the errors that `train` would raise for a configuration, except those of its feature tables.

    Raises:
        ConfigError: a value does not fit the data, or there is no such device.
        DataError: the category does not exist, or the split leaves nothing.
    """
    check_metrics([config.training.select_by])
    if config.training.workers == 1:
        choose_device(config.training.device)
    prepared, training = open_split(category, config.split), config.training
    protocol_of_training(config.evaluation, prepared, training.select_by, validates=training.validates)
    learned = learned_partition(config, prepared.interactions, prepared.partition)
    training.negatives.check(int(learned.train_items.sum()))


def default_name(category: Category, config: RunConfig, seeds: Sequence[int] = (), *, force: bool = False) -> str:
    """Return the default name of a run, made of its model and data.

    If a run with another configuration or other data has that name, the beginning of the new run's fingerprint is added, so
    that the same arguments always mean the same run.

    Args:
        category: the prepared data.
        config: configuration of the run.
        seeds: seeds of several runs, whose names begin with the returned name; none for one run.
        force: True if the run is started over: its name has a fingerprint only if the run has one already.

    Raises:
        ConfigError, DataError, FeatureError: as `load_inputs` does.
    """
    plain = run_name(config)

    def begun(name: str) -> dict[int | None, RunFolder]:
        names = {seed: seed_run(name, seed) for seed in seeds} if seeds else {None: name}
        folders = {seed: RunFolder(category.runs / one) for seed, one in names.items()}
        return {seed: folder for seed, folder in folders.items() if folder.config_file.exists()}

    if not any(category.runs.glob(f"{glob.escape(plain)}*")):
        return plain
    inputs = load_inputs(category, config)

    def fingerprint(seed: int | None) -> str:
        one = inputs.config if seed is None else seed_config(inputs.config, seed)
        return run_fingerprint(one, inputs.dataset, inputs.tables, inputs.extras_hash)

    apart = f"{plain}-{fingerprint(0 if seeds else None)[:8]}"
    if begun(apart):
        return apart
    same = all(folder.fingerprint() == fingerprint(seed) for seed, folder in begun(plain).items())
    return plain if same or force else apart
