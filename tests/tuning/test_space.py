"""Ranges, search spaces and their points."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embrec import distributions
from embrec.distributions import Choice, Integer, LogInteger, LogUniform, Uniform, parse_distribution
from embrec.errors import ConfigError
from embrec.runs.presets import build_config, changed_config
from embrec.tuning.space import Space, default_space, feature_names, point_of, settings_at


def base(**options):
    return build_config("shop", options={"model.features": ["tfidf"]} | options)


@pytest.mark.parametrize(
    ("text", "distribution"),
    [
        ({"uniform": [0, 0.5]}, Uniform(0, 0.5)),
        ({"log-uniform": ["1e-5", 1e-2]}, LogUniform(1e-5, 1e-2)),  # YAML takes 1e-5 for a text
        ({"integer": [64, 256]}, Integer(64, 256)),
        ({"log-integer": [1, 4096]}, LogInteger(1, 4096)),
        ({"choice": ["all", {"integer": [1, 3]}]}, Choice(("all", Integer(1, 3)))),
        ({"choice": [["tfidf"], ["tfidf", "minilm"]]}, Choice((("tfidf",), ("tfidf", "minilm")))),
    ],
)
def test_a_range_is_written_as_it_is_read(text, distribution):
    assert parse_distribution(text) == distribution
    assert parse_distribution(distribution.plain()) == distribution


def test_the_examples_in_the_documentation_hold():
    assert doctest.testmod(distributions).failed == 0


@given(st.sampled_from([Uniform(-1, 3), LogUniform(1e-5, 1), LogInteger(1, 10**6)]), st.floats(-0.5, 1.5))
def test_a_share_of_a_range_leads_to_its_value_and_back(distribution, share):
    value = distribution.at(share)
    assert distribution.whole or distribution.share(value) == pytest.approx(share, abs=1e-9)
    assert distribution.holds(value) == (0 <= share <= 1) or distribution.share(value) in (0, 1)
    assert [distribution.at(0), distribution.at(1)] == pytest.approx([distribution.low, distribution.high])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ({"uniform": [0.5, 0]}, r"the bounds \[0.5, 0\] are reversed; give the lower one first"),
        ({"uniform": [1, 1]}, "are equal"),
        ({"uniform": [0, float("inf")]}, "not finite"),
        ({"log-uniform": [0, 1]}, "must be above 0"),
        ({"integer": [0.5, 2]}, "must be whole"),
        ({"uniform": [0]}, "has two bounds"),
        ({"uniform": ["a", 1]}, "the bound 'a' is not a number"),
        ({"uniform": [True, 2]}, "the bound True is not a number"),
        ({"normal": [0, 1]}, "unknown kind of range 'normal'; did you mean 'uniform'. there are: uniform, log-uniform"),
        ({"choice": []}, "at least one option"),
        ({"choice": 3}, "followed by a list"),
        (0.5, "is not one of uniform"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused_with_its_setting(text, message):
    with pytest.raises(ConfigError, match=rf"space, model.dropout: .*{message}"):
        Space.parse({"model.dropout": text})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model.dropuot": {"uniform": [0, 0.5]}}, "unknown setting 'model.dropuot'; did you mean 'model.dropout'"),
        ({"model.dropout": {"uniform": [0, 1.5]}}, "setting 'model.dropout' is 1.5: Input should be less than 1"),
        ({"training.loss": {"choice": ["bpr", "brp"]}}, "setting 'training.loss' is 'brp'"),
        ({"training.epochs": {"integer": [1, 9]}}, "cannot be searched; it is the budget"),
        ({"training.select_by": {"choice": ["auc", "mrr"]}}, "cannot be searched; it is the objective"),
        (
            {"training.loss": {"choice": ["bpr", "bpr-max"]}, "training.loss.regularization": {"uniform": [0, 1]}},
            "training.loss.regularization lies inside training.loss",
        ),
        ({"split.kind": {"choice": ["a", "b"]}}, "only settings of model and training"),
        ({}, "the search space is empty"),
    ],
)
def test_a_space_that_does_not_fit_the_configuration_is_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        Space.parse(settings).check(base())


def test_the_default_space_has_what_matters_in_a_configuration():
    plain = default_space(base()).settings.keys()
    assert {"training.learning_rate", "model.dropout", "model.temperature", "model.feature_dropout"} <= plain
    assert not {"model.id_scale", "training.negatives.alpha", "training.loss.regularization", "model.features"} & plain
    hybrid = base(**{"model.source": "hybrid", "model.metric": "dot"})
    assert {"model.id_scale", "model.id_dropout"} <= default_space(hybrid).settings.keys()
    assert "model.temperature" not in default_space(hybrid).settings
    drawn = base(**{"training.loss": "bpr-max", "training.negatives.count": 64})
    assert {"training.negatives.alpha", "training.loss.regularization"} <= default_space(drawn).settings.keys()
    ids = build_config("shop", options={"model.kind": "sasrec"})
    assert "model.layers" in default_space(ids).settings
    assert "model.feature_dropout" not in default_space(ids).settings


@pytest.mark.parametrize("kind", ["embrec", "sasrec", "gru4rec"])
@pytest.mark.parametrize("source", ["content", "id", "hybrid"])
@pytest.mark.parametrize("loss", ["cross-entropy", "bpr-max", "gbce", "sampled-softmax"])
def test_every_default_space_fits_its_configuration_and_holds_it(kind, source, loss):
    features = None if source == "id" else ["tfidf"]
    count = "all" if loss in ("cross-entropy", "bpr-max") else 64
    config = build_config(
        "shop",
        options={
            "model.kind": kind,
            "model.source": source,
            "model.features": features,
            "training.loss": loss,
            "training.negatives.count": count,
        },
    )
    space = default_space(config)
    space.check(config)
    assert space.holds(space.values_of(config))


def test_feature_tables_may_be_named_without_brackets():
    space = Space.parse({"model.features": {"choice": ["tfidf", "minilm", ["tfidf", "minilm"]]}})
    assert space.holds(space.values_of(base()))
    assert feature_names(space, base()) == ("tfidf", "minilm")


def test_feature_tables_are_searched_alone_and_together():
    space = default_space(base(), ["tfidf", "minilm"])
    assert space.settings["model.features"] == Choice((("tfidf",), ("minilm",), ("tfidf", "minilm")))
    four = default_space(base(), ["a", "b", "c", "d"]).settings["model.features"]
    assert four == Choice((("a",), ("b",), ("c",), ("d",), ("a", "b", "c", "d")))
    assert feature_names(space, base()) == ("tfidf", "minilm")


SPACE = Space.parse(
    {
        "model.dropout": {"uniform": [0, 0.5]},
        "training.learning_rate": {"log-uniform": [1e-5, 1e-2]},
        "training.batch_size": {"log-integer": [16, 512]},
        "training.negatives": {"choice": ["all", {"integer": [10, 20]}]},
        "model.fc": {"choice": [True, False]},
    }
)


@given(
    st.fixed_dictionaries(
        {
            "model.dropout": st.floats(0, 0.5),
            "training.learning_rate": st.floats(1e-5, 1e-2),
            "training.batch_size": st.integers(16, 512),
            "training.negatives": st.one_of(st.just("all"), st.integers(10, 20)),
            "model.fc": st.booleans(),
        }
    )
)
def test_settings_come_back_from_their_point(settings):
    assert SPACE.holds(settings)
    assert settings_at(SPACE, point_of(SPACE, settings)) == settings
    config = changed_config(base(), settings)
    assert SPACE.values_of(config) == settings


def test_values_outside_are_not_held():
    inside = {
        "model.dropout": 0.1,
        "training.learning_rate": 1e-3,
        "training.batch_size": 16,
        "training.negatives": 15,
        "model.fc": True,
    }
    assert SPACE.holds(inside)
    for key, value in {
        "model.dropout": 0.6,
        "training.batch_size": 16.5,
        "training.negatives": 21,
        "model.fc": 1,
    }.items():
        assert not SPACE.holds(inside | {key: value})
        assert key in SPACE.what_is_wrong(inside | {key: value})
    assert not SPACE.holds({"model.dropout": 0.1})
