"""The training loop: bucketed batches, validation after each epoch, the best epoch restored, exact resume."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.data.batches import BucketSampler, collate
from embrec.data.sequences import Sequences
from embrec.errors import RunError
from embrec.models.recommender import Recommender
from embrec.progress import Progress, silent
from embrec.training.checkpoint import TrainerState, load_checkpoint, save_checkpoint
from embrec.training.config import TrainingConfig
from embrec.training.guard import Guard
from embrec.training.objective import Objective, step_weights
from embrec.training.shards import Shard

Validate = Callable[[], dict[str, float]]
OnEpoch = Callable[[dict[str, float]], None]


class Trainer:
    """Trains one model; killed at any moment, a new trainer with the same arguments ends with the same weights.

    Args:
        model: with freshly initialised weights.
        sequences: the training histories.
        popularity: training events of each tensor id, [n + 1].
        validate: returns the validation metrics of the model as it stands.
        config: optimiser, batches, stopping.
        checkpoint: the file that a resume starts from; nothing is written if None.
        fingerprint: names the configuration and data, so that no other training resumes from this checkpoint.
        on_epoch: called with the record of each epoch that is over.
        progress: told of every step.
        shard: (rank, world) where several processes train one model, each with a trainer of its own and the same other
            arguments, under an initialised `torch.distributed`. Process 0 alone reads and writes the checkpoint, validates
            and reports; all of them return the same state and end with the same weights.
    """

    def __init__(
        self,
        model: Recommender,
        sequences: Sequences,
        popularity: Tensor,
        validate: Validate,
        config: TrainingConfig,
        *,
        checkpoint: Path | None = None,
        fingerprint: str = "",
        on_epoch: OnEpoch | None = None,
        progress: Progress = silent,
        shard: tuple[int, int] = (0, 1),
    ) -> None:
        self.model = model
        self.sequences = sequences
        self.validate = validate
        self.config = config
        self.checkpoint = checkpoint
        self.fingerprint = fingerprint
        self.device = model.known.device
        self.shard = Shard(*shard, self.device)
        self.on_epoch = on_epoch if self.shard.leads else None
        self.progress = progress if self.shard.leads else silent
        self.objective = Objective(model, config.loss, config.negatives, popularity, config.seed)
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        # The last event of a training history is only a target.
        self.sampler = BucketSampler(sequences.lengths - 1, config.batch_size, seed=config.seed)
        self.guard = Guard(self.shard)
        self.saved = ""
        self.state = TrainerState()

    def fit(self) -> TrainerState:
        """Train until the selection metric stops rising, and leave the best epoch's weights in the model.

        Raises:
            RunError: loss or gradient stopped being numbers, or the checkpoint belongs to another training.
        """
        self._resume()
        self.shared_objective = self.shard.wrap(self.objective)
        while not self.state.finished:
            self._train_epoch()
            self._end_epoch()
        self.model.load_state_dict(self.state.best_weights)
        return self.state

    def _resume(self) -> None:
        content = self.shard.from_leader(self._read_checkpoint)
        if content:
            self.state = load_checkpoint(content, self.checkpoint, self.model, self.optimizer, self.fingerprint)
            self._remember_checkpoint()

    def _read_checkpoint(self) -> bytes:
        return self.checkpoint.read_bytes() if self.checkpoint is not None and self.checkpoint.exists() else b""

    def _train_epoch(self) -> None:
        state = self.state
        self.model.train()
        batches = self._batches()
        started = saved = time.monotonic()
        for rows in batches[state.step :]:
            self._step(rows)
            state.step += 1
            if self.guard.full or state.step == len(batches):
                self._read_losses()
                if self.checkpoint is not None and time.monotonic() - saved > self.config.checkpoint_seconds:
                    state.seconds += time.monotonic() - started
                    self._save()
                    started = saved = time.monotonic()
            self.progress(self._task, state.step, len(batches) + 1, self._note())
        state.seconds += time.monotonic() - started

    def _batches(self) -> list[NDArray[np.int64]]:
        return self.sampler.epoch(0 if self.config.negatives.frozen else self.state.epoch)

    @property
    def _task(self) -> str:
        return f"epoch {self.state.epoch + 1}/{self.config.epochs}"

    def _note(self) -> str:
        return f"loss {self.state.loss_sum / self.state.loss_count:.4f}" if self.state.loss_count else ""

    def _step(self, rows: NDArray[np.int64]) -> None:
        config = self.config
        own, counts = self.shard.rows(rows)
        count = int((self.sequences.lengths[rows] - 1).sum())
        total = count if config.reduction == "token-mean" else len(rows)
        moment = self.shard.moment(0 if config.negatives.frozen else self.state.epoch, self.state.step)
        self.shard.begin_step(config.seed, self.shard.moment(self.state.epoch, self.state.step))
        batch = collate(self.sequences, own).to(self.device)
        # Gradients are averaged over the processes, so each one's share counts as often as there are processes.
        weights = step_weights(batch, config.reduction, total) * (self.shard.world * counts)
        loss = self.shared_objective(batch, weights, moment)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip_norm or float("inf"))
        self.optimizer.step()
        self.guard.add(loss, norm, count)

    def _read_losses(self) -> None:
        state = self.state
        first = state.step - len(self.guard.counts)
        reading = self.guard.read()
        state.loss_sum += reading.loss_sum
        state.loss_count += reading.counted
        if reading.bad_step is not None:
            raise RunError(
                f"{reading.what} in epoch {state.epoch + 1}, step {first + reading.bad_step + 1}, at learning rate "
                f"{self.config.learning_rate:g}; lower it or set clip_norm, and start over ({self._last_checkpoint()})"
            )

    def _last_checkpoint(self) -> str:
        return f"the last good checkpoint is kept: {self.checkpoint}, {self.saved}" if self.saved else "no checkpoint"

    def _end_epoch(self) -> None:
        state, config = self.state, self.config
        started = time.monotonic()
        metrics = json.loads(self.shard.from_leader(lambda: json.dumps(self.validate()).encode()))
        state.seconds += time.monotonic() - started
        value = metrics[config.select_by]
        if value > state.best_value:
            state.best_value, state.best_epoch = value, state.epoch
            state.best_weights = {name: tensor.clone() for name, tensor in self.model.state_dict().items()}
        record = {
            "epoch": state.epoch + 1,
            "loss": state.loss_sum / max(1, state.loss_count),
            "seconds": round(state.seconds, 2),
            **{f"valid {name}": value for name, value in metrics.items()},
        }
        state.history.append(record)
        steps = len(self._batches()) + 1  # the last one was the validation
        self.progress(self._task, steps, steps, f"{self._note()}, valid {config.select_by} {value:.4f}")
        state.epoch, state.step, state.loss_sum, state.loss_count = state.epoch + 1, 0, 0.0, 0
        state.finished = state.epoch >= config.epochs or state.epoch - 1 - state.best_epoch >= config.patience
        self._save()
        if self.on_epoch is not None:
            self.on_epoch(record)

    def _save(self) -> None:
        if self.checkpoint is not None and self.shard.leads:
            save_checkpoint(self.checkpoint, self.state, self.model, self.optimizer, self.fingerprint)
            self._remember_checkpoint()

    def _remember_checkpoint(self) -> None:
        self.saved = f"epoch {self.state.epoch + 1}, step {self.state.step}"
