"""Execution of trials on Ray Tune: HyperOpt proposes them, and asynchronous successive halving stops them.

A search resumes from its log of trials and the checkpoints of the trials, not from Tune's own files. It can therefore continue
with another number of concurrent trials, or on another cluster. Data and feature tables are stored once per machine in Ray's
object store, where trials read them without a copy.

Sources: [moritz2018], [liaw2018].
"""

import errno
import gc
import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch

from embrec.errors import DivergedError, EmbrecError, RunError, StorageError
from embrec.on_ray import ray_cluster
from embrec.parameters import call
from embrec.tuning.callbacks import listener, scheduler, searcher
from embrec.tuning.config import SearchConfig
from embrec.tuning.folder import SearchFolder
from embrec.tuning.records import Status, TrialLog
from embrec.tuning.records import Trial as TrialRecord
from embrec.tuning.resources import Resources
from embrec.tuning.trial import SharedData, TrialTraining
from embrec.tuning.trial_queue import TrialQueue

_SETTINGS = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "1000000",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",
}
# Restarts of a trial, from its checkpoint, after its process died.
_RESTARTS = 2
_LOOK_SECONDS = 0.2
_END_SECONDS = 15


@dataclass
class SearchState:
    """The state of a running search, for progress displays.

    Attributes:
        config: configuration of the search.
        trials: trials by number.
        running: numbers of the running trials.
        slots: largest number of concurrent trials.
        started: start of this session, by `time.monotonic`.
        before: number of trials that had ended before this session.
    """

    config: SearchConfig
    trials: Mapping[int, TrialRecord]
    running: set[int] = field(default_factory=set)
    slots: int = 1
    started: float = field(default_factory=time.monotonic)
    before: int = 0


OnChange = Callable[[SearchState], None]


def run_trials(
    folder: SearchFolder, config: SearchConfig, shared: SharedData, resources: Resources, on_change: OnChange
) -> TrialLog:
    """Run the trials of a search that have not ended yet.

    Args:
        folder: folder of the search; on a cluster, at a path that all machines share.
        config: configuration of the search.
        shared: data and tables of all trials.
        resources: processors and GPUs of the trials.
        on_change: callback, called when a trial starts, finishes an epoch or ends.

    Returns:
        The log of all trials, those of earlier sessions included.

    Raises:
        MissingExtraError: Ray or HyperOpt is not installed.
        ConfigError: no cluster answers, or no machine has the resources of a trial.
        RunError: the disk is full, a machine does not see the folder, or Ray itself failed.
    """
    log = folder.log()
    search = TrialQueue(folder, config, log)
    if search.left == 0:
        return log
    folder.result_file.unlink(missing_ok=True)  # its presence marks a complete search
    os.environ.update({name: os.environ.get(name, value) for name, value in _SETTINGS.items()})
    processors, gpus = resources.here
    resources.check_here()
    with ray_cluster(
        call("tune"),
        "tune",
        "tune.search",
        "tune.schedulers",
        address=resources.address,
        processors=processors,
        gpus=gpus,
    ) as ray:
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        each, room = resources.room(machines, resources.address or "this machine")
        state = SearchState(config, log.trials, slots=min(resources.concurrent or room, room), before=_ended(log))
        log.log_session(
            at=time.time(), slots=state.slots, threads=resources.threads, resources=each, machine=socket.gethostname()
        )
        try:
            _follow(ray, _Tuning(ray, search, state, shared, each, resources, on_change))
        finally:
            shutil.rmtree(folder.scratch, ignore_errors=True)
    shutil.rmtree(folder.checkpoints, ignore_errors=True)
    return log


def _ended(log: TrialLog) -> int:
    return sum(trial.ended for trial in log.trials.values())


class _StopError(Exception):
    """Signals to Tune that the search should end."""


class _Tuning(threading.Thread):
    """A thread that runs Ray Tune, so that the main thread can receive Ctrl-C; also the listener of the trials."""

    def __init__(
        self,
        ray: Any,
        search: TrialQueue,
        state: SearchState,
        shared: SharedData,
        each: Mapping[str, float],
        resources: Resources,
        on_change: OnChange,
    ) -> None:
        super().__init__(daemon=True)
        self.ray = ray
        self.search = search
        self.state = state
        self.shared = shared
        self.each = each
        self.resources = resources
        self.on_change = on_change
        self.cancelled = threading.Event()
        self.problem: BaseException | None = None

    def run(self) -> None:
        """Run the trials, and keep an error in `problem` for the main thread."""
        try:
            tuner = self._tuner()
            if self.search.left:
                tuner.fit()
        except BaseException as problem:
            self.problem = self.problem or problem

    def fail(self, problem: EmbrecError) -> None:
        """End the search because of an error that would stop every trial."""
        self.problem = self.problem or problem
        self.cancelled.set()

    def check_cancelled(self) -> None:
        """Raise if the search should end."""
        if self.cancelled.is_set():
            raise _StopError

    def started(self, number: int) -> None:
        """Mark a trial as running."""
        self.state.running.add(number)
        self.on_change(self.state)

    def reported(self, number: int, result: Mapping[str, Any]) -> None:
        """Record an epoch of a trial."""
        if not result["error"]:
            with self._kept_error():
                self.search.log.epoch(number, result["record"], result["machine"], over=result["over"])
            self.started(number)

    def ended(self, number: int, result: Mapping[str, Any]) -> None:
        """Record the end of a trial: finished, failed or stopped."""
        if result.get("fatal"):
            self.fail(RunError(result["error"]))
        elif not self.cancelled.is_set():
            error = result.get("error", "")
            self._end(number, "failed" if error else "finished" if result.get("over") else "stopped", error)

    def died(self, number: int, error: BaseException | None) -> None:
        """Record a trial as failed after its last restart, unless the search itself is ending."""
        if self.cancelled.is_set():
            return
        lines = str(error or "").strip().splitlines()
        reason = "killed, out of memory, or its machine is gone"
        if lines and not isinstance(error, self.ray.exceptions.RayError):
            reason = lines[-1].strip()[:300]
        self._end(number, "failed", f"its process died {_RESTARTS + 1} times: {reason}")

    def _end(self, number: int, status: Status, error: str) -> None:
        self.state.running.discard(number)
        with self._kept_error():
            self.search.end(number, status, error)
        self.on_change(self.state)

    @contextmanager
    def _kept_error(self) -> Iterator[None]:
        """Keep an error as an object, because Tune turns an error in a callback into the text of a traceback."""
        try:
            yield
        except EmbrecError as problem:
            self.fail(problem)
            raise

    def _tuner(self) -> Any:
        from ray import tune
        from ray.tune import schedulers

        halving = self.search.config.halving
        trainable = tune.with_parameters(
            _trainable(tune.Trainable),
            shared=self.shared,
            folder=SearchFolder(self.search.folder.path.absolute()),
            threads=self.resources.threads,
            device="cuda" if "GPU" in self.each else "cpu",
        )
        stops = (
            schedulers.FIFOScheduler() if halving is None else scheduler(schedulers.ASHAScheduler, self.search, halving)
        )
        return tune.Tuner(
            tune.with_resources(trainable, dict(self.each)),
            tune_config=tune.TuneConfig(
                search_alg=searcher(tune.search.Searcher, self.search),
                scheduler=stops,
                num_samples=max(1, self.search.left),
                max_concurrent_trials=self.state.slots if self._bounded else None,
                reuse_actors=True,
                trial_name_creator=lambda trial: f"trial-{trial.config['number']}",
                trial_dirname_creator=lambda trial: f"trial-{trial.config['number']}",
            ),
            run_config=tune.RunConfig(
                name="trials",
                storage_path=str(self.search.folder.scratch.absolute()),
                checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
                failure_config=tune.FailureConfig(max_failures=_RESTARTS),
                callbacks=[listener(tune.Callback, self)],
                verbose=0,
            ),
        )

    @property
    def _bounded(self) -> bool:
        """True if the number of concurrent trials is limited; a cluster without a limit may grow while the search runs."""
        return self.resources.concurrent is not None or self.resources.address is None


def _follow(ray: Any, tuning: _Tuning) -> None:
    """Start the thread and wait until the trials have ended.

    Raises:
        EmbrecError: the error that ended the search.
    """
    tuning.on_change(tuning.state)
    tuning.start()
    try:
        while tuning.is_alive():
            tuning.join(_LOOK_SECONDS)
    finally:
        tuning.cancelled.set()
        tuning.join(_END_SECONDS)
    problem = tuning.problem
    if problem is None:
        if tuning.search.left:
            raise RunError(f"Ray ended the search before its last trial; {_again(tuning)}")
        return
    if isinstance(problem, EmbrecError):
        raise problem
    if isinstance(problem, ray.exceptions.RayError):
        raise RunError(f"a process of Ray died: killed, or out of memory; {_again(tuning)}")
    reason = next((line.strip() for line in reversed(str(problem).splitlines()) if line.strip()), repr(problem))
    raise RunError(f"Ray ended the search ({reason[:300]}); {_again(tuning)}")


def _again(tuning: _Tuning) -> str:
    folder = tuning.search.folder
    again = call("resumed_search", name=f"{folder.category.name}/{folder.name}")
    return f"finished trials are kept; continue with: {again}"


def _trainable(base: Any) -> Any:
    """Return the trainable class that Tune runs.

    An error inside a trial becomes a result, because Tune would restart a trial that raises, and it would fail again.

    Args:
        base: Tune's class `Trainable`.
    """
    from ray import get_runtime_context

    class TrialOnRay(base):
        def setup(self, config: Mapping[str, Any], **common: Any) -> None:
            self.common = common
            self.machine = f"{socket.gethostname()}/{get_runtime_context().get_node_id()[:8]}"
            torch.set_num_threads(common["threads"])
            self._begin(config)

        def reset_config(self, new_config: Mapping[str, Any]) -> bool:
            self._begin(new_config)
            return True

        def _begin(self, config: Mapping[str, Any]) -> None:
            self.trial: TrialTraining | None = None
            self._forget()
            self.settings = config

        def step(self) -> dict[str, Any]:
            result: dict[str, Any] = {"error": "", "fatal": False, "machine": self.machine}
            try:
                record = self._step()
            except Exception as error:
                text = " ".join(str(error).split())
                known = isinstance(error, EmbrecError)
                message = text if known else f"{type(error).__name__}: {text[:300]}"
                if isinstance(error, DivergedError):
                    message = error.what
                self._forget()
                # A trial that gets no memory, which is an OSError too where a file is mapped, may be larger than the others.
                fatal = isinstance(error, _LostFolderError | StorageError | OSError)
                fatal = fatal and getattr(error, "errno", None) != errno.ENOMEM
                return {**result, "error": message, "fatal": fatal, "over": False, "done": True}
            assert self.trial is not None
            best = self.trial.best
            gain = {} if best is None else {"gain": self.trial.sign * best}
            over = self.trial.over
            return {**result, **gain, "record": record, "epoch": record["epoch"], "over": over, "done": over}

        def _step(self) -> dict[str, Any]:
            folder: SearchFolder = self.common["folder"]
            if self.trial is None:
                if not folder.path.is_dir():
                    raise _LostFolderError(
                        f"the machine {socket.gethostname()} has no folder {folder.path}; the workspace of a search on several "
                        "machines must lie in a folder that all of them share, at the same path"
                    )
                self.trial = TrialTraining(
                    self.common["shared"],
                    self.settings["settings"],
                    folder.checkpoint(self.settings["number"]),
                    self.settings["reported"],
                    self.common["device"],
                )
            return self.trial.step()

        def cleanup(self) -> None:
            self._forget()

        def _forget(self) -> None:
            """Free the memory of the trial, since several trials may share a GPU."""
            self.trial = None
            if self.common["device"] == "cuda":
                gc.collect()
                torch.cuda.empty_cache()

    return TrialOnRay


class _LostFolderError(RunError):
    """Raised on a machine that cannot see the folder of the search."""
