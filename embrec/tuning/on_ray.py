"""Trials on Ray Tune: HyperOpt proposes, asynchronous successive halving stops, and every processor or GPU has its trials.

Tune's own files are not what a search is resumed from: the log of trials and each trial's checkpoint are, so that nothing but
them has to survive, and a search may go on with another number of trials at once, or on another cluster. Data and feature
tables lie once a machine in Ray's object store, and trials read them there without a copy.
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
# How often a trial whose process died is begun again, from its checkpoint.
_RESTARTS = 2
_LOOK_SECONDS = 0.2
_END_SECONDS = 15


@dataclass
class SearchState:
    """Where a search stands; shown while it runs.

    Attributes:
        config: what is searched.
        trials: number -> what is known of it.
        running: numbers of the trials that are at work.
        slots: how many can be at work at once.
        started: when this sitting began, by `time.monotonic`.
        before: trials that had ended before it.
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
    """Run the trials of a search that have not ended yet, and return the log of all.

    Args:
        folder: of the search; on a cluster, at a path that all machines share.
        config: what is searched.
        shared: what the trials read.
        resources: what they may use.
        on_change: told whenever a trial begins, has trained an epoch or ends.

    Raises:
        MissingExtraError: Ray or HyperOpt is not installed.
        ConfigError: no cluster answers, or it has no room for a trial.
        RunError: the disk is full, a machine does not see the folder, or Ray itself failed.
    """
    log = folder.log()
    search = TrialQueue(folder, config, log)
    if search.left == 0:
        return log
    folder.result_file.unlink(missing_ok=True)  # it would say that the search is complete
    os.environ.update({name: os.environ.get(name, value) for name, value in _SETTINGS.items()})
    processors, gpus = resources.here
    resources.check_here()
    with ray_cluster(
        call("tune"), "tune", "tune.search", "tune.schedulers",
        address=resources.address, processors=processors, gpus=gpus,
    ) as ray:  # fmt: skip
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
    """Ends the search from inside Tune."""


class _Tuning(threading.Thread):
    """Ray Tune at work; in a thread, so that the main one hears Ctrl-C."""

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
        """Run the trials, and keep what went wrong."""
        try:
            tuner = self._tuner()
            if self.search.left:
                tuner.fit()
        except BaseException as problem:
            self.problem = self.problem or problem

    def fail(self, problem: EmbrecError) -> None:
        """End the search, because nothing would become of it."""
        self.problem = self.problem or problem
        self.cancelled.set()

    def go_on(self) -> None:
        """Raise if the search is to end."""
        if self.cancelled.is_set():
            raise _StopError

    def begun(self, number: int) -> None:
        """A trial is at work."""
        self.state.running.add(number)
        self.on_change(self.state)

    def told(self, number: int, result: Mapping[str, Any]) -> None:
        """A trial has trained an epoch, or failed."""
        if not result["error"]:
            with self._heard():
                self.search.log.epoch(number, result["record"], result["machine"], over=result["over"])
            self.begun(number)

    def ended(self, number: int, result: Mapping[str, Any]) -> None:
        """A trial ended by itself or was stopped."""
        if result.get("fatal"):
            self.fail(RunError(result["error"]))
        elif not self.cancelled.is_set():
            error = result.get("error", "")
            self._end(number, "failed" if error else "finished" if result.get("over") else "stopped", error)

    def died(self, number: int, error: BaseException | None) -> None:
        """The process of a trial ended once too often; one that ends with the search has not failed."""
        if self.cancelled.is_set():
            return
        lines = str(error or "").strip().splitlines()
        reason = "killed, out of memory, or its machine is gone"
        if lines and not isinstance(error, self.ray.exceptions.RayError):
            reason = lines[-1].strip()[:300]
        self._end(number, "failed", f"its process died {_RESTARTS + 1} times: {reason}")

    def _end(self, number: int, status: Status, error: str) -> None:
        self.state.running.discard(number)
        with self._heard():
            self.search.end(number, status, error)
        self.on_change(self.state)

    @contextmanager
    def _heard(self) -> Iterator[None]:
        """Keep an error as it is: Tune passes on what happens in a callback as the text of a traceback."""
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
        """Whether there is a limit but the room: a cluster may grow while the search runs."""
        return self.resources.concurrent is not None or self.resources.address is None


def _follow(ray: Any, tuning: _Tuning) -> None:
    """Wait until the trials are over.

    Raises:
        EmbrecError: what went wrong.
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
    return f"what is finished is kept, go on with: {again}"


def _trainable(base: Any) -> Any:
    """Return a trial as Tune runs it; what goes wrong inside is a result, since a trial that fails once fails again."""
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
                    self.settings["heard"],
                    self.common["device"],
                )
            return self.trial.step()

        def cleanup(self) -> None:
            self._forget()

        def _forget(self) -> None:
            """Leave the memory of a trial to others: several may share a GPU."""
            self.trial = None
            if self.common["device"] == "cuda":
                gc.collect()
                torch.cuda.empty_cache()

    return TrialOnRay


class _LostFolderError(RunError):
    """A machine does not see the folder of the search."""
