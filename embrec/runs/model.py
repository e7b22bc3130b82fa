"""The trained model of a run: weights, item vectors and catalog, written and read as files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from embrec.data.catalog import Catalog
from embrec.errors import RunError
from embrec.files import atomic_path, write_parquet
from embrec.models.inputs import CatalogInputs
from embrec.models.interface import SequenceModel, Trainable
from embrec.models.item_based import ItemBasedModel
from embrec.models.items.cached import CachedItems
from embrec.models.tables import NoTable
from embrec.models.zoo import build_model
from embrec.runs.extras import load_extras, of_another_run, require_extras, save_extras
from embrec.runs.folder import RunFolder


class LoadedModel(NamedTuple):
    """A trained model in memory.

    Attributes:
        model: with the item vectors of the run, and the encoder that made them for new items; a stateful one in the state that
            it had after its training.
        catalog: the items, [n].
    """

    model: SequenceModel
    catalog: Catalog


def save_model(run: RunFolder, model: Trainable, catalog: Catalog, inputs: CatalogInputs) -> None:
    """Write weights, item vectors, catalog and other inputs of a trained model, so that it loads without its category.

    Args:
        run: folder of the run.
        model: the trained model.
        catalog: the items.
        inputs: what the model reads of them; of feature tables only the lengths of their vectors are saved, unless the model
            reads the tables themselves.

    Raises:
        RunError: a file cannot be written.
    """
    model.eval()
    with torch.inference_mode():
        matrix = model.catalog()
    write_parquet(catalog.frame, run.catalog)
    # One entry: the library writes several in random order, and equal runs should be equal byte by byte.
    about: dict[str, Any] = {
        "text_columns": catalog.text_columns,
        "table_dims": {name: table.dim for name, table in inputs.tables.items()},
    }
    if catalog.named_title is not None:
        about["title_column"] = catalog.named_title
    metadata = {"embrec": json.dumps(about)}
    save_extras(run, inputs)
    _write_tensors(run.items, {"vectors": matrix, "known": model.known}, metadata)
    _write_tensors(run.weights, model.state_dict(), {})


def _write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> None:
    try:
        with atomic_path(path) as temporary:
            save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, temporary, metadata)
    except (OSError, SafetensorError) as error:
        raise RunError(f"cannot write {path} ({error}); make room and train again: the training is kept") from None


def load_model(run: RunFolder) -> LoadedModel:
    """Read a trained model, without its category or its feature tables.

    Raises:
        RunError: the run is not complete, a file is broken, or files of several runs are mixed.
    """
    config = run.config()
    run.read_metrics()
    try:
        with safe_open(run.items, framework="pt") as file:
            metadata = json.loads(file.metadata()["embrec"])
        arrays = load_file(run.items)
        weights = load_file(run.weights)
        frame = pl.read_parquet(run.catalog)
    except (OSError, SafetensorError, ValueError, KeyError, pl.exceptions.PolarsError) as error:
        raise RunError(f"run {run.path} cannot be read: {error}") from None
    catalog = Catalog(frame, metadata["text_columns"], metadata.get("title_column"))
    table_dims: dict[str, int] = metadata["table_dims"]
    if list(table_dims) != list(config.model.features) or len(arrays["known"]) - 1 != len(catalog):
        raise RunError(of_another_run(run, run.items))
    tables = {name: NoTable(dim) for name, dim in table_dims.items()}
    extras = {"tables": tables, **load_extras(run)}
    inputs = CatalogInputs(known=arrays["known"], **extras)
    require_extras(run, config.model, inputs, catalog)
    model = build_model(config.model, inputs)
    try:
        model.load_state_dict(weights)
    except RuntimeError:
        raise RunError(of_another_run(run, run.weights)) from None
    if isinstance(model, ItemBasedModel):
        if arrays["vectors"].shape != (len(catalog) + 1, model.items.out_dim):
            raise RunError(of_another_run(run, run.items))
        model = model.with_items(CachedItems(arrays["vectors"], model.items))
    return LoadedModel(model.eval(), catalog)


def catalog_vectors(trained: LoadedModel) -> NDArray[np.float32]:
    """Return the item vectors of a model in the order of the catalog, [n, d]; zeros of one dimension if it has none."""
    matrix = trained.model.catalog()
    if not matrix.numel():
        return np.zeros((len(trained.catalog), 1), dtype=np.float32)
    vectors: NDArray[np.float32] = matrix[1:].detach().float().cpu().numpy()
    return vectors
