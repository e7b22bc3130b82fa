"""Errors of validation in one line: place, key, value and what is allowed."""

import doctest
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

import embrec
from embrec import registry, validation
from embrec.errors import ConfigError, DataError, RunError
from embrec.validation import Checked, validated


class Inner(BaseModel):
    """A part."""

    model_config = ConfigDict(extra="forbid")
    size: Annotated[int, Field(ge=1)] = 1


class Outer(BaseModel):
    """All of it."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(description="what it is called")]
    mode: Literal["fast", "slow"] = "fast"
    inner: Inner = Inner()
    ratio: int | Literal["all"] = 1
    even: int = 0

    @field_validator("even")
    @classmethod
    def _even(cls, value):
        if value % 2:
            raise ValueError("odd numbers are not allowed")
        return value

    @model_validator(mode="after")
    def _fast_is_small(self):
        if self.mode == "fast" and self.inner.size > 9:
            raise ValueError("fast is for sizes below 10")
        return self


MESSAGES = {
    "setting 'name' is missing (what it is called)": {},
    "unknown setting 'nane'; did you mean 'name'? there are: name, mode, inner, ratio, even": {"name": "x", "nane": 1},
    "setting 'mode' is 'fats': Input should be 'fast' or 'slow'; did you mean 'fast'?": {"name": "x", "mode": "fats"},
    "setting 'inner.size' is 0: Input should be greater than or equal to 1": {"name": "x", "inner": {"size": 0}},
    "unknown setting 'inner.sizes'; did you mean 'inner.size'? there are: size": {"name": "x", "inner": {"sizes": 1}},
    "setting 'inner' is 3; it takes settings: size": {"name": "x", "inner": 3},
    "setting 'ratio' is 'x': Input should be a valid integer, unable to parse string as an integer or 'all'": {
        "name": "x",
        "ratio": "x",
    },
    "setting 'even' is 3: odd numbers are not allowed": {"name": "x", "even": 3},
    "fast is for sizes below 10": {"name": "x", "inner": {"size": 10}},
    "[]: Input should be a valid dictionary or instance of Outer": [],
}


@pytest.mark.parametrize("message", MESSAGES)
def test_messages_name_key_value_and_what_is_allowed(message):
    with pytest.raises(ConfigError) as error:
        validated(Outer, MESSAGES[message])
    assert str(error.value) == message
    with pytest.raises(RunError) as error:
        validated(Outer, MESSAGES[message], "one/config.yaml", error=RunError)
    assert str(error.value) == f"one/config.yaml: {message}"


def test_a_caller_chooses_the_words():
    with pytest.raises(ConfigError, match=r"^--mode is 'fats': Input"):
        validated(Outer, {"name": "x", "mode": "fats"}, subject=lambda key: f"--{key}")
    with pytest.raises(ConfigError, match=r"^unknown option 'nane'; .* \(all: here\)$"):
        validated(Outer, {"name": "x", "nane": 1}, noun="option", see=" (all: here)")
    assert validated(Outer, {"name": "x"}).name == "x"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: embrec.TableSource(interactions="x.csv", time_unit="x"),
            r"^TableSource: `time_unit` is 'x': Input should",
        ),
        (lambda: embrec.TableSource(time_unit="s"), r"^TableSource: `interactions` is missing \(the interaction log\)"),
        (lambda: embrec.TableSource(interactions="x", itemz="y"), "unknown parameter 'itemz'; did you mean 'items'"),
        (lambda: embrec.GlobalTime(train=2), "^GlobalTime: `train` is 2: Input should be less than 1"),
        (lambda: embrec.GlobalTime(train=0.9, valid=0.2), "^GlobalTime: train 0.9 and valid 0.2 leave nothing"),
        (
            lambda: embrec.PreparationConfig(filter="x"),
            "^PreparationConfig: `filter` is 'x': Input should be 'one-pass'",
        ),
        (lambda: embrec.build_config("x", split="loo"), "`split='loo'` is no split"),
        (lambda: embrec.build_config("x", options=["model.dim=3"]), "is no mapping of settings"),
        (lambda: embrec.train("x", {"model": "sasrec"}, "one"), "`config` is a dict and no RunConfig; make it with"),
        (lambda: embrec.tune("x", {"model": "sasrec"}, "one"), "`config` is a dict and no SearchConfig; make it with"),
        (lambda: embrec.build_config("x", settings="dim=3"), "setting 'dim=3' does not have the form"),
        (lambda: embrec.build_config(5, options={"model.source": "id"}), "setting 'category' is 5: Input should be"),
        (lambda: embrec.build_config("x", options={"model": 5}), "'model' is 5; it takes one of: embrec, sasrec"),
        (lambda: embrec.build_config("x", options={"model": {"kind": ["a"]}}), "'model.kind' is .* there are: embrec"),
        (lambda: embrec.build_config("x", options={"training.loss": {"elu": 1}}), "'training.loss' has no name; set"),
    ],
)
def test_wrong_options_in_python_are_errors_of_one_line(make, message):
    with pytest.raises(ConfigError, match=message) as error:
        make()
    assert "\n" not in str(error.value)
    assert error.value.__context__ is None or error.value.__suppress_context__


def test_a_table_in_memory_is_not_printed_whole():
    with pytest.raises(DataError, match="a value of type int is"):
        embrec.TableSource(interactions=5)


class Size(Checked):
    """Made by hand."""

    size: Annotated[int, Field(ge=1)] = 1


class Holder(BaseModel):
    """Holds one."""

    part: Size = Size()


def test_checked_parts_keep_their_place_within_others():
    for kind in (ConfigError, ValueError):  # whoever caught pydantic's errors catches these too
        with pytest.raises(kind, match=r"^Size: `size` is 0"):
            Size(size=0)
    with pytest.raises(ConfigError, match=r"^setting 'part.size' is 0"):
        validated(Holder, {"part": {"size": 0}})
    assert Size(size=2).model_copy(update={"size": 3}).size == 3


def test_examples():
    for module in (validation, registry):
        assert doctest.testmod(module).failed == 0
