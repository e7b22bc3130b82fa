"""The training loop: bucketed batches, validation after each epoch, the best epoch restored, exact resume."""

import contextlib
import json
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from embrec.data.batches import Batch
from embrec.data.events import Events
from embrec.data.training_rows import TrainingRows
from embrec.data.training_stream import TrainingStream
from embrec.errors import DivergedError
from embrec.models.interface import Factorised, Scored, Stateful
from embrec.parameters import parameter
from embrec.progress import Progress, silent
from embrec.training.config import TrainingConfig
from embrec.training.loop.checkpoint import Resumable, TrainerState, load_checkpoint, save_checkpoint
from embrec.training.loop.guard import Guard
from embrec.training.loop.precision import Precision, compile_model
from embrec.training.loop.prefetch import prefetch
from embrec.training.loop.shards import Shard, check_workers
from embrec.training.loop.updates import Updates
from embrec.training.objectives.base import step_weights
from embrec.training.objectives.choose import make_objective


class Validation(NamedTuple):
    """The outcome of a validation.

    Attributes:
        metrics: name -> value, among them the metric that chooses the epoch.
        gain: the value to be maximised over the epochs.
    """

    metrics: dict[str, float]
    gain: float


Validate = Callable[[], Validation]
OnEpoch = Callable[[dict[str, float]], None]


class BatchShare(NamedTuple):
    """The part of a batch that one process works on.

    Attributes:
        batch: its histories.
        weights: weights of their M valid steps in the loss, [M].
        steps: valid steps of the whole batch.
        events: events that a stateful model observes after the step.
    """

    batch: Batch
    weights: Tensor
    steps: int
    events: Events | None = None


class Trainer:
    """Trains one model; killed at any moment, a new trainer with the same arguments ends with the same weights.

    Args:
        model: with freshly initialised weights; the protocol that it satisfies decides the objective.
        rows: what the model trains on, and in which order: histories, or for a stateful model the events in the order of
            time; see `embrec.models.training_rows`.
        popularity: training events of each tensor id, [n + 1].
        validate: returns the validation metrics of the current model; None without validation: then all epochs are trained, and
            the last one is kept.
        config: settings of optimiser, batches and stopping.
        checkpoint: file that a resumed training starts from; nothing is written if None.
        fingerprint: hash of configuration and data, so that no other training resumes from this checkpoint.
        on_epoch: called with the record of each finished epoch.
        progress: called after every step.
        shard: (rank, world) where several processes train one model, each with a trainer of its own and the same other
            arguments, under an initialised `torch.distributed`. Process 0 alone reads and writes the checkpoint, validates
            and reports; all of them return the same state and end with the same weights.
    """

    def __init__(
        self,
        model: Factorised | Scored,
        rows: TrainingRows,
        popularity: Tensor,
        validate: Validate | None,
        config: TrainingConfig,
        *,
        checkpoint: Path | None = None,
        fingerprint: str = "",
        on_epoch: OnEpoch | None = None,
        progress: Progress = silent,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        self.model = model
        self.module: nn.Module = model  # type: ignore[assignment]
        self.validate = validate
        self.config = config
        self.checkpoint = checkpoint
        self.fingerprint = fingerprint
        self.device = model.known.device
        self.observer = model if isinstance(model, Stateful) else None
        if self.observer is not None and not isinstance(rows, TrainingStream):
            raise TypeError("a stateful model is trained on a TrainingStream: on the events in the order of time")
        check_workers(model, shard[1])
        self.shard = Shard(*shard, self.device)
        self.on_epoch = on_epoch if self.shard.leads else None
        self.progress = progress if self.shard.leads else silent
        self.precision = Precision(config.precision, self.device)
        if config.compile:
            compile_model(self.module, self.device)
        self.objective: nn.Module = make_objective(model, config.loss, config.negatives, popularity, config.seed)
        self.rows = rows
        self.updates = Updates(self.module, config, self.precision, len(rows.epoch(0)))
        self.guard = Guard(self.shard)
        self.saved = ""
        self.state = TrainerState()

    def fit(self) -> TrainerState:
        """Train until the selection metric stops rising, and leave the best epoch's weights in the model.

        Where nothing is validated, train all epochs and leave the last one's.

        Raises:
            RunError: loss or gradient stopped being numbers, or the checkpoint belongs to another training.
        """
        self.begin()
        while not self.state.finished:
            self.train_epoch()
        self.model.load_state_dict(self.state.best_weights)
        return self.state

    def begin(self) -> None:
        """Go to where the checkpoint is, if there is one: for callers of `train_epoch`.

        Raises:
            RunError: the checkpoint cannot be read or belongs to another training.
        """
        content = self.shard.from_leader(self._read_checkpoint)
        if content:
            self.state = load_checkpoint(content, self.checkpoint, self._parts, self.fingerprint)
            self._remember_checkpoint()
        self.objective = self.shard.wrap(self.objective)

    def train_epoch(self) -> None:
        """Train the rest of an epoch and validate, if anything is; the state then says whether the training is finished.

        Raises:
            RunError: loss or gradient stopped being numbers, or the disk is full.
        """
        self._take_steps()
        self._end_epoch()

    def _read_checkpoint(self) -> bytes:
        return self.checkpoint.read_bytes() if self.checkpoint is not None and self.checkpoint.exists() else b""

    @property
    def _parts(self) -> dict[str, Resumable]:
        return {"model": self.module, "updates": self.updates}

    def _take_steps(self) -> None:
        state = self.state
        self.module.train()
        plan = self.rows.epoch(state.epoch)
        if self.observer is not None and state.step == 0:
            self.observer.reset()
        started = saved = time.monotonic()
        with contextlib.closing(self._batches(plan[state.step :])) as batches:
            for share in batches:
                self.take_step(share)
                state.step, state.done = state.step + 1, state.done + 1
                if self.guard.full or state.step == len(plan):
                    self._read_losses()
                    if self.checkpoint is not None and time.monotonic() - saved > self.config.checkpoint_seconds:
                        state.seconds += time.monotonic() - started
                        self._check_weights()
                        self._save()
                        started = saved = time.monotonic()
                self.progress(self._task, state.step, len(plan) + 1, self._note())
        state.seconds += time.monotonic() - started

    def _batches(self, plan: list[NDArray[np.int64]]) -> Generator[BatchShare, None, None]:
        if self.device.type == "cpu":
            # Two threads would share the processors that the step already fills: collating is 0.4 ms of 60 to 240.
            return (self.batch_share(rows) for rows in plan)
        return prefetch(self.batch_share, plan)

    def batch_share(self, rows: NDArray[np.int64]) -> BatchShare:
        """Gather this process's share of a batch."""
        own, counts = self.shard.rows(rows)
        batch = self.rows.batch(own)
        steps, own_steps = (int(self.rows.steps[some].sum()) for some in (rows, own))
        users = int((self.rows.steps[rows] > 0).sum())
        total = max(1, steps if self.config.reduction == "token-mean" else users)
        # Gradients are averaged over the processes, so each one's share counts as often as there are processes.
        scale = self.shard.world if counts else 0
        weights = step_weights(batch, self.config.reduction, total, own_steps) * scale
        if self.device.type == "cuda":
            batch, weights = batch.pinned(), weights.pin_memory()
        return BatchShare(batch, weights, steps, self.rows.events(rows) if self.observer is not None else None)

    def take_step(self, share: BatchShare) -> None:
        """Move the weights by the loss of a batch; then let a stateful model observe the events of the batch."""
        config, state = self.config, self.state
        epoch = 0 if config.negatives.frozen else state.epoch
        self.shard.begin_step(config.seed, self.shard.moment(state.epoch, state.step))
        batch, weights = share.batch.to(self.device), share.weights.to(self.device, non_blocking=True)
        if share.steps:
            with self.precision.autocast():
                loss = self.objective(batch, weights, self.shard.moment(epoch, state.step))
            norm = self.updates.apply(loss, state.epoch, state.done)
            self.guard.add(loss, norm, share.steps)
        if self.observer is not None and share.events is not None:
            with torch.no_grad():
                self.observer.observe(share.events.to(self.device))

    def _read_losses(self) -> None:
        state = self.state
        reading = self.guard.read()
        state.loss_sum += reading.loss_sum
        state.loss_count += reading.counted
        if reading.steps_ago:
            self._stop(reading.what, reading.steps_ago)
        if self.precision.collapsed:
            self._stop("no scale of the loss gives a finite gradient", 1)

    def _stop(self, what: str, steps_ago: int) -> NoReturn:
        state = self.state
        rate = self.updates.rate(state.epoch, state.done - steps_ago)
        kept = (
            f"the last good checkpoint is kept: {self.checkpoint}, {self.saved}" if self.saved else "no checkpoint yet"
        )
        raise DivergedError(
            f"{what} in epoch {state.epoch + 1}, step {state.step - steps_ago + 1}, at learning rate {rate:g}",
            f"; lower it or set clip_norm, and start over with {parameter('force', True)} ({kept})",
        )

    def _end_epoch(self) -> None:
        state, config = self.state, self.config
        self._check_weights()
        last = state.epoch + 1 == config.epochs
        rate = self.updates.rate(state.epoch, state.done - 1)
        record: dict[str, Any] = {"epoch": state.epoch + 1, "loss": state.loss_sum / max(1, state.loss_count)}
        if config.schedule.moves:
            record["learning rate"] = rate
        note = self._note()
        if self.validate is None:
            if last:
                with self.updates.average.applied():
                    self._keep_weights()
            state.finished = last
        elif last or (state.epoch + 1) % config.validate_every == 0:
            value = self._validate(self.validate, record)
            note += f", valid {config.select_by} {value:.4f}"
            without = state.epoch - state.best_epoch
            state.finished = last or without >= config.patience
            if state.finished and not last:
                note += f", no better for {without} epoch{'s' * (without > 1)}: stopped"
        record["seconds"] = round(state.seconds, 2)
        state.history.append(record)
        steps = state.step + 1  # the last one was the validation
        self.progress(self._task, steps, steps, note)
        state.epoch, state.step, state.loss_sum, state.loss_count = state.epoch + 1, 0, 0.0, 0
        self._save()
        if self.on_epoch is not None:
            self.on_epoch(record)

    def _validate(self, validate: Validate, record: dict[str, Any]) -> float:
        """Add the validation metrics to a record, keep the weights if they are the best, and return the selection metric."""
        state = self.state
        started = time.monotonic()
        with self.updates.average.applied():
            metrics, gain = json.loads(self.shard.from_leader(lambda: json.dumps(validate()).encode()))
            value: float = metrics[self.config.select_by]
            if gain > state.best_value:
                state.best_value = gain
                self._keep_weights()
        state.seconds += time.monotonic() - started
        record.update({f"valid {name}": value for name, value in metrics.items()})
        return value

    def _keep_weights(self) -> None:
        """Let the model's weights as they stand be those that the training ends with, unless better ones follow."""
        self.state.best_epoch = self.state.epoch
        self.state.best_weights = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}

    def _check_weights(self) -> None:
        """Refuse to keep weights that are not finite: a step may overflow them though its gradient was finite."""
        norm = torch.nn.utils.get_total_norm([weight.detach() for weight in self.model.parameters()])
        if not norm.isfinite():
            self._stop(f"the norm of the weights is {norm.item()}", 1)

    def _save(self) -> None:
        if self.checkpoint is not None and self.shard.leads:
            save_checkpoint(self.checkpoint, self.state, self._parts, self.fingerprint)
            self._remember_checkpoint()

    def _remember_checkpoint(self) -> None:
        self.saved = f"epoch {self.state.epoch + 1}, step {self.state.step}"

    @property
    def _task(self) -> str:
        return f"epoch {self.state.epoch + 1}/{self.config.epochs}"

    def _note(self) -> str:
        state = self.state
        note = f"loss {state.loss_sum / state.loss_count:.4f}" if state.loss_count else ""
        if self.config.schedule.moves:
            note += f", learning rate {self.updates.rate(state.epoch, max(0, state.done - 1)):.2e}"
        return note
