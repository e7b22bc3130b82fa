"""What workers of Ray are given, and how their ends are told."""

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
from support.categories import toy_category

from embrec.errors import ConfigError, FeatureError, MissingExtraError, RunError
from embrec.runs import on_ray
from embrec.runs.folder import RunFolder
from embrec.runs.on_ray import resources_of_each
from embrec.runs.pipeline import train
from embrec.runs.presets import build_config
from embrec.workspace import Category


@pytest.mark.parametrize(
    ("device", "processors", "gpus", "each"),
    [
        ("auto", 2, 0, {"CPU": 1}),
        ("auto", 2, 4, {"GPU": 1}),
        ("cpu", 2, 4, {"CPU": 1}),
        ("cuda", 1, 2, {"GPU": 1}),
    ],
)
def test_each_worker_takes_a_gpu_if_there_are_any(device, processors, gpus, each):
    assert resources_of_each(device, 2, processors, gpus, "here") == each


@pytest.mark.parametrize(
    ("device", "processors", "gpus", "message"),
    [
        (
            "cuda",
            8,
            1,
            "3 workers need a GPU each, and here has 1; use `training.workers=1` or `training.device='cpu'`",
        ),
        (
            "auto",
            8,
            2,
            "3 workers need a GPU each, and here has 2; use `training.workers=2` or `training.device='cpu'`",
        ),
        ("cpu", 2, 0, "3 workers need a processor each, and here has 2; use fewer `training.workers`"),
        ("cuda:1", 8, 8, "`training.device='cuda:1'` cannot be shared by workers"),
    ],
)
def test_too_few_devices_are_said_before_anything_starts(device, processors, gpus, message):
    with pytest.raises(ConfigError, match=message):
        resources_of_each(device, 3, processors, gpus, "here")


def config(**options):
    values = {"model.source": "id", "model.dim": 4, "model.units": 4, "training.epochs": 1, "training.workers": 2}
    return build_config("toys", options=values | {f"training.{name}": value for name, value in options.items()})


def test_without_ray_the_message_names_the_extra(tmp_path, monkeypatch):
    category = toy_category(tmp_path)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"`training.workers=2` needs .* pip install 'embrec\[ray\]'"):
        train(category, config(device="cpu"), "run")


def test_no_cluster_at_the_address_is_said_in_one_line(tmp_path):
    pytest.importorskip("ray", reason="the extra 'ray' is not installed")
    with pytest.raises(ConfigError, match="no Ray cluster at localhost:1 "):
        train(toy_category(tmp_path), config(workers=1), "run", address="localhost:1")


def test_a_machine_without_the_workspace_or_with_other_data_is_named(tmp_path):
    category = toy_category(tmp_path)
    elsewhere = Category("toys", tmp_path / "nowhere")
    share = on_ray._Share(elsewhere, RunFolder(elsewhere.runs / "run"), config().model_dump(mode="json"), "other", None)
    with pytest.raises(RunError, match=r"machine .* has no folder .*nowhere; .* a folder that all of them share"):
        on_ray._read(share)
    with pytest.raises(RunError, match="sees other data"):
        on_ray._read(replace(share, category=category))


class RayActorError(Exception):
    """Stands for Ray's own."""


class WorkerGroupError(Exception):
    """Stands for Ray's own."""

    def __init__(self, **failures):
        super().__init__("Training failed due to worker errors:\nmany\nlines")
        self.worker_failures = {int(rank.removeprefix("rank")): error for rank, error in failures.items()}


LOST = ("lost", "RuntimeError: gloo: Connection closed by peer")


@pytest.mark.parametrize(
    ("problem", "told", "kind", "message"),
    [
        (WorkerGroupError(), [LOST, ("error", "FeatureError:no table: tfidf")], FeatureError, "^no table: tfidf$"),
        (WorkerGroupError(), [("error", "RunError:the loss is nan")], RunError, "^the loss is nan$"),
        (WorkerGroupError(rank1=RayActorError()), [LOST], RunError, "^worker 2 of 2 died: killed, .* train again: it goes on"),
        (WorkerGroupError(rank0=RuntimeError()), [LOST], RunError, "^a worker lost the others .* train again: it goes on"),
        (WorkerGroupError(), [("failure", "TypeError: no")], RunError, r"\(TypeError: no\); train with `training.workers=1`"),
        (RayActorError("long\ntext"), [], RunError, "^a process of Ray died"),
        (ValueError("first\n\nlast\n"), [], RunError, r"^Ray ended the training \(last\); train again: it goes on"),
    ],
)  # fmt: skip
def test_the_end_of_a_training_is_told_in_one_line(problem, told, kind, message):
    exceptions = SimpleNamespace(RayActorError=RayActorError, RayError=RayActorError)
    training = SimpleNamespace(problem=problem, workers=2, ray=SimpleNamespace(exceptions=exceptions))
    error = on_ray._explain(training, told)
    assert type(error) is kind
    with pytest.raises(kind, match=message):
        raise error
    assert "\n" not in str(error)


def test_far_more_processes_than_processors_are_refused_before_ray_starts(monkeypatch):
    import embrec.on_ray as clusters

    monkeypatch.setattr(clusters, "usable_processors", lambda: 4)
    monkeypatch.setattr(clusters, "import_ray", lambda *_: pytest.fail("Ray was imported"))
    with (
        pytest.raises(ConfigError, match="17 processes are too many for this machine, which has 4 processors; use 16"),
        clusters.ray_cluster("`training.workers=17`", processors=17),
    ):
        pass
