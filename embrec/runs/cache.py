"""Cache of evaluations on disk: the ranks of a model's targets, computed once for what they depend on."""

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from embrec.evaluation.evaluator import Evaluation, EvaluationConfig
from embrec.evaluation.ranks import Standing
from embrec.files import atomic_path, tidy
from embrec.locks import locked
from embrec.runs.folder import RunFolder

FORMAT = 1  # of the files, and of how ranks are computed


def save_evaluation(path: Path, evaluation: Evaluation) -> None:
    """Write an evaluation as safetensors."""
    arrays = {
        **{f"standing.{name}": values for name, values in asdict(evaluation.standing).items()},
        "user": evaluation.user,
        "event": evaluation.event,
        "label": evaluation.label,
        **({} if evaluation.top is None else {"top": evaluation.top}),
    }
    with atomic_path(path) as temporary:
        save_file(arrays, temporary, {"ties": evaluation.ties})


def load_evaluation(path: Path) -> Evaluation:
    """Read an evaluation.

    Raises:
        OSError: the file cannot be read.
        SafetensorError: it is damaged.
        KeyError: it was written by another version.
    """
    with safe_open(path, framework="numpy") as file:
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
        ties = (file.metadata() or {})["ties"]
    standing = Standing(**{name: arrays[f"standing.{name}"] for name in Standing.__dataclass_fields__})
    return Evaluation(standing, arrays["user"], arrays["event"], arrays["label"], ties, arrays.get("top"))


def cached_evaluation(
    run: RunFolder,
    config: EvaluationConfig,
    keep: int,
    compute: Callable[[], Evaluation],
    *,
    log: bytes,
    without: str | None = None,
) -> Evaluation:
    """Return the evaluation of a run's test targets under a protocol: the one in its folder, or a new one that is kept there.

    A file is named after all that its ranks depend on: fingerprint (configuration and data) and weights of the run, the log
    and the targets as they are now (the category may have been imported again since), the zeroed source, and the protocol
    without its metrics.

    Args:
        run: a finished one.
        config: the protocol.
        keep: number of the best items that are needed of each target.
        compute: makes the evaluation.
        log: hash of the log and of the targets that are ranked.
        without: feature table whose vectors are zeroed (see `model_without`); None for the whole model.
    """
    silenced = b"" if without is None else f"without {without}".encode()
    identity = run.fingerprint().encode() + run.weights.read_bytes() + log + silenced
    return cached_evaluation_in(run.path / "evaluations", identity, config, keep, compute)


def cached_evaluation_in(
    folder: Path,
    identity: bytes,
    config: EvaluationConfig,
    keep: int,
    compute: Callable[[], Evaluation],
) -> Evaluation:
    """Return the evaluation of one model in a folder, or a new one that is kept there; see `cached_evaluation`.

    Args:
        folder: folder of evaluations.
        identity: all that the model's ranks depend on besides the protocol.
        config: the protocol.
        keep: number of the best items that are needed of each target.
        compute: makes the evaluation.
    """
    protocol = config.model_dump(mode="json", exclude={"metrics", "batch_size", "ties"})
    digest = hashlib.blake2b(identity, digest_size=8)
    digest.update(json.dumps([FORMAT, protocol], sort_keys=True).encode())
    path = folder / f"{digest.hexdigest()}.safetensors"
    try:
        found = load_evaluation(path)
        if not keep or (found.top is not None and found.top.shape[1] >= keep):
            return Evaluation(found.standing, found.user, found.event, found.label, config.ties, found.top)
    except (OSError, SafetensorError, KeyError):
        pass
    evaluation = compute()
    # A folder that cannot be written costs time only.
    with contextlib.suppress(OSError, SafetensorError), locked(folder / ".lock", None):
        tidy(folder)
        save_evaluation(path, evaluation)
    return evaluation
