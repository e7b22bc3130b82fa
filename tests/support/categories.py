"""A category small enough to compare encoders on in seconds."""

from pathlib import Path

import polars as pl

from embrec.data.catalog import Catalog
from embrec.data.splits import ItemHoldout
from embrec.data.store import Dataset, save_dataset
from embrec.report.encoders import comparison_config
from embrec.training.config import RunConfig
from embrec.workspace import Category, Workspace
from support.logs import toy_log

N_ITEMS = 40
WORDS = ["red", "green", "blue", "large", "small", "wool", "cotton", "silk"]
SETTINGS = ("model.dim=8", "model.units=8", "training.batch_size=32", "training.learning_rate=0.01")


def toy_category(folder: Path) -> Category:
    """40 articles in 2 x 2 categories, and 60 customers who go through them in order."""
    titles = [f"{WORDS[i % 8]} {WORDS[(i * 3 + i // 8) % 8]} thing {i % 10}" for i in range(N_ITEMS)]
    kinds = [["Clothes", "Tools"][i % 2] + " > " + ["Winter", "Summer"][i // 20] for i in range(N_ITEMS)]
    items = [f"i{i:02d}" for i in range(N_ITEMS)]
    catalog = Catalog(pl.DataFrame({"item": items, "title": titles, "categories": kinds}), ["title"])
    category = Workspace(folder).category("toys")
    save_dataset(category, Dataset(catalog, toy_log(n_items=N_ITEMS)))
    return category


def toy_config(**options) -> RunConfig:
    """One epoch of a tiny model, with a fifth of the items held out."""
    return comparison_config(
        "toys", **{"split": ItemHoldout(fraction=0.2), "epochs": 1, "settings": SETTINGS} | options
    )
