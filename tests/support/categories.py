"""A category small enough to compare encoders on in seconds."""

from pathlib import Path

import polars as pl

from embrec.comparisons.encoders import comparison_config
from embrec.data.catalog import Catalog
from embrec.data.splits import ItemHoldout, SplitConfig
from embrec.data.store import Dataset, save_dataset
from embrec.features.category import build_features
from embrec.runs.config import RunConfig
from embrec.runs.folder import RunFolder
from embrec.runs.pipeline import TrainingResult, train
from embrec.runs.presets import build_config
from embrec.workspace import Category, Workspace
from support.logs import toy_log

N_ITEMS = 40
WORDS = ["red", "green", "blue", "large", "small", "wool", "cotton", "silk"]
BOTH = "training.learn_from=train+validation"
SETTINGS = ("model.dim=8", "model.units=8", "training.batch_size=32", "training.learning_rate=0.01")


def toy_category(folder: Path, n_users: int = 60) -> Category:
    """40 articles in 2 x 2 categories, and customers who go through them in order."""
    titles = [f"{WORDS[i % 8]} {WORDS[(i * 3 + i // 8) % 8]} thing {i % 10}" for i in range(N_ITEMS)]
    kinds = [["Clothes", "Tools"][i % 2] + " > " + ["Winter", "Summer"][i // 20] for i in range(N_ITEMS)]
    items = [f"i{i:02d}" for i in range(N_ITEMS)]
    catalog = Catalog(pl.DataFrame({"item": items, "title": titles, "categories": kinds}), ["title"])
    category = Workspace(folder).category("toys")
    save_dataset(category, Dataset(catalog, toy_log(n_users, N_ITEMS)))
    return category


def toy_run(category: Category, split: SplitConfig, name: str = "one") -> RunFolder:
    """A run of one epoch that knows items by identity."""
    config = build_config("toys", split=split, options={"model.source": "id", "training.epochs": 1}, settings=SETTINGS)
    return train(category, config, name).run


def toy_config(**options) -> RunConfig:
    """One epoch of a tiny model, with a fifth of the items held out."""
    return comparison_config(
        "toys", **{"split": ItemHoldout(fraction=0.2), "epochs": 1, "settings": SETTINGS} | options
    )


def config_of(*settings: str, split: SplitConfig | None = None, **options) -> RunConfig:
    """Two epochs of a tiny model of identities."""
    options = {"model.source": "id", "training.epochs": 2, "training.device": "cpu"} | options
    return build_config("toys", split=split, options=options, settings=[*SETTINGS, *settings])


def chosen_and_final(folder: Path) -> tuple[Category, TrainingResult, TrainingResult]:
    """A category with a TF-IDF table, a run that chose its epoch, and one that learned from the validation events too."""
    category = toy_category(folder)
    list(build_features(category, ["tfidf"]))
    content = {"model.source": "content", "model.features": ["tfidf"]}
    chosen = train(category, config_of(**content), "chosen")
    final = train(category, config_of(BOTH, **content, **{"training.epochs": 3}), "final")
    return category, chosen, final
