"""Relations, attributes and context columns that the model of a run reads, kept in the folder of the run."""

import json
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file

from embrec.data.interactions import Interactions
from embrec.data.relations import Relations
from embrec.errors import RunError
from embrec.files import atomic_path
from embrec.models.inputs import CatalogInputs
from embrec.runs.folder import RunFolder


def save_extras(run: RunFolder, inputs: CatalogInputs) -> None:
    """Write relations, attributes and names of context columns into a run's folder; nothing for models that read none.

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
        }
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise RunError(f"{run.inputs} is damaged ({error}); train the run again") from None
    if CatalogInputs({}, torch.zeros(1), **found).extras_fingerprint != about["fingerprint"]:
        raise RunError(f"{run.inputs} is not what the run was trained with; train the run again")
    return found


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
        RunError: the file that names them is damaged.
    """
    return interactions.with_context(context_of(run))


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
