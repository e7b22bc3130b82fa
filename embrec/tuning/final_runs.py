"""Parallel training of the best settings of a search, one run per seed."""

from collections.abc import Sequence
from typing import Any

import torch

from embrec.on_ray import ray_cluster
from embrec.parameters import call
from embrec.progress import Progress
from embrec.runs.config import RunConfig
from embrec.runs.folder import RunFolder
from embrec.runs.pipeline import train
from embrec.runs.seeds import seed_config, seed_run
from embrec.tuning.resources import Resources
from embrec.workspace import Category


def train_in_parallel(
    category: Category, config: RunConfig, seeds: Sequence[int], name: str, resources: Resources, progress: Progress
) -> list[int]:
    """Train the runs of several seeds in parallel on Ray, each with the resources of a trial.

    Finished runs are skipped. If only one run is left, nothing is trained here: `train_seeds` trains it without the limits of a
    trial. A run that fails here is left as it is. The later call of `train_seeds` resumes it from its checkpoint, or raises the
    error.

    Args:
        category: the prepared data; on a cluster, at a path that all machines share.
        config: configuration of every run; its seed is replaced.
        seeds: seeds, one for each run.
        name: prefix of the names of the runs, as in `train_seeds`.
        resources: processors and GPUs of each run.
        progress: callback, called after every epoch.

    Returns:
        Seeds whose runs were started here.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: no cluster answers, or no machine has the resources of a run.
    """
    folders = {seed: RunFolder(category.runs / seed_run(name, seed)) for seed in seeds}
    left = [seed for seed in seeds if not folders[seed].metrics.exists()]
    if len(left) < 2 or resources.concurrent == 1:
        return []
    processors, gpus = resources.here
    with ray_cluster(call("tune"), address=resources.address, processors=processors, gpus=gpus) as ray:
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        each, _ = resources.room(machines, resources.address or "this machine")
        work = ray.remote(num_cpus=each["CPU"], num_gpus=each.get("GPU", 0), max_retries=0)(_train_run)
        place = Category(category.name, category.path.absolute())
        tasks: dict[Any, int] = {}
        waiting = list(left)
        while tasks or waiting:
            while waiting and len(tasks) < (resources.concurrent or len(left)):
                seed = waiting.pop(0)
                own = seed_config(config, seed).model_dump(mode="json")
                tasks[work.remote(place, own, folders[seed].name, resources.threads)] = seed
            ended, _ = ray.wait(list(tasks), timeout=1)
            for task, seed in list(tasks.items()):
                events = folders[seed].events
                epochs = len(events.read_bytes().splitlines()) if events.exists() else 0
                total = config.training.epochs if task not in ended else epochs
                progress(f"seed {seed}, epochs", epochs, total)
                if task in ended:
                    del tasks[task]
    return left


def _train_run(category: Category, config: dict[str, Any], name: str, threads: int) -> None:
    """Train one run in a worker process."""
    torch.set_num_threads(threads)
    train(category, RunConfig.model_validate(config), name)
