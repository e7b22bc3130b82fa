"""Several processes that train one model, as a launcher would start them."""

import tempfile
from pathlib import Path

import torch
from torch import distributed, multiprocessing

from embrec.data.sequences import training_sequences
from embrec.data.splits import LeaveOneOut
from embrec.data.training_data import popularity
from embrec.data.training_rows import ShuffledHistories
from embrec.evaluation.evaluator import EvaluationConfig, evaluate
from embrec.training.config import TrainingConfig
from embrec.training.loop.trainer import Trainer, Validation
from support.logs import toy_log
from support.toys import N_ITEMS, toy_model

INTERACTIONS = toy_log()
PARTITION = LeaveOneOut()(INTERACTIONS, N_ITEMS)


class KilledError(Exception):
    """Stands for a kill between two steps."""


def make_trainer(
    checkpoint=None,
    kill_after=None,
    fingerprint="same",
    validate=None,
    shard=(0, 1),
    model=None,
    dtype=torch.float32,
    final=False,
    **config,
):
    """A trainer of a toy model that raises `KilledError` at its nth report; `final` learns from validation events too."""
    model = toy_model(**{"source": "content", "dropout": 0.3} | (model or {})).to(dtype)
    torch.manual_seed(1)

    def validation():
        evaluation = evaluate(
            model, INTERACTIONS, PARTITION, PARTITION.valid, EvaluationConfig(), max_length=50, hidden=PARTITION.hidden
        )
        metrics = evaluation.metrics(["ndcg@10"])["all"]
        return Validation(metrics, metrics["ndcg@10"])

    steps = 0

    def kill(task, done, total, note=""):
        nonlocal steps
        steps += 1
        if steps == kill_after:
            raise KilledError

    partition = PARTITION.with_validation(INTERACTIONS) if final else PARTITION
    options = {"epochs": 4, "batch_size": 8, "learning_rate": 0.02, "checkpoint_seconds": 0.0} | config
    training = TrainingConfig(**options)
    return Trainer(
        model,
        ShuffledHistories(training_sequences(INTERACTIONS, partition, 50), training, fixed=training.negatives.frozen),
        popularity(INTERACTIONS, partition),
        None if final else validate or validation,
        training,
        checkpoint=checkpoint,
        fingerprint=fingerprint,
        progress=kill,
        shard=shard,
    )


def weights(trained):
    """All weights of a trainer's model, one after the other."""
    return torch.cat([value.flatten().double() for value in trained.model.state_dict().values()])


def train_in_processes(world: int, folder: Path, trainings: list[dict]) -> list[list[dict]]:
    """Do some trainings, one after the other, in `world` processes that share each of them.

    Returns:
        What each training ended with in each process: weights, history, and whether it was killed.
    """
    meeting = Path(tempfile.mkdtemp(dir=folder)) / "meeting"  # a free port might be another's by the time they meet
    context = multiprocessing.get_context("spawn")
    processes = [
        context.Process(target=_worker, args=(rank, world, meeting, folder, trainings)) for rank in range(world)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert all(process.exitcode == 0 for process in processes)
    results = [torch.load(folder / f"results-{rank}.pt", weights_only=True) for rank in range(world)]
    return [list(result) for result in zip(*results, strict=True)]


def _worker(rank: int, world: int, meeting: Path, folder: Path, trainings: list[dict]) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=world)
    results = [_train_share(rank, world, **training) for training in trainings]
    torch.save(results, folder / f"results-{rank}.pt")
    distributed.barrier()
    distributed.destroy_process_group()


def _train_share(rank: int, world: int, checkpoint: Path | None = None, kill_in: int | None = None, **options) -> dict:
    """Train, or die in the middle of epoch `kill_in`, each process after the same step."""
    learner = make_trainer(checkpoint if rank == 0 else None, shard=(rank, world), **options)
    take_step = learner.take_step

    def die(rows):
        if (learner.state.epoch, learner.state.step) == (kill_in, 20):
            raise KilledError
        take_step(rows)

    learner.take_step = die
    killed = False
    try:
        learner.fit()
    except KilledError:
        killed = True
    return {"weights": weights(learner), "history": learner.state.history, "killed": killed}
