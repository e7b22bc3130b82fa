"""Common ground of runs: the data and the test targets that they can be measured on together.

A category may be imported again after a run was trained. Targets of the new log may then be events that the run has learned
from, and its metrics would be far too good. So a run is measured on the data that it was trained on. If the caller allows
another log, targets that any of the runs has learned from are left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from numpy.typing import NDArray

from embrec.data.catalog import ITEM, Catalog
from embrec.data.prepared import OnSplit, PreparedSplit, open_split
from embrec.data.splits import Partition
from embrec.data.store import Dataset
from embrec.errors import FeatureError, RunError
from embrec.features.table import FeatureTable
from embrec.parameters import parameter
from embrec.runs.folder import RunFolder
from embrec.runs.inputs import NO_RESULT, fingerprint_of
from embrec.runs.provenance import MadeOf, table_hash, used_targets, user_hashes


@dataclass(frozen=True)
class Ground(OnSplit):
    """The data and targets that several runs can be measured on together.

    Attributes:
        prepared: their category as it is now and their split of it, without the test targets that one of them was trained or
            validated on.
        made_of: path of a run -> hashes of the data it was trained on; None where they are not known.
        notes: cautions to show with every figure measured on it.
    """

    prepared: PreparedSplit
    made_of: Mapping[Path, MadeOf | None]
    notes: tuple[str, ...] = ()


def common_ground(runs: Sequence[RunFolder], *, other_log: bool = False) -> Ground:
    """Return the data that runs belong to; raise if they do not belong together.

    Args:
        runs: finished runs of one category and split.
        other_log: allow runs that were trained on another log of the same catalog; test targets that one of them was trained or
            validated on are left out for all.

    Raises:
        DataError: the category is gone, or its log cannot be split so any more.
        RunError: the runs differ in category or split; one of them is not finished, or was trained on another catalog, or on
            another log where that is not allowed; or all targets were learned from.
    """
    first = runs[0].config()
    for run in runs:
        if run.category.path != runs[0].category.path:
            raise RunError(
                f"runs {runs[0].path} and {run.path} belong to different categories; evaluate them separately"
            )
        if run.config().split != first.split:
            raise RunError(
                f"runs {runs[0].name} and {run.name} were trained on different splits; evaluate them separately"
            )
    prepared = open_split(runs[0].require_category(), first.split)
    dataset, partition = prepared.dataset, prepared.partition
    now = MadeOf.of(dataset, partition)
    made_of: dict[Path, MadeOf | None] = {}
    notes: list[str] = []
    used = np.zeros(len(partition.test), dtype=bool)
    for run in {run.path: run for run in runs}.values():
        run.read_metrics()
        _require_catalog(run, dataset)
        before = made_of[run.path] = run.read_made_of() or _by_fingerprint(run, dataset, now)
        if before is None or before.data == now.data:
            notes += _cautions(run, before)
            continue
        met = _used(run, dataset, partition) if before.log else None
        if met is not None and _all_are_strangers(run, dataset):
            met, why = None, "none of its users are in the log any more, at least by their names"
        else:
            why = "it keeps no record of its events"
        if not other_log:
            raise RunError(_refusal(run, before, now, met, why))
        notes.append(_on_another_log(run, met, why))
        used |= met if met is not None else False
    if used.all():
        raise RunError(
            f"all {len(used):,} test targets are events that {_several(runs)} trained or validated on; train again"
        )
    if used.any():
        notes.append(f"{used.sum():,} of the {len(used):,} test targets are left out for all models")
        prepared = PreparedSplit(dataset, replace(partition, test=partition.test.select(~used)))
    return Ground(prepared, made_of, tuple(notes))


def _require_catalog(run: RunFolder, dataset: Dataset) -> None:
    """Raise unless the items of a run are those of its category in the same order, by which tensor ids are numbered."""
    before, now = _item_ids(run), dataset.catalog.item_ids
    if np.array_equal(before, now):
        return
    old, new = set(before.tolist()), set(now.tolist())
    changes = [f"{len(new - old):,} items are new"] * bool(new - old) + [f"{len(old - new):,} are gone"] * bool(
        old - new
    )
    raise RunError(
        f"run {_name(run)} was trained on another catalog than its category holds now: "
        f"{' and '.join(changes) or 'the same items stand in another order'}; train again"
    )


def _item_ids(run: RunFolder) -> NDArray[np.object_]:
    try:
        return Catalog(pl.read_parquet(run.catalog, columns=[ITEM]), ()).item_ids
    except (OSError, pl.exceptions.PolarsError) as error:
        raise RunError(f"run {run.path} cannot be read: {error}") from None


def _by_fingerprint(run: RunFolder, dataset: Dataset, now: MadeOf) -> MadeOf | None:
    """Find out from the fingerprint of a run without hashes which data it was trained on.

    Returns:
        What the category holds now, where that gives the run's fingerprint; a record without a log where it does not; None
        where one of its feature tables is gone, so that it cannot be known.
    """
    config = run.config()
    try:
        tables = [FeatureTable.open(run.category.features / f"{stem}.h5") for stem in config.model.features]
    except FeatureError:
        return None
    hashes = {table.path.stem: table_hash(table) for table in tables}
    # As it was written: settings that are younger than the run were no part of its fingerprint.
    written = yaml.safe_load(run.config_file.read_text(encoding="utf-8"))
    training = {name: value for name, value in written.get("training", {}).items() if name not in NO_RESULT}
    if training.get("learn_from") == "train":
        del training["learn_from"]
    if fingerprint_of({**written, "training": training}, dataset, tables) == run.fingerprint():
        return replace(now, tables=hashes)
    return MadeOf(log="", users="", catalog=now.catalog, partition="")


def _used(run: RunFolder, dataset: Dataset, partition: Partition) -> NDArray[np.bool_]:
    """Return which test targets a run was trained or validated on, [T]."""
    return used_targets(run.read_learned(), _item_ids(run), dataset, partition)


def _all_are_strangers(run: RunFolder, dataset: Dataset) -> bool:
    """Return True if a run knows none of the users of a log, so that its events cannot be matched by user."""
    known = run.read_learned()["user"].to_numpy()
    return not np.isin(user_hashes(dataset.interactions.user_ids), known).any()


def _refusal(run: RunFolder, before: MadeOf, now: MadeOf, met: NDArray[np.bool_] | None, why: str) -> str:
    name = _name(run)
    if met is None:
        changed = "log has" if before.log else "log, or the contents of its feature tables, have"
        return (
            f"run {name} was trained on other data than its category holds now: its {changed} changed ({why}, so it is unknown "
            f"which test targets it learned from); train it again, or evaluate it anyway with "
            f"{parameter('other_log', True)}"
        )
    if before.log == now.log and before.users == now.users:
        return f"run {name} was trained on another division of its log by the same split; train it again"
    instead = "" if met.all() else f", or measure it with {parameter('other_log', True)}, which leaves such targets out"
    return f"run {name} was trained on another log than its category holds now: {_met(met)}; train it again{instead}"


def _met(met: NDArray[np.bool_]) -> str:
    of = f"of the {len(met):,} test targets are events that it was trained or validated on"
    return f"{met.sum():,} {of}" if met.any() else f"none {of}"


def _on_another_log(run: RunFolder, met: NDArray[np.bool_] | None, why: str) -> str:
    if met is None:
        return (
            f"{run.name} was trained on other data than the category holds now, and it is unknown which of the test targets it "
            f"learned from ({why}): its figures may be far too good"
        )
    return f"{run.name} was trained on another log than the category holds now: {_met(met)}"


def _cautions(run: RunFolder, before: MadeOf | None) -> list[str]:
    """Return cautions about a run: what is unknown of its data, and what has changed besides its log."""
    if before is None:
        return [
            f"{run.name} keeps no record of the data that it was trained on, and one of its feature tables is gone, so nobody "
            "can tell whether it was trained on the log that the category holds now"
        ]
    changed = []
    for stem, known in before.tables.items():
        try:
            table = FeatureTable.open(run.category.features / f"{stem}.h5")
        except FeatureError:
            continue
        if table_hash(table) != known:
            changed.append(stem)
    if not changed:
        return []
    return [
        f"{run.name} was trained on other contents of {', '.join(changed)} than the feature table holds now: it is measured "
        "with its own item vectors, but baselines and slices by feature use the present table"
    ]


def _several(runs: Sequence[RunFolder]) -> str:
    return f"run {_name(runs[0])} was" if len(runs) == 1 else "these runs were"


def _name(run: RunFolder) -> str:
    return f"{run.category.name}/{run.name}"
