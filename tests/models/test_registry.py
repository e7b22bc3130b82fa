"""Models by kind: what a registration brings, and models of other packages, from training to loading."""

import doctest
import importlib
import json
import os
import re
import subprocess
import sys

import pytest
import torch
from support.categories import toy_category

from embrec.errors import ConfigError, RunError
from embrec.models import registry
from embrec.models.config import ItemsConfig
from embrec.models.inputs import CatalogInputs
from embrec.models.losses.config import LOSSES
from embrec.models.registry import MODELS, Registration
from embrec.models.zoo import build_model
from embrec.models.zoo.gru4rec import GRU4RecConfig, build_gru4rec
from embrec.runs.evaluate import evaluate_runs
from embrec.runs.model import load_model
from embrec.runs.pipeline import train
from embrec.runs.presets import build_config, lacks_features, run_name
from embrec.runs.settings import list_settings
from embrec.serving.recommender import Recommender
from embrec.tuning.plan import plan_search

MODULE = '''
"""A model of another package: the sum of a history's item vectors, older ones counting less."""

from typing import Annotated, Literal

import torch
from pydantic import Field

from embrec.distributions import Searchable, Uniform
from embrec.models.encoders.base import SequenceEncoder
from embrec.models.registry import Registration
from embrec.models.zoo.gru4rec import GRU4RecConfig, build_gru4rec


class RecencyConfig(GRU4RecConfig):
    """A running sum."""

    kind: Literal["recency"] = "recency"
    decay: Annotated[
        float, Field(gt=0, le=1, description="weight of an event beside the one after it"), Searchable(Uniform(0.1, 1))
    ] = 0.9


class RunningSum(SequenceEncoder):
    def __init__(self, dim, decay):
        super().__init__()
        self.out_dim, self.decay = dim, decay

    def forward(self, x, *inputs, **more):
        steps, total = [], torch.zeros_like(x[:, 0])
        for step in x.unbind(1):
            total = self.decay * total + step
            steps.append(total)
        return torch.stack(steps, dim=1)


def build_recency(config, *inputs):
    model = build_gru4rec(config, *inputs)
    model.sequence = RunningSum(config.dim, config.decay)
    return model


RECENCY = Registration("recency", RecencyConfig, build_recency, "a running sum of item vectors")
'''
PYPROJECT = """
[project]
name = "shop-models"
version = "1.0"

[project.entry-points."embrec.models"]
recency = "shop_models.recency:RECENCY"
"""


def install(folder, name, points, files):
    """Lay out a package as an installer does: its modules, and a folder that says what they provide."""
    for file, text in files.items():
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    about = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
    lines = "".join(f"{kind} = {value}\n" for kind, value in points.items())
    (about / "entry_points.txt").write_text(f"[embrec.models]\n{lines}", encoding="utf-8")


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of installed packages that Python looks into."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    monkeypatch.undo()
    for name in [name for name in sys.modules if name.startswith(("shop_models", "broken_models"))]:
        del sys.modules[name]
    importlib.invalidate_caches()
    MODELS.refresh()


@pytest.fixture
def package(site):
    files = {"shop_models/__init__.py": "", "shop_models/recency.py": MODULE, "shop_models/pyproject.toml": PYPROJECT}
    install(site, "shop-models", {"recency": "shop_models.recency:RECENCY"}, files)
    MODELS.refresh()
    return site


def run_embrec(site, *arguments, cwd):
    path = os.pathsep.join([str(site), *sys.path])
    command = [sys.executable, "-P", "-m", "embrec", *arguments]
    environment = os.environ | {"PYTHONPATH": path, "COLUMNS": "300"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, check=False)


def test_a_model_of_another_package_is_listed_and_searched(package, tmp_path):
    assert registry.kinds() == ["embrec", "sasrec", "gru4rec", "recency"]
    assert not any(name.startswith("shop_models") for name in sys.modules)  # names need no import
    rows = {row.key: row for row in list_settings("recency")}
    assert rows["model.decay"].default == "0.9"
    assert rows["model.kind"].meaning == "the kind of model (embrec, sasrec, gru4rec, recency)"
    plan = plan_search(toy_category(tmp_path), options={"model.kind": "recency"}, samples=3)
    assert plan.name == "tuned-recency-id"
    assert plan.config.space["model.decay"] == {"uniform": [0.1, 1.0]}


def test_a_model_of_another_package_is_trained_saved_and_loaded(package, tmp_path):
    category = toy_category(tmp_path)
    assert not lacks_features({"model.kind": "recency"})
    config = build_config(
        "toys",
        options={"model.kind": "recency", "training.epochs": 2, "training.device": "cpu"},
        settings=["model.dim=8", "model.decay=0.5"],
    )
    assert run_name(config) == "recency-id"
    with pytest.raises(ConfigError, match=r"unknown setting 'model.decays'; did you mean 'model.decay'"):
        build_config("toys", options={"model.kind": "recency", "model.decays": 1})
    with pytest.raises(ConfigError, match=r"'model.decay' is 2: Input should be less than or equal to 1"):
        build_config("toys", options={"model.kind": "recency", "model.decay": 2})
    result = train(category, config, "one")
    assert result.run.config().model == config.model
    assert (result.run.config().model.kind, result.run.config().model.decay) == ("recency", 0.5)
    loaded, again = load_model(result.run).model, load_model(result.run).model
    assert all(torch.equal(one, other) for one, other in zip(loaded.parameters(), again.parameters(), strict=True))
    assert type(loaded.sequence).__name__ == "RunningSum"
    found = evaluate_runs([result.run])["one"].metrics(["hr@10"])["all"]["hr@10"]
    assert found == pytest.approx(result.metrics["test"]["all"]["hr@10"])
    assert Recommender.load(result.run.path).recommend([["i00", "i01"]], k=3)


def test_the_command_line_knows_a_model_of_another_package(package, tmp_path):
    help_text = run_embrec(package, "train", "--help", cwd=tmp_path).stdout
    assert "embrec, sasrec, gru4rec or recency" in help_text
    assert "content of embrec, id of the others" in help_text


def test_a_run_of_a_package_that_is_gone_says_so(tmp_path, site):
    category = toy_category(tmp_path)
    run = train(category, build_config("toys", options={"model.source": "id", "training.epochs": 1}), "one").run
    text = run.config_file.read_text(encoding="utf-8")
    run.config_file.write_text(text.replace("kind: embrec", "kind: recency"), encoding="utf-8")
    with pytest.raises(
        RunError, match=r"config.yaml: setting 'model.kind' is 'recency'; there are: embrec, sasrec, gru4rec"
    ):
        run.config()


IMPORTS = """from embrec.models.registry import Registration
from embrec.models.zoo.gru4rec import GRU4RecConfig, build_gru4rec
"""
BROKEN = {
    "an import that fails": (
        {"bad": "broken_models.bad:BAD"},
        "import a_module_that_nobody_has",
        r"model 'bad' of package 'broken-models' cannot be loaded \(ModuleNotFoundError: No module named 'a_module_.*uninstall",
    ),
    "a missing attribute": ({"bad": "broken_models.bad:BAD"}, "", "cannot be loaded .AttributeError: .*'BAD'"),
    "something else": (
        {"bad": "broken_models.bad:BAD"},
        "BAD = 3",
        "cannot be used: broken_models.bad:BAD is not a Registration",
    ),
    "an exit": ({"bad": "broken_models.bad:BAD"}, "import sys; sys.exit(3)", r"cannot be loaded \(SystemExit: 3\)"),
    "another sort of configuration": (
        {"bad": "broken_models.bad:BAD"},
        f"{IMPORTS}from pydantic import BaseModel\n"
        "class Config(BaseModel):\n    kind: str = 'bad'\nBAD = Registration('bad', Config, build_gru4rec, 'bad')",
        "its configuration <class 'broken_models.bad.Config'> is no subclass of ItemsConfig",
    ),
    "a configuration without a kind": (
        {"bad": "broken_models.bad:BAD"},
        f"{IMPORTS}from embrec.models.config import ItemsConfig\nBAD = Registration('bad', ItemsConfig, build_gru4rec, 'bad')",
        "the field `kind` of ItemsConfig has no default",
    ),
    "a kind that is no name": (
        {"very/bad": "broken_models.bad:BAD", "bad": "broken_models.bad:BAD"},
        f"{IMPORTS}class Config(GRU4RecConfig):\n    kind: str = 'very/bad'\n"
        "BAD = Registration('very/bad', Config, build_gru4rec, 'bad')",
        "model 'very/bad': a kind is made of letters, digits, hyphens, dots and underscores",
    ),
    "an input that nobody knows": (
        {"bad": "broken_models.bad:BAD"},
        f"{IMPORTS}class Config(GRU4RecConfig):\n    kind: str = 'bad'\n"
        "BAD = Registration('bad', Config, build_gru4rec, 'bad', frozenset({'relation'}))",
        "unknown entry of reads 'relation'; did you mean 'relations'",
    ),
    "another name": (
        {"bad": "embrec.models.zoo.sasrec:SASREC"},
        "",
        "cannot be used: embrec.models.zoo.sasrec:SASREC calls itself 'sasrec'",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_package_that_is_broken_is_named_and_stops_no_other_model(site, case, caplog):
    points, module, message = BROKEN[case]
    install(site, "broken-models", points, {"broken_models/__init__.py": "", "broken_models/bad.py": module})
    MODELS.refresh()
    with pytest.raises(ConfigError, match=message) as error:
        build_config("toys", options={"model.kind": "bad"})
    assert "\n" not in str(error.value)
    assert build_config("toys", options={"model.kind": "sasrec"}).model.kind == "sasrec"
    assert list(MODELS.usable()) == list(MODELS.usable()) == ["embrec", "sasrec", "gru4rec"]
    said = [record.message for record in caplog.records]
    assert len(said) == len(points)  # each once
    assert str(error.value) in said
    assert MODELS.packaged() == [(name, "broken-models", line) for name, line in zip(sorted(points), said, strict=True)]


def test_a_builder_of_something_else_is_named():
    def build(config, inputs):
        return torch.nn.Linear(1, 1)

    registry.register(Registration("doubled", DoubledConfig, build, "no model"))
    try:
        config = build_config("toys", options={"model.kind": "doubled"})
        with pytest.raises(
            ConfigError, match=r"model 'doubled': its builder returned Linear, .* it lacks cached, catalog,"
        ):
            build_model(config.model, CatalogInputs({}, torch.ones(3, dtype=torch.bool)))
    finally:
        MODELS.unregister("doubled")


def test_the_doctor_lists_what_packages_bring(package, site, tmp_path):
    install(site, "broken-models", {"bad": "broken_models:BAD"}, {"broken_models.py": "raise RuntimeError('no')"})
    done = run_embrec(site, "doctor", "--json", "--workspace", str(tmp_path / "workspace"), cwd=tmp_path)
    assert done.returncode == 0
    plugins = [entry for entry in json.loads(done.stdout)["plugins"] if entry[2].endswith("-models")]
    assert plugins[1] == ["model", "recency", "shop-models", ""]
    assert plugins[0][:3] == ["model", "bad", "broken-models"]
    assert "cannot be loaded (RuntimeError: no)" in plugins[0][3]
    table = run_embrec(site, "doctor", "--workspace", str(tmp_path / "workspace"), cwd=tmp_path).stdout
    assert re.search(r"model +recency +shop-models +ok", table)


def test_a_broken_package_is_one_line_on_the_command_line(site, tmp_path):
    install(
        site, "broken-models", {"bad": "broken_models:BAD"}, {"broken_models.py": "raise RuntimeError('two\\nlines')"}
    )
    said = "model 'bad' of package 'broken-models' cannot be loaded (RuntimeError: two lines)"
    done = run_embrec(site, "settings", "--model", "bad", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {said}")
    assert done.stderr.count("\n") == 1
    done = run_embrec(site, "train", "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr.count(said), done.stderr.count("\n")) == (0, 1, 1)
    assert "--learning-rate" in done.stdout


def test_two_packages_with_one_name_and_a_package_with_a_built_in_name(site, caplog):
    for name in ("one-package", "other-package"):
        install(site, name, {"twice": "embrec.models.zoo.sasrec:SASREC"}, {})
    install(site, "greedy-package", {"sasrec": "nowhere:X"}, {})
    MODELS.refresh()
    with pytest.raises(
        ConfigError, match=r"model 'twice' of package 'o.*-package' also comes with package 'o.*-package'"
    ):
        registry.lookup("twice")
    assert registry.lookup("sasrec").build.__module__ == "embrec.models.zoo.sasrec"
    assert "package 'greedy-package' brings a model 'sasrec', a name that is built in" in caplog.text


class DoubledConfig(GRU4RecConfig):
    """A configuration for the tests below."""

    kind: str = "doubled"


def test_a_program_registers_a_model_for_itself():
    entry = Registration("doubled", DoubledConfig, build_gru4rec, "two")
    registry.register(entry)
    try:
        config = build_config("toys", options={"model.kind": "doubled", "model.dim": 16})
        assert isinstance(config.model, DoubledConfig)
        assert registry.lookup("doubled") is registry.register(entry)
        with pytest.raises(ConfigError, match="a model 'doubled' is registered already"):
            registry.register(Registration("doubled", DoubledConfig, build_gru4rec, "three"))
    finally:
        MODELS.unregister("doubled")
    with pytest.raises(ConfigError, match=r"'model.kind' is 'doubled'"):
        build_config("toys", options={"model.kind": "doubled"})


@pytest.mark.parametrize("taken", ["embrec", "sasrec", "gru4rec"])
def test_built_in_models_are_not_replaced(taken):
    class Config(GRU4RecConfig):
        kind: str = taken

    with pytest.raises(ConfigError, match=f"a model '{taken}' is registered already"):
        registry.register(Registration(taken, Config, build_gru4rec, "mine"), replace=True)


def test_a_registration_and_its_configuration_have_the_same_kind():
    with pytest.raises(ConfigError, match="the field `kind` of GRU4RecConfig says 'gru4rec'"):
        Registration("mine", GRU4RecConfig, build_gru4rec, "mine")
    with pytest.raises(ConfigError, match="a Registration is expected"):
        registry.register(GRU4RecConfig)


def test_every_model_has_a_line_of_help_and_a_default_source():
    for kind in registry.kinds():
        one = registry.lookup(kind)
        assert issubclass(one.config, ItemsConfig)
        assert one.help
        assert "\n" not in one.help
        assert one.source in ("content", "id", "hybrid")


TAUGHT = [*(registry.lookup(kind).config for kind in registry.kinds()), *LOSSES.usable().values()]


@pytest.mark.parametrize("module", sorted({one.__module__ for one in TAUGHT}))
def test_models_and_losses_teach_by_examples_that_run(module):
    results = doctest.testmod(importlib.import_module(module))
    assert results.attempted
    assert not results.failed


def test_models_and_losses_say_when_to_use_them_and_where_they_come_from():
    for one in TAUGHT:
        assert "Use it" in one.__doc__, one
        assert "Source" in one.__doc__, one
        assert ">>> " in one.__doc__, one
