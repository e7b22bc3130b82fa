"""Taking away what nobody needs any more: feature tables, or a whole category with all that was made from it."""

import contextlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from embrec.data.store import load_dataset
from embrec.errors import DataError, FeatureError
from embrec.features.finding import list_tables, named_table, why_stale
from embrec.locks import locked
from embrec.parameters import parameter
from embrec.workspace import Category


class Removed(NamedTuple):
    """A feature table that was taken away.

    Attributes:
        table: its name.
        why: it was stale; empty if it was asked for by name.
        bytes: that it took on the disk.
    """

    table: str
    why: str
    bytes: int


def remove_tables(
    category: Category, names: Sequence[str] = (), *, stale: bool = False, force: bool = False
) -> list[Removed]:
    """Remove feature tables with their encoders; finished runs keep encoders of their own and need no table.

    Args:
        category: where they are.
        names: of tables, or encoders that have one each; damaged ones by the name of their file.
        stale: also those that do not belong to the category as it is now, and damaged ones.
        force: also tables that runs or searches read that are not finished.

    Raises:
        DataError: the category does not exist.
        FeatureError: there is no such table, a run or search that is not finished reads it, or it is being built; nothing is
            removed then.
    """
    catalog = load_dataset(category).catalog
    reasons = {_stem(category, name): "" for name in names}
    if stale:
        damaged: list[FeatureError] = []
        tables = list_tables(category, damaged=damaged.append)
        found = {table.path.stem: why_stale(table, catalog) for table in tables}
        broken = [path.stem for path in sorted(category.features.glob("*.h5")) if path.stem not in found]
        reasons |= {stem: why for stem, why in found.items() if why and stem not in reasons}
        reasons |= {stem: "it cannot be read" for stem in broken if stem not in reasons}
    for stem in names and reasons:
        waiting = [] if force or reasons[stem] else _waiting(category, stem)
        if waiting:
            raise FeatureError(
                f"feature table {stem} is read by {', '.join(waiting)}, which cannot go on without it; finish that first, or "
                f"remove it all the same with {parameter('force', True)}"
            )
    with contextlib.ExitStack() as locks:
        for stem in reasons:
            path = category.features / f"{stem}.h5"
            locks.enter_context(
                locked(path.with_suffix(".lock"), FeatureError(f"{path} is being built by another process"))
            )
        return [Removed(stem, why, _remove(category.features / f"{stem}.h5")) for stem, why in reasons.items()]


def _stem(category: Category, name: str) -> str:
    """Return the stem of the table that is meant, whether or not it can be read."""
    stem = name.removesuffix(".h5")
    return stem if (category.features / f"{stem}.h5").is_file() else named_table(category, name).path.stem


def _waiting(category: Category, stem: str) -> list[str]:
    """Return the runs and searches that read a table and are not finished."""
    begun = {
        "run": (category.runs, "config.yaml", "metrics.json"),
        "search": (category.searches, "search.yaml", "result.json"),
    }
    return [
        f"{what} {file.parent.name}"
        for what, (folder, config, end) in begun.items()
        for file in sorted(folder.glob(f"*/{config}"))
        if not (file.parent / end).exists() and stem in file.read_text(encoding="utf-8")
    ]


def _remove(path: Path) -> int:
    files = [path, *path.parent.glob(f"{path.name}.*")]  # files of further rows, and of builds that were interrupted
    size = sum(file.stat().st_size for file in files)
    for file in files:
        file.unlink()
    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
    return size


def in_words(hanging: Mapping[str, int]) -> str:
    """Return what `hanging_on` counted in words, `1 run, 2 searches`."""
    one = {"searches": "search"}
    return ", ".join(
        f"{count:,} {what if count != 1 else one.get(what, what.removesuffix('s'))}" for what, count in hanging.items()
    )


def hanging_on(category: Category) -> dict[str, int]:
    """Return what was made from the data of a category, in words -> how many; nothing that there is none of."""
    counts = {
        "feature tables": len(list(category.features.glob("*.h5"))),
        "runs": len(list(category.runs.glob("*/config.yaml"))),
        "searches": len(list(category.searches.glob("*/search.yaml"))),
        "comparisons": len(list(category.comparisons.glob("*/comparison.json"))),
    }
    return {what: count for what, count in counts.items() if count}


def remove_category(category: Category, *, force: bool = False) -> dict[str, int]:
    """Remove a category: its data, and all that was made from them. Files of others in its folder stay.

    Args:
        category: the prepared data.
        force: also where runs, searches or comparisons were made from them, which are removed too.

    Returns:
        What was made from the data and is gone with them, in words -> how many.

    Raises:
        DataError: the category does not exist, or something hangs on it and `force` is not given; nothing is removed then.
    """
    category.require()
    hanging = hanging_on(category)
    costly = {what: count for what, count in hanging.items() if what != "feature tables"}
    if costly and not force:
        raise DataError(
            f"{in_words(costly)} made from category {category.name!r} would be removed with it; "
            f"if that is meant, say {parameter('force', True)}"
        )
    # The data go last: until then the category is there, and the same command goes on.
    for folder in (category.runs, category.searches, category.comparisons, category.features,
                   category.path / "evaluations", category.path / "analyses", category.data):  # fmt: skip
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            raise DataError(f"{folder} cannot be removed; see who may write there, and try again")
    with contextlib.suppress(OSError):
        category.path.rmdir()
    return hanging
