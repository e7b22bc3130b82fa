"""Presets hold the published numbers, build on each other, and are found by readable names."""

import re

import pytest
import yaml

from embrec.errors import ConfigError
from embrec.models.negatives import Negatives
from embrec.runs import presets
from embrec.runs.presets import build_config, load_preset, preset_names

# EmbRec, Table 3: what is printed as dropout rate is the probability of keeping a unit (papers.md 1.2).
TABLE_3 = {
    "automotive": (2.34e-4, 0.8541, ["text"]),
    "clothing": (3.32e-4, 0.8562, ["text"]),
    "electronics": (9.90e-5, 0.8156, ["text", "image"]),
    "office": (4.55e-4, 0.7142, ["text", "image"]),
    "toys": (4.71e-4, 0.7979, ["text", "image"]),
    "cellphone": (3.32e-4, 0.7792, ["text", "image"]),
    "games": (2.00e-4, 0.8000, ["text", "image"]),
}

# The settings of its study of losses and negatives (papers.md 1.11); of cosine nothing is published.
LOSSES = {"cross-entropy": (2.34e-4, 0.85), "bpr": (6.28e-5, 0.7529), "bpr-max": (1e-4, 0.9785)}


def config(preset, **options):
    features = {} if preset == "gru4rec-embrec" else {"model.features": ("tfidf",)}  # which reads identities only
    return build_config("toys", preset=preset, options=features | options)


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_a_valid_configuration(name):
    assert config(name).category == "toys"


@pytest.mark.parametrize("category", TABLE_3)
def test_the_presets_of_the_categories_hold_table_3(category):
    rate, keep, sources = TABLE_3[category]
    built = config(f"embrec-{category}")
    assert built.training.learning_rate == rate
    assert built.model.dropout == pytest.approx(1 - keep)
    assert built.training.loss.name == "cross-entropy"
    assert built.training.negatives.count == "all"
    with pytest.raises(ConfigError, match=f"was published with {' and '.join(f'{kind} vectors' for kind in sources)}:"):
        build_config("toys", preset=f"embrec-{category}")


@pytest.mark.parametrize("loss", LOSSES)
def test_the_presets_of_the_losses_hold_the_settings_of_their_study(loss):
    rate, keep = LOSSES[loss]
    built = config(f"embrec-{loss}")
    assert (built.training.loss.name, built.training.learning_rate) == (loss, rate)
    assert built.model.dropout == pytest.approx(1 - keep)
    assert built.training.negatives.count == "all"


def test_bpr_max_is_regularized_as_published():
    assert config("embrec-bpr-max").training.loss.model_dump() == {
        "name": "bpr-max",
        "regularization": 0.349,
        "elu": 0.0,
    }


def test_the_target_of_the_cosine_preset_cannot_move():
    built = config("embrec-cosine")
    assert (built.training.loss.name, built.model.metric, built.model.has_fc) == ("cosine", "cosine", False)


def test_a_preset_that_does_not_fit_a_loss_says_which_one_does():
    with pytest.raises(
        ConfigError, match=r"no negatives; .* \(preset embrec sets them; preset embrec-cosine does not\)"
    ):
        config("embrec", **{"training.loss": "cosine"})


@pytest.mark.parametrize("name", [name for name in preset_names() if name.startswith("embrec")])
def test_all_presets_share_the_published_architecture_and_protocol(name):
    built = config(name)
    assert (built.model.cell, built.model.units, built.model.dim, built.model.residual) == (
        "published",
        128,
        128,
        False,
    )
    assert (built.training.batch_size, built.training.optimizer, built.training.patience) == (32, "adam", 3)
    assert (built.training.select_by, built.evaluation.seen) == ("hr@50", "keep")
    expected = "target" if name == "embrec-cosine" else "own"  # the cosine loss has no negatives
    assert built.training.negatives.excluded == expected


def test_the_office_preset_is_the_plain_one():
    assert config("embrec-office") == config("embrec")


def test_published_negatives_go_behind_another_preset():
    published = config("embrec-office+published-negatives")
    assert published.training.negatives == Negatives(count="all", exclude="batch-labels", frozen=True)
    plain = config("embrec-office")
    assert published.model_copy(update={"training": plain.training}) == plain
    drawn = build_config(
        "toys",
        preset="embrec-bpr + published-negatives",
        options={"model.features": ("tfidf",), "training.negatives.count": 64},
        settings=["training.negatives.alpha=1"],
    )
    assert drawn.training.negatives == Negatives(count=64, alpha=1, exclude="batch-labels", frozen=True)


def test_options_and_settings_win_over_a_preset():
    built = build_config(
        "toys",
        preset="embrec-bpr-max",
        options={"model.features": ("tfidf",), "training.learning_rate": 0.5, "training.loss": "bpr"},
        settings=["model.dim=8"],
    )
    assert (built.training.learning_rate, built.training.loss.name, built.model.dim) == (0.5, "bpr", 8)
    assert built.training.batch_size == 32


@pytest.mark.parametrize("name", ["best", "embrec+best", "embrec+", ""])
def test_an_unknown_preset_is_answered_with_names_and_where_all_are(name):
    unknown = name.rpartition("+")[2]
    with pytest.raises(
        ConfigError, match=re.escape(f"unknown preset {unknown!r}; there are: embrec, embrec-auto")
    ) as error:
        load_preset(name)
    assert "\n" not in str(error.value)
    assert str(error.value).endswith(" and 4 more (all: `preset_names()`)")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of presets that extend each other."""
    files = {
        "base": {"model": {"dim": 1, "units": 1}, "training": {"loss": {"name": "bpr-max", "elu": 0.5}}},
        "middle": {"extends": "base", "model": {"dim": 2}},
        "top": {"extends": "middle", "model": {"dropout": 0}, "training": {"loss": {"name": "bpr"}}},
        "lost": {"extends": "nothing"},
        "round": {"extends": "trip"},
        "trip": {"extends": "round"},
    }
    for name, settings in files.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(settings))
    monkeypatch.setattr(presets, "_folder", lambda: tmp_path)


@pytest.mark.usefixtures("folder")
def test_a_preset_extends_another_section_by_section():
    assert load_preset("top") == {
        "model": {"dim": 2, "units": 1, "dropout": 0},
        "training": {"loss": {"name": "bpr"}},
    }


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "lost",
            "unknown preset 'nothing'; there are: base, lost, middle, round, top, trip (all: `preset_names()`) (pres",
        ),
        ("round", "preset 'round' extends itself"),
    ],
)
def test_a_preset_that_extends_nothing_or_itself_is_refused(name, message):
    with pytest.raises(ConfigError, match=re.escape(message)):
        load_preset(name)


def test_an_unknown_setting_is_answered_with_the_settings_of_its_own_model():
    with pytest.raises(ConfigError, match=r"unknown setting 'model.cell'.*\(all: `list_settings\(model='sasrec'\)`\)"):
        build_config("toys", options={"model.kind": "sasrec", "model.cell": "fast"})
    with pytest.raises(ConfigError, match=r"\(all: `list_settings\(\)`\)"):
        build_config("toys", options={"model.source": "id", "model.cel": "fast"})
