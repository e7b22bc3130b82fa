"""The silhouette analysis: opens the feature tables of a category, measures them, and writes figure and numbers."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from embrec.comparisons.figures import check_drawable
from embrec.comparisons.measurements import CONFIDENCE, RESAMPLES
from embrec.data.store import load_dataset
from embrec.errors import ConfigError, FeatureError
from embrec.evaluation.silhouette import category_column
from embrec.features.finding import check_table, list_tables, named_table, why_stale
from embrec.parameters import call, parameter
from embrec.progress import Progress, silent
from embrec.report.analyses.files import write_analysis
from embrec.report.analyses.silhouettes.figure import draw
from embrec.report.analyses.silhouettes.measure import Silhouettes, measure
from embrec.workspace import Category


def analyze_silhouettes(
    category: Category,
    encoders: Sequence[str] = (),
    *,
    levels: Sequence[int] = (),
    column: str | None = None,
    seed: int = 0,
    output: Path | None = None,
    command: str = "",
    progress: Progress = silent,
) -> tuple[Silhouettes, Path]:
    """Measure how well feature tables separate the categories of items; write figure and numbers.

    Args:
        category: the prepared data.
        encoders: encoders or names of tables; if empty, all up-to-date tables of the category.
        levels: depths at which category paths are cut; if empty, whole paths.
        column: column with the categories; if None, the first known one.
        seed: seed of the bootstrap.
        output: folder to write into; `analyses` in the folder of the category if None.
        command: command line to record in the JSON file.
        progress: callback, called after each table.

    Returns:
        The result, and the folder of the files.

    Raises:
        ConfigError: the catalog has no such column, or no column with categories.
        FeatureError: a table does not exist, or was built from other items or contents.
        MissingExtraError: matplotlib is not installed.
    """
    check_drawable(output)
    catalog = load_dataset(category).catalog
    clusters = category_column(catalog, column)
    if clusters is None:
        raise ConfigError(
            f"category {category.name!r} has no column of categories; name one with {parameter('column')}"
        )
    if encoders:
        tables = [named_table(category, name) for name in dict.fromkeys(encoders)]
        for table in tables:
            check_table(table, catalog)
    else:
        tables = [table for table in list_tables(category) if why_stale(table, catalog) is None]
    stale = (
        []
        if encoders
        else sorted({table.path.stem for table in list_tables(category)} - {one.path.stem for one in tables})
    )
    if not tables:
        some = any(category.features.glob("*.h5"))
        raise FeatureError(
            f"category {category.name!r} has no feature tables{' that are up to date' if some else ''}; build one with: "
            f"{call('build_features', category=category.name, encoders=['tfidf'])}"
        )
    found = measure(category.name, catalog, tables, clusters, levels or (None,), seed=seed, progress=progress)
    found = replace(found, stale=tuple(stale))
    folder = output or category.path / "analyses"
    numbers: dict[str, Any] = {"command": command, "seed": seed, "resamples": RESAMPLES, "confidence": CONFIDENCE}
    write_analysis(folder, "silhouettes", lambda: draw(found), numbers | asdict(found))
    return found, folder
