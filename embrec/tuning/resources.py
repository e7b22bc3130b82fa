"""Resources of a search: the processors and GPUs of its trials, on one machine or a cluster."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from embrec.errors import ConfigError
from embrec.parameters import parameter
from embrec.processors import usable_processors


@dataclass(frozen=True)
class Resources:
    """The processors and GPUs that the trials of a search may use.

    Attributes:
        concurrent: largest number of concurrent trials; as many as the machines can hold if None.
        threads: processors of each trial.
        per_gpu: number of trials that share a GPU.
        device: "auto", "cpu" or "cuda".
        address: address of a running Ray cluster; None starts one on this machine.
    """

    concurrent: int | None = None
    threads: int = 1
    per_gpu: int = 1
    device: str = "auto"
    address: str | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("concurrent", self.concurrent),
            ("threads", self.threads),
            ("per_gpu", self.per_gpu),
        ):
            if value is not None and value < 1:
                raise ConfigError(f"{parameter(name)} is {value}; use 1 or more")
        if self.device not in ("auto", "cpu", "cuda"):
            raise ConfigError(
                f"{parameter('device', self.device)} cannot be shared out to trials; use auto, cpu or cuda"
            )

    def room(self, machines: Sequence[Mapping[str, float]], where: str) -> tuple[dict[str, float], int]:
        """Return the resources of each trial and the number of trials that fit at once; a trial runs on a single machine.

        Args:
            machines: resources of each machine of the cluster, as Ray reports them: "CPU", and "GPU" if it has any.
            where: name of the cluster, for messages.

        Raises:
            ConfigError: no machine can hold a trial.
        """
        gpus = int(max((machine.get("GPU", 0) for machine in machines), default=0))
        able = [machine for machine in machines if self.device == "cpu" or not gpus or machine.get("GPU", 0) >= 1]
        processors = int(max((machine.get("CPU", 0) for machine in able), default=0))
        each = self.of_each(processors, gpus, where if len(machines) < 2 else f"the largest machine of {where}")
        # The small term is against rounding: 1 / (1 / 93) is less than 93 in floating point.
        fits = (min(int(machine.get(kind, 0) / share + 1e-6) for kind, share in each.items()) for machine in machines)
        return each, sum(fits)

    def of_each(self, processors: int, gpus: int, where: str) -> dict[str, float]:
        """Return the resources of each trial on a machine.

        Args:
            processors: number of processors of the machine.
            gpus: number of GPUs of the machine.
            where: name of the machine, for messages.

        Raises:
            ConfigError: the machine cannot hold a trial.
        """
        if self.device == "cuda" and not gpus:
            raise ConfigError(f"{parameter('device', 'cuda')}, but {where} has no GPU; use auto or cpu")
        if processors < self.threads:
            raise ConfigError(
                f"{parameter('threads', self.threads)}, but {where} has only {processors} processors; use fewer"
            )
        each: dict[str, float] = {"CPU": self.threads}
        return each if self.device == "cpu" or not gpus else {**each, "GPU": 1 / self.per_gpu}

    def check_here(self) -> None:
        """Raise a ConfigError if trials run on this machine and it cannot hold one."""
        if self.address is None:
            self.of_each(usable_processors(), torch.cuda.device_count(), "this machine")

    def notes(self) -> list[str]:
        """Return warnings about values that are allowed but make a search slow."""
        processors = usable_processors()
        fit = processors // self.threads
        if self.address is not None or self.concurrent is None or not 0 < fit < self.concurrent:
            return []
        each = f"{self.concurrent} trials at once" + (f" of {self.threads} threads each" if self.threads > 1 else "")
        return [f"{each} on {processors} processors slow each other down; {fit} would fit"]

    @property
    def here(self) -> tuple[int, int]:
        """Numbers of processors and GPUs for a cluster on this machine."""
        return max(usable_processors(), self.threads * (self.concurrent or 1)), torch.cuda.device_count()
