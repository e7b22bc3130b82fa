"""Provenance of a comparison: identity of its settings and data, and the command, machine and versions that made it."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from embrec.data.splits import Partition
from embrec.data.store import Dataset
from embrec.diagnosis import diagnose
from embrec.runs.config import RunConfig
from embrec.runs.provenance import log_hash
from embrec.workspace import Category, Workspace

# Settings that change no result: comparisons that differ in them alone are the same.
WITHOUT_EFFECT = ("training.device", "training.checkpoint_seconds")


def settings_of(config: RunConfig) -> dict[str, Any]:
    """Return a configuration as plain values, without features, seed and what changes no result."""
    without_effect = {key.removeprefix("training.") for key in WITHOUT_EFFECT}
    return config.identity(training={"seed"} | without_effect, model={"features"})


def data_hash(dataset: Dataset) -> str:
    """Return a hash of the catalog and the log."""
    return hashlib.blake2b(
        dataset.catalog.fingerprints.tobytes() + log_hash(dataset.interactions), digest_size=8
    ).hexdigest()


def identity_hash(identity: Mapping[str, Any]) -> str:
    """Return a short hash of what the runs of a comparison share, for its name."""
    return hashlib.blake2b(json.dumps(identity, sort_keys=True).encode(), digest_size=4).hexdigest()


def circumstances(dataset: Dataset, partition: Partition, category: Category, command: str) -> dict[str, Any]:
    """Return command, data, machine and versions, as plain values.

    Args:
        dataset: the catalog and the log.
        partition: how the log is divided.
        category: the folder of the data.
        command: recorded as having made the comparison.
    """
    found = diagnose(Workspace(category.path.parent))
    machine = {key: found.system[key] for key in ("platform", "cores", "torch threads", "GPUs") if key in found.system}
    versions = {package: version for package, version, of in found.packages if of in ("core", "report")}
    data = {
        **dataset.statistics(),
        "training items": int(partition.train_items.sum()),
        "training events": len(partition.train),
        "validation targets": len(partition.valid),
        "test targets": len(partition.test),
    }
    return {
        "command": command,
        "data": data,
        "machine": machine,
        "versions": {"embrec": found.system["embrec"], "python": found.system["python"], **versions},
    }
