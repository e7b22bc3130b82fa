"""Removal of feature tables, or of a whole category with all that was made from it."""

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
    """A removed feature table.

    Attributes:
        table: name of the table.
        why: reason why it was stale; empty if the caller named it.
        bytes: size of its files.
    """

    table: str
    why: str
    bytes: int


def remove_tables(
    category: Category, names: Sequence[str] = (), *, stale: bool = False, force: bool = False
) -> list[Removed]:
    """Remove feature tables with their encoders; finished runs have copies of their encoders and need no table.

    Args:
        category: category of the tables.
        names: names of tables, or of encoders with one table each; a damaged table by the name of its file.
        stale: True to remove damaged tables too, and those that do not belong to the category's present catalog.
        force: True to remove tables even if unfinished runs or searches read them.

    Raises:
        DataError: the category does not exist.
        FeatureError: there is no such table, an unfinished run or search reads it, or it is being built; nothing is removed
            then.
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
                f"remove it anyway with {parameter('force', True)}"
            )
    with contextlib.ExitStack() as locks:
        for stem in reasons:
            path = category.features / f"{stem}.h5"
            locks.enter_context(
                locked(path.with_suffix(".lock"), FeatureError(f"{path} is being built by another process"))
            )
        return [Removed(stem, why, _remove(category.features / f"{stem}.h5")) for stem, why in reasons.items()]


def _stem(category: Category, name: str) -> str:
    """Return the file stem of a table by its name or its encoder, even if the table is damaged."""
    stem = name.removesuffix(".h5")
    return stem if (category.features / f"{stem}.h5").is_file() else named_table(category, name).path.stem


def _waiting(category: Category, stem: str) -> list[str]:
    """Return the unfinished runs and searches that read a table."""
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
    files = [path, *path.parent.glob(f"{path.name}.*")]  # also files of appended rows and of interrupted builds
    size = sum(file.stat().st_size for file in files)
    for file in files:
        file.unlink()
    shutil.rmtree(path.with_suffix(""), ignore_errors=True)
    return size


def in_words(hanging: Mapping[str, int]) -> str:
    """Return the counts of `dependents` as a text.

    >>> in_words({"runs": 1, "searches": 2})
    '1 run, 2 searches'
    """
    one = {"searches": "search"}
    return ", ".join(
        f"{count:,} {what if count != 1 else one.get(what, what.removesuffix('s'))}" for what, count in hanging.items()
    )


def dependents(category: Category) -> dict[str, int]:
    """Return the numbers of tables, runs, searches and comparisons made from a category, by name, without zeros."""
    counts = {
        "feature tables": len(list(category.features.glob("*.h5"))),
        "runs": len(list(category.runs.glob("*/config.yaml"))),
        "searches": len(list(category.searches.glob("*/search.yaml"))),
        "comparisons": len(list(category.comparisons.glob("*/comparison.json"))),
    }
    return {what: count for what, count in counts.items() if count}


def remove_category(category: Category, *, force: bool = False) -> dict[str, int]:
    """Remove a category: its data, and all that was made from them. Other files in its folder are kept.

    Args:
        category: category to remove.
        force: True to remove runs, searches and comparisons with it; if False, a category that has any is kept.

    Returns:
        Numbers of removed tables, runs, searches and comparisons, by name.

    Raises:
        DataError: the category does not exist, or has runs, searches or comparisons without `force`; nothing is removed then.
    """
    category.require()
    hanging = dependents(category)
    costly = {what: count for what, count in hanging.items() if what != "feature tables"}
    if costly and not force:
        raise DataError(
            f"{in_words(costly)} made from category {category.name!r} would be removed with it; "
            f"to remove all of it, pass {parameter('force', True)}"
        )
    # The data are removed last, so that an interrupted removal can be repeated.
    for folder in (
        category.runs,
        category.searches,
        category.comparisons,
        category.features,
        category.path / "evaluations",
        category.path / "analyses",
        category.data,
    ):
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            raise DataError(f"{folder} cannot be removed; see who may write there, and try again")
    with contextlib.suppress(OSError):
        category.path.rmdir()
    return hanging
