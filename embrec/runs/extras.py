"""Relations, attributes, context columns, users and feature tables that the model of a run reads, kept in its folder."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from embrec.data.catalog import Catalog
from embrec.data.extras import attribute_columns
from embrec.data.interactions import Interactions
from embrec.data.relations import Relations
from embrec.errors import RunError
from embrec.files import atomic_path
from embrec.models.config import ItemsConfig
from embrec.models.inputs import CatalogInputs
from embrec.models.registry import reads_of
from embrec.models.tables import FrozenTable, TableArrays, table_arrays, table_of_arrays
from embrec.names import listed
from embrec.runs.folder import RunFolder
from embrec.runs.provenance import user_hashes


def save_extras(run: RunFolder, inputs: CatalogInputs) -> None:
    """Write what a model reads besides item vectors and histories into a run's folder; nothing for models that read no more.

    Raises:
        RunError: the file cannot be written.
    """
    if not inputs.has_extras:
        return
    tensors = {f"attribute.{name}": values.contiguous() for name, values in inputs.attributes.items()}
    about: dict[str, Any] = {
        "fingerprint": inputs.extras_fingerprint,
        "attributes": list(inputs.attributes),
        "vocabularies": {name: list(words) for name, words in inputs.vocabularies.items()},
        "context": list(inputs.context),
        "relations": None,
    }
    if inputs.relations is not None:
        tensors["relations.ptr"] = torch.from_numpy(inputs.relations.ptr)
        tensors["relations.tail"] = torch.from_numpy(inputs.relations.tail)
        about["relations"] = {"names": list(inputs.relations.names), "unknown": dict(inputs.relations.unknown)}
    if inputs.users is not None and inputs.user_hashes is not None:
        tensors["users.known"], tensors["users.hashes"] = inputs.users, inputs.user_hashes
    if inputs.tables_kept:
        about["tables"] = {}
        for place, (name, table) in enumerate(inputs.tables.items()):
            content = table_arrays(table)
            about["tables"][name] = list(content.shape)
            tensors |= {f"table.{place}.{part}": torch.from_numpy(array) for part, array in content.arrays.items()}
    try:
        with atomic_path(run.inputs) as temporary:
            save_file(tensors, temporary, {"embrec": json.dumps(about)})
    except (OSError, SafetensorError) as error:
        raise RunError(
            f"cannot write {run.inputs} ({error}); make room and train again: the training is kept"
        ) from None


def load_extras(run: RunFolder) -> dict[str, Any]:
    """Return what a run's model reads besides feature tables, as arguments of `CatalogInputs`; nothing for most models.

    Raises:
        RunError: the file is damaged.
    """
    about = _about(run)
    if not about:
        return {}
    try:
        tensors = load_file(run.inputs)
        named = about["relations"]
        relations = named and Relations(
            tuple(named["names"]),
            tensors["relations.ptr"].numpy(),
            tensors["relations.tail"].numpy(),
            named["unknown"],
        )
        found: dict[str, Any] = {
            "relations": relations,
            "attributes": {name: tensors[f"attribute.{name}"] for name in about["attributes"]},
            "vocabularies": {name: tuple(words) for name, words in about["vocabularies"].items()},
            "context": tuple(about["context"]),
            "users": tensors.get("users.known"),
            "user_hashes": tensors.get("users.hashes"),
        }
        tables = _tables(about.get("tables"), tensors)
        found["tables_kept"] = tables is not None
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise RunError(f"{run.inputs} is damaged ({error}); train the run again") from None
    if CatalogInputs({}, torch.zeros(1), **found).extras_fingerprint != about["fingerprint"]:
        raise RunError(f"{run.inputs} is not what the run was trained with; train the run again")
    return found if tables is None else {**found, "tables": tables}


def require_extras(run: RunFolder, model: ItemsConfig, inputs: CatalogInputs, catalog: Catalog) -> None:
    """Raise unless a run keeps all that its model reads, of its own catalog: files may have been copied one by one.

    Args:
        run: folder of the run.
        model: configuration of its model.
        inputs: what the folder has of them.
        catalog: the items of the run, [n].

    Raises:
        RunError: something is missing, or belongs to another catalog.
    """
    reads = reads_of(model)
    there = {
        "relations": inputs.relations is not None,
        "attributes": set(getattr(model, "attributes", attribute_columns(catalog))) <= set(inputs.attributes),
        "context": set(getattr(model, "context", ())) <= set(inputs.context),
        "users": inputs.users is not None,
        "features": inputs.tables_kept,
    }
    lacks = [kind for kind, found in there.items() if kind in reads and not found]
    if lacks:
        raise RunError(
            f"{run.inputs} lacks what the model of run {run.name!r} reads ({listed(lacks)}); copy the whole folder of the run "
            "again, or train it again"
        )
    sizes = [len(values) - 1 for values in inputs.attributes.values()]
    if inputs.relations is not None:
        sizes.append(inputs.relations.n_items)
    if inputs.tables_kept:
        sizes += [table_arrays(table).shape[0] - 1 for table in inputs.tables.values()]
    if set(sizes) - {len(catalog)}:
        raise RunError(of_another_run(run, run.inputs))


def of_another_run(run: RunFolder, file: Path) -> str:
    """Return a message about a file that is no part of the run in whose folder it is."""
    return (
        f"{file} does not belong to run {run.name!r}: its other files are of another training; copy the whole folder of the "
        "run again, or train it again"
    )


def _tables(
    shapes: Mapping[str, Sequence[int]] | None, tensors: Mapping[str, torch.Tensor]
) -> dict[str, FrozenTable] | None:
    """Return the feature tables that a run keeps; None if it keeps none."""
    if shapes is None:
        return None
    tables = {}
    for place, (name, (rows, dim)) in enumerate(shapes.items()):
        start = f"table.{place}."
        arrays = {key.removeprefix(start): value.numpy() for key, value in tensors.items() if key.startswith(start)}
        tables[name] = table_of_arrays(TableArrays((rows, dim), arrays))
    return tables


def users_of(run: RunFolder) -> NDArray[np.int64] | None:
    """Return a hash of the name of each user that a run's model knows by number, [U]; None if it knows none.

    Raises:
        RunError: the file that has them is damaged.
    """
    if not _about(run):
        return None
    hashes = load_extras(run)["user_hashes"]
    return None if hashes is None else hashes.numpy()


def context_of(run: RunFolder) -> tuple[str, ...]:
    """Return the names of the context columns that a run's model reads.

    Raises:
        RunError: the file that names them is damaged.
    """
    return tuple(_about(run).get("context", ()))


def log_of(run: RunFolder, interactions: Interactions) -> Interactions:
    """Return a log as a run's model reads it: with its context columns alone.

    Raises:
        DataError: the log lacks one of them.
        RunError: the file that names them is damaged, or the model knows the users of another log by number.
    """
    users = users_of(run)
    if users is not None and not np.array_equal(users, hashed_users(interactions)):
        raise RunError(
            f"run {run.name!r} knows its users by their numbers in the log that it was trained on, and this log has others; "
            "leave the run out, or train it again"
        )
    return interactions.with_context(context_of(run))


def hashed_users(interactions: Interactions) -> NDArray[np.int64]:
    """Return a hash of the name of each user of a log, [U]."""
    return user_hashes(interactions.user_ids).view(np.int64)


def _about(run: RunFolder) -> dict[str, Any]:
    """Return what the header of a run's inputs says; empty where the run has none."""
    if not run.inputs.is_file():
        return {}
    try:
        with safe_open(run.inputs, framework="pt") as file:
            about: dict[str, Any] = json.loads(file.metadata()["embrec"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise RunError(f"{run.inputs} is damaged ({error}); train the run again") from None
    return about
