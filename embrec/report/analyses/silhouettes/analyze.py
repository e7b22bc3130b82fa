"""The silhouette analysis: opens the feature tables of a category, measures them, and writes figure and numbers."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from embrec.comparisons.figures import require_matplotlib
from embrec.comparisons.measurements import CONFIDENCE, RESAMPLES
from embrec.data.store import load_dataset
from embrec.errors import ConfigError, FeatureError
from embrec.evaluation.silhouette import category_column
from embrec.features.finding import check_table, list_tables, named_table, why_stale
from embrec.files import check_output_folder
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
    """Measure how well the feature tables of a category tell its kinds of items apart; write figure and numbers.

    Args:
        category: the prepared data.
        encoders: whose tables, by encoder or table name; all tables of the category that are up to date if there are none.
        levels: how many names of a category path count; whole paths if there are none.
        column: of the categories; the first known one if None.
        seed: of the bootstrap.
        output: the folder to write into; `analyses` in the category's own if None.
        command: that is recorded as having made this.
        progress: told of every table.

    Returns:
        What was found, and where it was written.

    Raises:
        ConfigError: the catalog has no such column, or none of categories.
        FeatureError: a table is not there, or was built for another catalog or other contents.
        MissingExtraError: figures cannot be drawn.
    """
    require_matplotlib()
    if output is not None:
        check_output_folder(output)
    catalog = load_dataset(category).catalog
    of_kinds = category_column(catalog, column)
    if of_kinds is None:
        raise ConfigError(f"category {category.name!r} has no column of categories; name one with --cluster-by")
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
            f"embrec features build --category {category.name} --encoder tfidf"
        )
    found = measure(category.name, catalog, tables, of_kinds, levels or (None,), seed=seed, progress=progress)
    found = replace(found, stale=tuple(stale))
    folder = output or category.path / "analyses"
    numbers: dict[str, Any] = {"command": command, "seed": seed, "resamples": RESAMPLES, "confidence": CONFIDENCE}
    write_analysis(folder, "silhouettes", lambda: draw(found), numbers | asdict(found))
    return found, folder
