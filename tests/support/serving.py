"""Recommenders that are made in a moment, over random vectors of which many are equal."""

from pathlib import Path

import numpy as np
import polars as pl
import torch

from embrec.data.catalog import Catalog
from embrec.models import registry
from embrec.models.inputs import CatalogInputs
from embrec.models.tables import DenseTable
from embrec.models.zoo import build_model
from embrec.runs.folder import RunFolder
from embrec.runs.presets import build_config
from embrec.serving.recommender import Recommender

KINDS = ("embrec", "published", "sasrec", "gru4rec")


def toy_recommender(kind: str = "embrec", n_items: int = 300, distinct: int = 90, dim: int = 32) -> Recommender:
    """Recommend among items i000, i001, ... of which several have the same vector, with a model that has learned nothing.

    Args:
        kind: of the model; `published` is the first kind with the published cell.
        n_items: n.
        distinct: different vectors.
        dim: of item vectors and states.
    """
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    vectors = generator.normal(size=(distinct, dim)).astype(np.float32)[generator.integers(0, distinct, n_items)]
    known = torch.ones(n_items + 1, dtype=torch.bool)
    known[0] = False
    options = {"source": "content", "features": ("dense",), "dim": dim}
    if kind in ("embrec", "published"):
        options |= {"units": dim, "cell": "published" if kind == "published" else "fast"}
    config = registry.lookup("embrec" if kind == "published" else kind).config(**options)
    model = build_model(config, CatalogInputs({"dense": DenseTable(vectors)}, known)).eval()
    catalog = Catalog(pl.DataFrame({"item": [f"i{row:03d}" for row in range(n_items)]}))
    run_config = build_config("toys", options={"model.source": "id"}).model_copy(update={"model": config})
    return Recommender(RunFolder(Path("toy")), run_config, model, catalog, n_items)


def random_histories(n_items: int, count: int, longest: int = 60, seed: int = 0) -> list[list[str]]:
    """Histories of all lengths from none, some of them longer than a model reads."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(0, longest + 1, count)
    return [[f"i{row:03d}" for row in generator.integers(0, n_items, length)] for length in lengths]
