"""Checkpoints: the full state of a training, from which it resumes with the same results as without an interruption."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from embrec.errors import RunError, StorageError
from embrec.files import atomic_path
from embrec.parameters import parameter


@dataclass
class TrainerState:
    """The state of a training between two steps.

    Attributes:
        epoch: number of the current epoch, from 0.
        step: steps done in it.
        done: steps done in all epochs.
        loss_sum: sum of the losses of its valid steps so far.
        loss_count: the number of those.
        seconds: time spent in training and validation, over all sessions.
        best_value: the best value of the selection metric so far, negated where lower is better; -inf where nothing is
            validated.
        best_epoch: its epoch, or the last one where nothing is validated; -1 if there is none yet.
        best_weights: the weights of that epoch.
        history: one record for each finished epoch.
        finished: True if the training is over.
    """

    epoch: int = 0
    step: int = 0
    done: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    seconds: float = 0.0
    best_value: float = float("-inf")
    best_epoch: int = -1
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False


class Resumable(Protocol):
    """A part of the training with a state of tensors and plain values, such as the model."""

    def state_dict(self) -> dict[str, Any]:
        """Return the state."""
        ...

    def load_state_dict(self, state: dict[str, Any], /) -> Any:
        """Restore a state."""
        ...


def save_checkpoint(path: Path, state: TrainerState, parts: Mapping[str, Resumable], fingerprint: str) -> None:
    """Write everything that the next step depends on; `fingerprint` names the configuration and data it belongs to.

    Raises:
        StorageError: the file cannot be written; the previous checkpoint is kept.
    """
    content = {
        "fingerprint": fingerprint,
        "state": vars(state),
        "parts": {name: part.state_dict() for name, part in parts.items()},
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    try:
        with atomic_path(path) as temporary:
            torch.save(content, temporary)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError of several lines
        reason = str(error).splitlines()[0]
        raise StorageError(
            f"cannot write {path} ({reason}); make room and train again: it goes on from the last checkpoint"
        ) from None


def load_checkpoint(data: bytes, path: Path | None, parts: Mapping[str, Resumable], fingerprint: str) -> TrainerState:
    """Bring the parts and the random generators back to the checkpoint and return its state.

    Args:
        data: content of the file.
        path: its path, for messages.
        parts: the parts that take their states.
        fingerprint: hash of configuration and data of this training.

    Raises:
        RunError: the file is damaged, or it belongs to another configuration or other data.
    """
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        belongs = content["fingerprint"] == fingerprint
        state = TrainerState(**content["state"])
        states = {name: content["parts"][name] for name in parts}
    except Exception as error:  # torch raises many types of errors for a damaged file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RunError(
            f"{path}: the checkpoint cannot be read ({reason}); train again with {parameter('force', True)}"
        ) from error
    if not belongs:
        raise RunError(
            f"{path and path.parent}: the run was begun with another configuration or other data; "
            f"name another run with {parameter('name')}, or start over with {parameter('force', True)}"
        )
    for name, part in parts.items():
        part.load_state_dict(states[name])
    torch.set_rng_state(content["random"])
    if len(content["random_cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(content["random_cuda"])
    return state
