"""A training that several processes share: each takes its part of every batch, and all take the same step.

Every process holds the whole model and the whole state of the training, and they stay equal because all apply the same
averaged gradient. So only three things ever travel: gradients, the losses that are shown, and what the leader alone knows (the
checkpoint it read, the metrics it validated).
"""

import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


class Shard:
    """The part of one process in a training.

    Args:
        rank: of this process, from 0; process 0 leads: it validates, logs and writes the checkpoints.
        world: the number of processes; with more than one, `torch.distributed` must be initialised.
        device: of the model.

    Raises:
        ValueError: rank and world do not fit each other, or the processes do not know each other.
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
        """Whether this is the process that validates, logs and writes."""
        return self.rank == 0

    def rows(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], bool]:
        """Return this process's part of a batch, and whether it counts.

        A process for which no row is left takes the first one, to be weighted by zero: it must take part in the averaging.
        """
        own = rows[self.rank :: self.world]
        return (own, True) if len(own) else (rows[:1], False)

    def moment(self, epoch: int, step: int) -> tuple[int, ...]:
        """Return what tells this process's draws at a step apart from all others."""
        return (epoch, step) if self.world == 1 else (epoch, step, self.rank)

    def begin_step(self, seed: int, moment: tuple[int, ...]) -> None:
        """Give each process a dropout of its own that a resume repeats; a process alone goes on with its generator."""
        if self.world > 1:
            state = np.random.SeedSequence([seed, *moment]).generate_state(1, np.uint64)[0]
            torch.manual_seed(int(state >> np.uint64(1)))

    def wrap(self, objective: nn.Module) -> nn.Module:
        """Return the objective with its gradients averaged over the processes."""
        if self.world == 1:
            return objective
        with torch.no_grad():
            for parameter in objective.parameters():
                distributed.broadcast(parameter, 0)
        # Frozen tables are buffers, the same everywhere: nothing of them needs to travel.
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="`broadcast_buffers` is deprecated")  # what follows it is too new
            return DistributedDataParallel(objective, init_sync=False, broadcast_buffers=False)

    def mean_(self, values: Tensor) -> None:
        """Put the mean over the processes in the place of some values."""
        if self.world > 1:
            distributed.all_reduce(values)
            values /= self.world

    def from_leader(self, produce: Callable[[], bytes]) -> bytes:
        """Call `produce` in the leader, and return what it returned in all processes."""
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
