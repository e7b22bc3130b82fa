"""The state of a training that was interrupted: enough to go on as if it had not been."""

import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from embrec.errors import RunError
from embrec.files import atomic_path


@dataclass
class TrainerState:
    """Where the training stands, between two steps.

    Attributes:
        epoch: the running epoch, from 0.
        step: steps done in it.
        loss_sum: sum of the losses of its valid steps so far.
        loss_count: the number of those.
        seconds: time spent in training and validation, over all sittings.
        best_value: the best value of the selection metric so far.
        best_epoch: its epoch, -1 if none is over.
        best_weights: the weights of that epoch.
        history: one record an epoch that is over.
        finished: whether training is over.
    """

    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    loss_count: int = 0
    seconds: float = 0.0
    best_value: float = float("-inf")
    best_epoch: int = -1
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False


def save_checkpoint(
    path: Path, state: TrainerState, model: torch.nn.Module, optimizer: torch.optim.Optimizer, fingerprint: str
) -> None:
    """Write everything that the next step depends on; `fingerprint` names the configuration and data it belongs to.

    Raises:
        RunError: the file cannot be written; the one before it stays.
    """
    content = {
        "fingerprint": fingerprint,
        "state": vars(state),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "random": torch.get_rng_state(),
        "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }
    try:
        with atomic_path(path) as temporary:
            torch.save(content, temporary)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError of several lines
        reason = str(error).splitlines()[0]
        raise RunError(
            f"cannot write {path} ({reason}); make room and run the command again: it goes on from the last checkpoint"
        ) from None


def load_checkpoint(
    data: bytes, path: Path | None, model: torch.nn.Module, optimizer: torch.optim.Optimizer, fingerprint: str
) -> TrainerState:
    """Bring model, optimizer and random generators back to the checkpoint and return its state.

    Args:
        data: what the file holds.
        path: where it was read, for messages.
        model: takes its weights.
        optimizer: takes its moments.
        fingerprint: of this training.

    Raises:
        RunError: the file is broken or belongs to another configuration or other data.
    """
    try:
        content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a broken file
        raise RunError(f"{path}: the checkpoint cannot be read ({error}); train again with --force") from error
    if content["fingerprint"] != fingerprint:
        raise RunError(
            f"{path and path.parent}: the run was begun with another configuration or other data; "
            "name another run with --run, or start over with --force"
        )
    model.load_state_dict(content["model"])
    optimizer.load_state_dict(content["optimizer"])
    torch.set_rng_state(content["random"])
    if content["random_cuda"]:
        torch.cuda.set_rng_state_all(content["random_cuda"])
    return TrainerState(**content["state"])
