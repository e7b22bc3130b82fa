"""Comparisons of a small shop: requests, the configurations of their runs, and the files that they leave."""

from pathlib import Path

from embrec.comparisons.request import ComparisonRequest
from embrec.comparisons.results import Comparison
from embrec.runs.config import RunConfig
from embrec.runs.folder import RunFolder
from embrec.workspace import Category
from support.categories import SETTINGS

FILES = {"results.json", "results.csv", "table.md", "figure.png", "figure.svg"}


def wanted(category: Category, **options) -> ComparisonRequest:
    """A request for an epoch of tiny models of TF-IDF."""
    settings = (*SETTINGS, "model.cell=fast", "training.select_by=auc")
    options = {"features": ["tfidf"], "metrics": ("auc", "hr@20"), "epochs": 1, "settings": settings} | options
    return ComparisonRequest(category, **options)


def row_configs(category: Category, comparison: Comparison) -> dict[str, list[RunConfig]]:
    """The configuration of every run, row -> one a seed."""
    return {row.name: [RunFolder(category.runs / run.name).config() for run in row.runs] for row in comparison.rows}


def changes(*folders: Path) -> dict[Path, int]:
    """Every file of some folders with the time of its last change."""
    return {path: path.stat().st_mtime_ns for folder in folders for path in folder.rglob("*") if path.is_file()}
