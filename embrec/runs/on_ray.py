"""Training on several processors, GPUs or machines: each worker of Ray Train computes its share of every batch.

The workers average their gradients, so the result is that of one worker, up to rounding and the draws of dropout and
negatives. Every worker reads the category at the same path, so several machines need a folder that they share and the same
packages; the first worker alone writes the run. A worker that dies ends the training, and the same command goes on from the
last checkpoint, with as many workers as there are then.
"""

import os
import socket
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import Any

import torch

from embrec.errors import ConfigError, DataError, EmbrecError, FeatureError, RunError
from embrec.on_ray import ray_cluster
from embrec.parameters import parameter
from embrec.processors import usable_processors
from embrec.progress import Progress
from embrec.runs.config import RunConfig
from embrec.runs.folder import RunFolder
from embrec.runs.inputs import Inputs, load_inputs
from embrec.runs.local import train_here
from embrec.workspace import Category

_START = "start workers"
# How long a cluster may take to find room, and a worker of several to wait for the others: rank 0 validates alone.
_ROOM_SECONDS = 120
_WAIT_SECONDS = 24 * 3600
# How often rank 0 tells where it is, and how often Ray looks whether all workers live.
_PROGRESS_SECONDS = 0.1
_LOOK_SECONDS = 0.5
_SETTINGS = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S": str(_ROOM_SECONDS),
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": str(_LOOK_SECONDS),
    "RAY_TRAIN_METRICS_ENABLED": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "TORCH_PROCESS_GROUP_SHUTDOWN_TIMEOUT_S": "2",
}
_ERRORS = {kind.__name__: kind for kind in (ConfigError, DataError, FeatureError)}
_AGAIN = "train again: it goes on from the last checkpoint"


@dataclass(frozen=True)
class _Share:
    """The data sent to each worker, on any machine: paths, configuration, and the number of threads if the user sets it."""

    category: Category
    run: RunFolder
    config: dict[str, Any]
    fingerprint: str
    threads: int | None


def train_on_ray(run: RunFolder, config: RunConfig, fingerprint: str, address: str | None, progress: Progress) -> None:
    """Train a run that was begun, and leave it complete, as `train_here` does.

    Args:
        run: folder of the run, within a category.
        config: configuration of the run; `training.workers` is the number of processes.
        fingerprint: fingerprint of the run; workers that see other data refuse to train.
        address: address of a running cluster, `host:port` or `auto`; a new one on this machine if None.
        progress: callback, called at every step.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: no cluster answers at the address, or it has not as many processors or GPUs.
        RunError: a worker died, does not see the data, or the loss stopped being a number.
    """
    workers = config.training.workers
    if address is None:
        resources_of_each(config.training.device, workers, workers, torch.cuda.device_count(), "this machine")
    os.environ.update({name: os.environ.get(name, value) for name, value in _SETTINGS.items()})
    category = Category(run.category.name, run.category.path.absolute())
    threads = os.environ.get("OMP_NUM_THREADS", "")
    share = _Share(
        category,
        RunFolder(category.runs / run.name),
        config.model_dump(mode="json"),
        fingerprint,
        int(threads) if threads.isdecimal() else None,
    )
    progress(_START, 0, 1)
    with ray_cluster(
        parameter("training.workers", workers),
        "train",
        "train.torch",
        "util.queue",
        address=address,
        processors=workers,
        gpus=torch.cuda.device_count(),
    ) as ray:
        there = ray.cluster_resources()
        each = resources_of_each(
            config.training.device,
            workers,
            int(there.get("CPU", 0)),
            int(there.get("GPU", 0)),
            address or "this machine",
        )
        _follow(_Training(ray, share, workers, each), progress)


def resources_of_each(device: str, workers: int, processors: int, gpus: int, where: str) -> dict[str, float]:
    """Return what each worker takes of a cluster: a GPU if there are any, else a processor.

    Args:
        device: auto, cpu or cuda.
        workers: their number.
        processors: how many the cluster has.
        gpus: likewise.
        where: the cluster, for messages.

    Raises:
        ConfigError: there are fewer GPUs or processors than workers, or workers cannot share such a device.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ConfigError(
            f"{parameter('training.device', device)} cannot be shared by workers; use auto, cpu, or cuda for a GPU each"
        )
    if device == "cuda" or (device == "auto" and gpus):
        if gpus < workers:
            raise ConfigError(
                f"{workers} workers need a GPU each, and {where} has {gpus}; use "
                f"{parameter('training.workers', max(1, gpus))} or {parameter('training.device', 'cpu')}"
            )
        return {"GPU": 1}
    if processors < workers:
        raise ConfigError(
            f"{workers} workers need a processor each, and {where} has {processors}; use fewer {parameter('training.workers')}"
        )
    return {"CPU": 1}


class _Training(threading.Thread):
    """Ray Train at work; in a thread, so that the main one draws progress and hears Ctrl-C."""

    def __init__(self, ray: Any, share: _Share, workers: int, each: dict[str, float]) -> None:
        super().__init__(daemon=True)
        self.ray = ray
        self.share = share
        self.workers = workers
        self.each = each
        self.messages = ray.util.queue.Queue(actor_options={"num_cpus": 0})
        self.problem: BaseException | None = None

    def run(self) -> None:
        """Train, and keep what went wrong."""
        train = self.ray.train
        try:
            with tempfile.TemporaryDirectory(prefix="embrec-ray-", ignore_cleanup_errors=True) as folder:
                train.torch.TorchTrainer(
                    _work,
                    train_loop_config={"share": self.share, "messages": self.messages},
                    scaling_config=train.ScalingConfig(
                        num_workers=self.workers,
                        use_gpu="GPU" in self.each,
                        resources_per_worker=self.each,
                        # Workers without GPUs divide the processors of their machine, so one a machine has the most of them.
                        placement_strategy="PACK" if "GPU" in self.each else "SPREAD",
                    ),
                    run_config=train.RunConfig(
                        storage_path=folder,
                        failure_config=train.FailureConfig(max_failures=0, controller_failure_limit=0),
                    ),
                    torch_config=train.torch.TorchConfig(timeout_s=_WAIT_SECONDS),
                ).fit()
        except BaseException as problem:
            self.problem = problem


def _follow(training: _Training, progress: Progress) -> None:
    """Pass on the progress of rank 0 until the training is over.

    Raises:
        EmbrecError: what went wrong in a worker, or that one died.
    """
    told: list[tuple[str, str]] = []
    started = False
    training.start()
    while True:
        over = not training.is_alive()
        try:
            kind, *content = training.messages.get(timeout=_PROGRESS_SECONDS)
        except training.ray.util.queue.Empty:
            if over:
                break
            continue
        except training.ray.exceptions.RayError as error:
            training.problem = training.problem or error
            break
        if not started:
            started = True
            progress(_START, 1, 1)
        if kind == "progress":
            progress(*content)
        else:
            told.append((kind, content[0]))
    if training.problem is not None:
        raise _explain(training, told)


def _explain(training: _Training, told: list[tuple[str, str]]) -> EmbrecError:
    """Say in one line why a training ended: first what a worker knows, then what Ray does."""
    for kind, message in told:
        if kind == "error":
            name, _, text = message.partition(":")
            kind_of_error = _ERRORS.get(name, RunError)
            return kind_of_error(text)
    problem = training.problem
    failures: dict[int, BaseException] = getattr(problem, "worker_failures", {})
    dead = sorted(rank for rank, error in failures.items() if _is_death(training.ray, error))
    if dead:
        names = " and ".join(str(rank + 1) for rank in dead)
        return RunError(
            f"worker {names} of {training.workers} died: killed, out of memory, or its machine is gone; {_AGAIN}"
        )
    for kind, message in told:
        if kind == "lost":
            return RunError(
                f"a worker lost the others ({message}): one was killed, ran out of memory, or its machine is gone; {_AGAIN}"
            )
        if kind == "failure":
            return RunError(f"a worker failed ({message}); train with {parameter('training.workers', 1)} to see more")
    if "StartupTimeout" in repr(problem):
        return RunError(f"the cluster had no room for {training.workers} workers in {_ROOM_SECONDS} s; see: ray status")
    if isinstance(problem, training.ray.exceptions.RayError):
        return RunError(f"a process of Ray died: killed, or out of memory; {_AGAIN}")
    reason = next((line.strip() for line in reversed(str(problem).splitlines()) if line.strip()), repr(problem))
    return RunError(f"Ray ended the training ({reason[:200]}); {_AGAIN}")


def _is_death(ray: Any, error: BaseException) -> bool:
    cause = getattr(error, "health_check_failure", error)  # Ray Train notices a death when it asks how a worker does
    return isinstance(cause, ray.exceptions.RayActorError)


def _work(task: dict[str, Any]) -> None:
    """Train in this process, one of several; an error is sent as a text, since Ray would wrap it in its own."""
    share, messages = task["share"], task["messages"]
    try:
        _train_share(share, messages)
    except EmbrecError as error:
        messages.put(("error", f"{type(error).__name__}:{error}"))
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        messages.put(("lost" if _is_connection(error) else "failure", text))
        raise


def _is_connection(error: Exception) -> bool:
    return isinstance(error, torch.distributed.DistError) or "gloo" in str(error) or "Connection" in str(error)


def _train_share(share: _Share, messages: Any) -> None:
    from ray import train
    from ray.train.torch import get_device

    context = train.get_context()
    rank, world = context.get_world_rank(), context.get_world_size()
    torch.set_num_threads(share.threads or max(1, usable_processors() // context.get_local_world_size()))
    train_here(share.run, _read(share), get_device(), _ProgressSender(messages, rank), shard=(rank, world))


def _read(share: _Share) -> Inputs:
    """Read on this machine what a worker needs.

    Raises:
        RunError: the workspace is not there, or holds other data than where the run was begun.
    """
    if not share.category.path.is_dir():
        raise RunError(
            f"the machine {socket.gethostname()} has no folder {share.category.path}; the workspace of a training on several "
            "machines must lie in a folder that all of them share, at the same path"
        )
    inputs = load_inputs(share.category, RunConfig.model_validate(share.config))
    if inputs.fingerprint != share.fingerprint:
        raise RunError(
            f"the machine {socket.gethostname()} sees other data in {share.category.path} than the one that began the run; "
            "the workspace must lie in a folder that all machines share, and all need the same version of embrec"
        )
    return inputs


class _ProgressSender:
    """The progress of rank 0: sent a few times a second, and the end of a task always; those of other ranks are not."""

    def __init__(self, messages: Any, rank: int) -> None:
        self.messages = messages
        self.rank = rank
        self.last = float("-inf")

    def __call__(self, task: str, done: int, total: int | None, note: str = "") -> None:
        """Send it without waiting."""
        now = time.monotonic()
        if self.rank == 0 and (done == total or now - self.last >= _PROGRESS_SECONDS):
            self.last = now
            self.messages.actor.put_nowait.remote(("progress", task, done, total, note))
