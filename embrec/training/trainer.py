"""The training loop: bucketed batches, validation after each epoch, the best epoch restored, exact resume."""

import math
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
from embrec.training.objective import Objective, step_weights

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
    ) -> None:
        self.model = model
        self.sequences = sequences
        self.validate = validate
        self.config = config
        self.checkpoint = checkpoint
        self.fingerprint = fingerprint
        self.on_epoch = on_epoch
        self.progress = progress
        self.device = model.known.device
        self.objective = Objective(model, config.loss, config.negatives, popularity, config.seed)
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        # The last event of a training history is only a target.
        self.sampler = BucketSampler(sequences.lengths - 1, config.batch_size, seed=config.seed)
        self.state = TrainerState()

    def fit(self) -> TrainerState:
        """Train until the selection metric stops rising, and leave the best epoch's weights in the model.

        Raises:
            RunError: the loss stopped being a number, or the checkpoint belongs to another training.
        """
        if self.checkpoint is not None and self.checkpoint.exists():
            self.state = load_checkpoint(self.checkpoint, self.model, self.optimizer, self.fingerprint)
        while not self.state.finished:
            self._train_epoch()
            self._end_epoch()
        self.model.load_state_dict(self.state.best_weights)
        return self.state

    def _train_epoch(self) -> None:
        state = self.state
        self.model.train()
        batches = self.sampler.epoch(state.epoch)
        started = saved = time.monotonic()
        for rows in batches[state.step :]:
            loss, count = self._step(rows)
            state.loss_sum += loss * count
            state.loss_count += count
            state.step += 1
            if self.checkpoint is not None and time.monotonic() - saved > self.config.checkpoint_seconds:
                state.seconds += time.monotonic() - started
                self._save()
                started = saved = time.monotonic()
            self.progress(self._task, state.step, len(batches) + 1, f"loss {state.loss_sum / state.loss_count:.4f}")
        state.seconds += time.monotonic() - started

    @property
    def _task(self) -> str:
        return f"epoch {self.state.epoch + 1}/{self.config.epochs}"

    def _step(self, rows: NDArray[np.int64]) -> tuple[float, int]:
        batch = collate(self.sequences, rows).to(self.device)
        count = int(sum(self.sequences.lengths[rows] - 1))
        total = count if self.config.reduction == "token-mean" else len(rows)
        moment = (0 if self.config.negatives.frozen else self.state.epoch, self.state.step)
        loss = self.objective(batch, step_weights(batch, self.config.reduction, total), moment)
        value = loss.item()
        if not math.isfinite(value):
            raise RunError(
                f"the loss is {value} in epoch {self.state.epoch + 1}, step {self.state.step + 1}, at learning rate "
                f"{self.config.learning_rate:g}; lower it or set clip_norm (the last checkpoint is kept)"
            )
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if self.config.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.optimizer.step()
        return value, count

    def _end_epoch(self) -> None:
        state, config = self.state, self.config
        started = time.monotonic()
        metrics = self.validate()
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
        steps = len(self.sampler.epoch(state.epoch)) + 1  # the last one was the validation
        self.progress(self._task, steps, steps, f"loss {record['loss']:.4f}, valid {config.select_by} {value:.4f}")
        state.epoch, state.step, state.loss_sum, state.loss_count = state.epoch + 1, 0, 0.0, 0
        state.finished = state.epoch >= config.epochs or state.epoch - 1 - state.best_epoch >= config.patience
        self._save()
        if self.on_epoch is not None:
            self.on_epoch(record)

    def _save(self) -> None:
        if self.checkpoint is not None:
            save_checkpoint(self.checkpoint, self.state, self.model, self.optimizer, self.fingerprint)
