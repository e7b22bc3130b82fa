"""Relations, attributes, context columns and users that a model reads: from its category, or from the folder of its run.

The registration of a model says which kinds of these it reads (`reads`). Fields of its configuration with the same names,
`relations`, `attributes` and `context`, say which ones; a configuration without such a field reads the defaults.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from embrec.data.attributes import read_attribute
from embrec.data.catalog import IMAGE, ITEM, Catalog
from embrec.data.interactions import Interactions
from embrec.data.prepared import PreparedSplit
from embrec.data.relations import Relations
from embrec.data.splits import Partition
from embrec.errors import ConfigError, RunError
from embrec.files import atomic_path
from embrec.models import registry
from embrec.models.config import ItemsConfig
from embrec.models.inputs import CatalogInputs
from embrec.models.tables import FrozenTable, TableArrays, table_arrays, table_of_arrays
from embrec.parameters import parameter
from embrec.runs.folder import RunFolder
from embrec.runs.provenance import user_hashes

# The relation that is counted from training events: from an item to those that some user touched right after it.
NEXT = "next"
_NEXT = re.compile(r"next(:most=(?P<most>[1-9][0-9]*))?")


def read_extras(model: ItemsConfig, prepared: PreparedSplit, learned: Partition) -> CatalogInputs:
    """Return what a model reads of a category, without feature tables.

    Args:
        model: the model's configuration.
        prepared: the data and how the split divides them.
        learned: how the log is divided for the training itself; relations are counted from its training events.

    Raises:
        ConfigError: a relation, an attribute or a context column does not have the form it needs.
        DataError: the catalog or the log has no such column.
    """
    found: dict[str, Any] = {}
    reads = reads_of(model)
    if "relations" in reads:
        found["relations"] = read_relations(getattr(model, "relations", (NEXT,)), prepared, learned)
    if "attributes" in reads:
        names = getattr(model, "attributes", attribute_columns(prepared.catalog))
        read = {name: read_attribute(prepared.catalog, name) for name in names}
        found["attributes"] = {name: torch.from_numpy(one.values) for name, one in read.items()}
        found["vocabularies"] = {name: one.vocabulary for name, one in read.items() if one.vocabulary}
    if "context" in reads:
        log = prepared.interactions
        found["context"] = tuple(getattr(model, "context", log.numeric_context()))
        log.with_context(found["context"])  # raises if there is no such column
    if "users" in reads:
        log = prepared.interactions
        known = np.bincount(log.user[learned.train.events(log)], minlength=log.n_users) > 0
        found["users"] = torch.from_numpy(known)
        found["user_hashes"] = torch.from_numpy(hashed_users(log).copy())
    found["tables_kept"] = "features" in reads
    return CatalogInputs({}, known_items(learned.train_items), **found)


def reads_of(model: ItemsConfig) -> frozenset[str]:
    """Return the kinds of inputs that a model reads besides item vectors and histories, by its registration."""
    return registry.of(model.kind).reads


def known_items(train_items: NDArray[np.bool_]) -> torch.Tensor:
    """Return which tensor ids have training events, [n] -> [n + 1]."""
    return torch.nn.functional.pad(torch.tensor(train_items), (1, 0))


def read_relations(names: Sequence[str], prepared: PreparedSplit, learned: Partition) -> Relations:
    """Return relations by name: `next` or `next:most=N`, which is counted, or a catalog column that lists other items.

    Args:
        names: names of the relations, each once.
        prepared: the data.
        learned: how the log is divided for the training; only its training events are counted.

    Raises:
        ConfigError: there is no relation, or one twice.
        DataError: the catalog has no such column.
    """
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"{parameter('relations', names)} must name at least one relation, each once")
    catalog, log = prepared.catalog, prepared.interactions
    found = []
    for name in names:
        counted = _NEXT.fullmatch(name) if name not in catalog.frame.columns else None
        if counted is None:
            found.append(Relations.from_lists(catalog, [name]))
            continue
        most = None if counted["most"] is None else int(counted["most"])
        events = learned.train.events(log)
        found.append(Relations.from_transitions(log, events, len(catalog), name=name, most=most))
    together = found[0]
    for one in found[1:]:
        together = together.beside(one)
    return together


def attribute_columns(catalog: Catalog) -> tuple[str, ...]:
    """Return the columns that a model reads as attributes where it names none: those of one number or name an item, without
    ids, pictures and the texts that encoders read.
    """
    others = (ITEM, IMAGE, *catalog.text_columns)
    schema = catalog.frame.schema.items()
    return tuple(name for name, dtype in schema if name not in others and not dtype.is_nested() and dtype != pl.Binary)


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
