"""Data-parallel training: each process takes its part of every batch, and all take the same optimiser step.

Every process has the whole model and the whole state of the training. These stay equal since all processes apply the same
averaged gradient. Only three things are communicated: gradients, the losses to show, and results of the leader alone (the
checkpoint that it read, its validation metrics).
"""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from embrec.errors import ConfigError
from embrec.models.interface import Stateful
from embrec.parameters import parameter


class Shard:
    """The part of one process in a training.

    Args:
        rank: rank of this process, from 0; process 0 leads: it validates, logs and writes the checkpoints.
        world: number of processes; with more than one, `torch.distributed` must be initialised.
        device: device of the model.

    Raises:
        ValueError: `rank` is not in [0, world), or torch.distributed is not initialised with `world` processes.
    """

    def __init__(self, rank: int, world: int, device: torch.device) -> None:
        if not 0 <= rank < world:
            raise ValueError(f"rank {rank} is not one of {world} processes")
        if world > 1 and not (distributed.is_initialized() and distributed.get_world_size() == world):
            raise ValueError(f"a training by {world} processes needs torch.distributed with as many of them")
        self.rank = rank
        self.world = world
        self.device = device

    @property
    def leads(self) -> bool:
        """True in the process that validates, logs and writes checkpoints."""
        return self.rank == 0

    def rows(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], bool]:
        """Return the rows of a batch for this process, and True if they count.

        If the batch has too few rows, the process takes the first one with weight 0, since it must take part in the averaging.

        Args:
            rows: rows of the whole batch, [B].
        """
        own = rows[self.rank :: self.world]
        return (own, True) if len(own) else (rows[:1], False)

    def moment(self, epoch: int, step: int) -> tuple[int, ...]:
        """Return the key of the random draws of this process at a step."""
        return (epoch, step) if self.world == 1 else (epoch, step, self.rank)

    def begin_step(self, seed: int, moment: tuple[int, ...]) -> None:
        """Seed torch for a step, so that processes differ in dropout and a resume repeats it; nothing to do for one process."""
        if self.world > 1:
            state = np.random.SeedSequence([seed, *moment]).generate_state(1, np.uint64)[0]
            torch.manual_seed(int(state >> np.uint64(1)))

    def wrap(self, objective: nn.Module) -> nn.Module:
        """Return the objective as a module that averages its gradients over the processes."""
        if self.world == 1:
            return objective
        with torch.no_grad():
            for parameter in objective.parameters():
                distributed.broadcast(parameter, 0)
        # Frozen tables are buffers, equal in all processes, so they need not be broadcast.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated")  # its successor is too new
            return DistributedDataParallel(objective, init_sync=False, broadcast_buffers=False)

    def mean_(self, values: Tensor) -> None:
        """Replace values by their mean over the processes, in place."""
        if self.world > 1:
            distributed.all_reduce(values)
            values /= self.world

    def from_leader(self, produce: Callable[[], bytes]) -> bytes:
        """Call `produce` in the leader only, and return its result in all processes."""
        if self.world == 1:
            return produce()
        data = produce() if self.leads else b""
        size = torch.tensor([len(data)], device=self.device)
        distributed.broadcast(size, 0)
        values = torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)
        room = values.to(self.device) if self.leads else values.new_empty(int(size), device=self.device)
        if len(room):
            distributed.broadcast(room, 0)
        return room.cpu().numpy().tobytes()


def check_workers(model: object, workers: int) -> None:
    """Check that one process trains a stateful model.

    Raises:
        ConfigError: there are several.
    """
    if workers > 1 and isinstance(model, Stateful):
        raise ConfigError(
            "a stateful model observes events one after the other, so one process trains it; set "
            f"{parameter('training.workers', 1)}"
        )
