"""Models of every kind go through training, evaluation, comparison, report and serving without a change anywhere else."""

from typing import Literal

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from support.categories import toy_category
from support.tiny_models import Drift, GapScorer

import embrec
from embrec.data.splits import LeaveOneOut
from embrec.errors import ConfigError, RunError
from embrec.models.config import ItemsConfig
from embrec.models.registry import MODELS, Registration, register
from embrec.report.page.build import build_report
from embrec.runs.presets import build_config


class GapsConfig(ItemsConfig):
    """Of the target-dependent model."""

    kind: Literal["gaps"] = "gaps"
    source: Literal["content", "id", "hybrid"] = "id"


class DriftConfig(ItemsConfig):
    """Of the stateful model."""

    kind: Literal["drift"] = "drift"
    source: Literal["content", "id", "hybrid"] = "id"


TINY = {"gaps": (GapsConfig, GapScorer, {"relations", "attributes"}), "drift": (DriftConfig, Drift, set())}


class KilledError(Exception):
    """Stands for a kill between two steps."""


@pytest.fixture(scope="module")
def category(tmp_path_factory):
    return toy_category(tmp_path_factory.mktemp("seam"))


@pytest.fixture(params=TINY)
def kind(request):
    """A tiny model, registered as a program registers one of its own."""
    config, model, reads = TINY[request.param]

    def build(config, inputs):
        return model(inputs)

    build.__annotations__["return"] = model
    register(Registration(request.param, config, build, "a model of the tests", frozenset(reads)))
    yield request.param
    MODELS.unregister(request.param)


def config_of(kind, *settings, **options):
    options = {"model.kind": kind, "training.epochs": 2, "training.device": "cpu"} | options
    own = ("training.negatives=8", "training.checkpoint_seconds=0", "training.batch_size=16", *settings)
    return build_config("toys", options=options, settings=[*own, "training.learning_rate=0.01"])


def killer(after):
    """Progress that raises an error at its nth call in training."""
    calls = 0

    def progress(task, done, total, note=""):
        nonlocal calls
        calls += task.startswith("epoch")
        if calls == after:
            raise KilledError

    return progress


def test_a_tiny_model_goes_all_the_way(kind, category, tmp_path):
    config = config_of(kind)
    whole = embrec.train(category, config, f"{kind}-whole").run
    for after in (3, 9):
        with pytest.raises(KilledError):
            embrec.train(category, config, f"{kind}-killed", progress=killer(after))
    resumed = embrec.train(category, config, f"{kind}-killed").run
    one, other = load_file(whole.weights), load_file(resumed.weights)
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    plain = embrec.train(category, config_of(kind, **{"training.epochs": 1}), f"{kind}-one").run

    evaluations = embrec.evaluate_runs([whole, resumed], ["pop", "markov"], keep=5)
    assert (evaluations[whole.name].rank == evaluations[resumed.name].rank).all()
    assert np.isfinite(evaluations[whole.name].rank).all()
    metrics = evaluations[whole.name].metrics(["auc"])["all"]
    assert metrics["auc"] == pytest.approx(whole.read_metrics()["test"]["all"]["auc"])

    compared = embrec.compare_runs([whole, plain], ["pop"])
    assert {whole.name, plain.name, "pop"} <= set(compared.models)
    page = build_report([whole, plain], tmp_path / "page.html", baselines=["pop"])
    assert whole.name in page.read_text(encoding="utf-8")

    recommender = embrec.Recommender.load(whole)
    histories = [["i00", "i01"], ["i07"], []]
    answers = recommender.recommend(histories, k=4)
    assert [recommender.recommend([history], k=4)[0] for history in histories] == answers
    assert all(len(answer) == 4 for answer in answers)
    assert not {"i00", "i01"} & {one.item for one in answers[0]}
    dataset = embrec.load_dataset(category)
    assert len(embrec.score_by_user(recommender, dataset, 3)) == 3 * dataset.interactions.n_users


def test_a_stateful_model_observes_what_came_after_its_training(category):
    def build(config, inputs) -> Drift:
        return Drift(inputs)

    register(Registration("drift", DriftConfig, build, "a model of the tests", frozenset({"users"})))
    try:
        run = embrec.train(category, config_of("drift"), "observing").run
        log = embrec.load_dataset(category).interactions
        evaluation = embrec.evaluate_runs([run], keep=5)["observing"]
        last = int(np.argmax(log.time[evaluation.event]))
        event = evaluation.event[last]
        learned = np.zeros(len(log), dtype=bool)
        learned[LeaveOneOut()(log, 40).train.events(log)] = True
        names, items = log.user_ids[log.user], embrec.load_dataset(category).catalog.item_ids[log.item]
        since = [
            {"user": names[one], "item": items[one], "time": int(log.time[one])}
            for one in np.flatnonzero(~learned & (log.time < log.time[event]))[::-1]  # the times are what counts
        ]
        recommender = embrec.Recommender.load(run)
        history = items[log.user_ptr[log.user[event]] : event].tolist()
        before = recommender.recommend(history, 5, users=names[event])
        recommender.observe(since)
        after = recommender.recommend(history, 5, users=names[event])
        assert [one.item for one in after] == recommender.catalog.item_ids[evaluation.top[last] - 1].tolist()
        assert after != before
    finally:
        MODELS.unregister("drift")
    plain = build_config("toys", options={"model.kind": "gru4rec", "training.epochs": 1}, settings=["model.dim=8"])
    with pytest.raises(RunError, match="no event changes the model of run 'plain'"):
        embrec.Recommender.load(embrec.train(category, plain, "plain").run).observe(since)


def test_negatives_that_need_the_whole_catalog_are_refused(kind):
    with pytest.raises(ConfigError, match=r"draw negatives, such as `training\.negatives=256`"):
        config_of(kind, "training.negatives=all")


@pytest.mark.parametrize("share", ["batch", "row", "position"])
def test_scored_models_learn_with_every_share_of_negatives(kind, category, share):
    settings = (f"training.negatives.share={share}", "training.loss=bpr-max", "training.learning_rate=0.05")
    run = embrec.train(category, config_of(kind, *settings, **{"training.epochs": 3}), f"{kind}-{share}").run
    assert run.read_metrics()["test"]["all"]["auc"] > 0.55
