"""Seeds of one model: runs of the same data whose configurations differ in nothing but the seed."""

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from embrec.comparisons.provenance import settings_of
from embrec.runs.folder import RunFolder
from embrec.runs.provenance import MadeOf


def same_but_for_seed(
    runs: Sequence[RunFolder], made_of: Mapping[Path, MadeOf | None] | None = None, taken: Collection[str] = ()
) -> dict[str, list[RunFolder]]:
    """Return runs by model: those that differ in the seed alone are one model, named by what their names share.

    Such runs have the same settings and were trained on the same data: log, catalog, split, and contents of the feature
    tables. A run that is given twice counts once. Two runs of the same seed are two models, for the second is no further seed.
    A model is named by all of its runs where the shared name is that of another model or run.

    Args:
        runs: finished ones.
        made_of: path of a run -> hashes of its data, from `common_ground`; those in the run folders if None.
        taken: names that no model may have.

    Returns:
        Name of the model -> its runs, one per seed, in the order of the first runs.
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
    """Return a name without its seed: `first-s0` is `first`."""
    return re.sub(r"[-_.]s?\d+$", "", name)


def duplicate_notes(groups: Mapping[str, Sequence[RunFolder]], made_of: Mapping[Path, MadeOf | None]) -> list[str]:
    """Return notes on models that are the same training as another one, done twice.

    Args:
        groups: name of the model -> its runs.
        made_of: path of a run -> hashes of its data.
    """
    seen: dict[str, str] = {}
    notes = []
    for group in groups.values():
        for run in group:
            config, data = run.config(), made_of[run.path]
            key = repr((settings_of(config), config.model.features, config.training.seed, data))
            if key in seen:
                notes.append(
                    f"{run.name} is {seen[key]} trained again with the same seed, so it counts as a separate model"
                )
            seen.setdefault(key, run.name)
    return notes


def _shared_name(names: Sequence[str]) -> str:
    """Return the common beginning of names without a seed: `first-s0` and `first-s1` are `first`."""
    if len(names) == 1:
        return names[0]
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return re.sub(r"[-_.]s?$", "", "".join(letters[0] for letters in alike).rstrip("0123456789"))
