"""Named search spaces and space files, and the configuration of a search made from one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from embrec.distributions import RANGES, Choice, number_of_text
from embrec.errors import ConfigError
from embrec.names import unknown
from embrec.runs.config import RunConfig
from embrec.runs.presets import changed_config
from embrec.tuning.config import Halving, SearchConfig
from embrec.tuning.space import Space, default_space, feature_choice
from embrec.validation import validated

DEFAULT = "default"


class SpaceFile(BaseModel):
    """The content of a space file: settings with their ranges, and the budget that they were published with.

    A budget field (`objective`, `samples`, `epochs`, `grace`, `reduction`) applies unless the user gives another value.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    vary: Annotated[
        dict[str, Any], Field(description="setting -> range; `items` as a bound is the number of training items")
    ]
    start: Annotated[
        tuple[dict[str, Any], ...],
        Field(description="settings to try first; keys that they leave out keep the value of the configuration"),
    ] = ()
    preset: Annotated[
        str | None, Field(description="preset of the configuration that trials change, unless the user names one")
    ] = None
    features: Annotated[bool, Field(description="also choose among the feature tables")] = False
    objective: str | None = None
    samples: int | None = None
    epochs: int | None = None
    grace: int | None = None
    reduction: float | None = None


def space_names() -> list[str]:
    """Return the names of the spaces that come with the package."""
    folder = files("embrec.tuning") / "spaces"
    return sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))


def load_space(name: str) -> SpaceFile:
    """Return a space by its name or the path of its file.

    Raises:
        ConfigError: there is no such space, or the file is not valid.
    """
    if name in space_names():
        text, where = (files("embrec.tuning") / "spaces" / f"{name}.yaml").read_text("utf-8"), f"space {name}"
    else:
        path = Path(name)
        if not path.is_file():
            raise ConfigError(f"{unknown('space', name, [DEFAULT, *space_names()])}, or the path of a YAML file")
        where = str(path)
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            raise ConfigError(f"{where} is not UTF-8 text") from None
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError(f"{where}{f', line {mark.line + 1}' if mark else ''} is not YAML") from None
    if not isinstance(content, Mapping) or "vary" not in content:
        raise ConfigError(f"{where} has no part 'vary' with settings and their ranges")
    return validated(SpaceFile, content, where, noun="key", subject=str)


@dataclass(frozen=True)
class SearchRequest:
    """The options of a search that a user gives; None stands for the value of the space file, or the default.

    Attributes:
        space: name or file of a space; "default" for the searchable fields of the configuration, see `default_space`.
        warm: True to try the configuration itself and the starting points of the space first, if the space contains them.
        objective: validation metric to optimise.
        samples: number of trials.
        epochs: largest number of epochs of a trial.
        grace: smallest number of epochs of a trial.
        reduction: reduction factor N of ASHA: the best 1/N of the trials at a rung continue.
        halving: False to train all epochs of every trial.
        algorithm: "tpe" or "random".
        seed: seed of the proposals.
        seeds: seeds of the final models; if empty, no model is trained with the best settings.
        final_epochs: largest number of epochs of the final models.
        final_on: training data of the final models, "train" or "train+validation".
    """

    space: str = DEFAULT
    warm: bool = True
    objective: str | None = None
    samples: int | None = None
    epochs: int | None = None
    grace: int | None = None
    reduction: float | None = None
    halving: bool = True
    algorithm: str = "tpe"
    seed: int = 0
    seeds: Sequence[int] = (0, 1, 2)
    final_epochs: int | None = None
    final_on: str = "train"


def build_search(
    base: RunConfig,
    request: SearchRequest,
    *,
    items: int,
    tables: Sequence[str] = (),
    fixed: Collection[str] = (),
) -> SearchConfig:
    """Return the configuration of a search.

    Args:
        base: the configuration that trials change.
        request: options of the user.
        items: number of items with training events, the value of `items` as a bound.
        tables: names of the feature tables to choose from.
        fixed: settings that the default space does not vary.

    Raises:
        ConfigError: a value is not valid, or the space does not fit the configuration.
    """
    named = request.space != DEFAULT
    file = load_space(request.space) if named else SpaceFile(vary={})
    epochs = _first(request.epochs, file.epochs)
    base = changed_config(
        base, _given(**{"training.select_by": _first(request.objective, file.objective), "training.epochs": epochs})
    )
    space = _parsed(file, base, tables, items) if named else default_space(base, tables, fixed)
    space.check(base)
    from_user = request.space not in space_names()
    rungs = _given(grace=_first(request.grace, file.grace), reduction=_first(request.reduction, file.reduction))
    values = {
        "base": base.model_dump(mode="json"),
        "space": space.plain(),
        "start": _starting_points(space, base, file.start, from_user=from_user) if request.warm else [],
        "algorithm": request.algorithm,
        "halving": Halving().model_dump() | rungs if request.halving else None,
        "seed": request.seed,
        "seeds": tuple(request.seeds),
        "final_epochs": request.final_epochs,
        "final_on": request.final_on,
    }
    return search_of(values | _given(samples=_first(request.samples, file.samples)))


def search_of(values: Mapping[str, Any]) -> SearchConfig:
    """Return the configuration of a search from plain values.

    Raises:
        ConfigError: a value is not valid; the message names it.
    """
    return validated(SearchConfig, values, subject=lambda key: key.removeprefix("halving."))


def _first(*values: Any) -> Any:
    """Return the first value that is not None."""
    return next((value for value in values if value is not None), None)


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _parsed(file: SpaceFile, base: RunConfig, tables: Sequence[str], items: int) -> Space:
    """Return the space of a file, with `items` replaced by the number of training items."""
    vary = {key: _with_items(key, value, items) for key, value in file.vary.items()}
    space = Space.parse(vary)
    if file.features and len(tables) > 1 and base.model.source != "id" and "model.features" not in vary:
        space = Space({**space.settings, "model.features": feature_choice(tables)})
    return space


def _with_items(key: str, value: Any, items: int) -> Any:
    """Replace `items` by the number of items; drop an option whose range becomes empty, as in a small catalog."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return value
    ((kind, content),) = value.items()
    if kind == Choice.kind and isinstance(content, list):
        options = [_with_items(key, option, items) for option in content]
        small = [_names_items(old) and _empty(new) for old, new in zip(content, options, strict=True)]
        return {kind: [option for option, left_out in zip(options, small, strict=True) if not left_out]}
    if kind in RANGES and isinstance(content, list):
        return {kind: [items if bound == "items" else bound for bound in content]}
    return value


def _names_items(option: Any) -> bool:
    return isinstance(option, Mapping) and any(
        isinstance(bounds, list) and "items" in bounds for bounds in option.values()
    )


def _empty(option: Mapping[str, Any]) -> bool:
    """Return True if an option is a range without values; invalid ranges are left to the parser, which reports them."""
    bounds = [number_of_text(bound) for bound in next(iter(option.values()))]
    return len(bounds) == 2 and all(isinstance(bound, int | float) for bound in bounds) and bounds[0] >= bounds[1]


def _starting_points(
    space: Space, base: RunConfig, points: Sequence[Mapping[str, Any]], *, from_user: bool
) -> list[dict[str, Any]]:
    """Return the settings of the configuration and the starting points, without duplicates.

    Raises:
        ConfigError: a starting point of a user's file is not in the space.
    """
    own = space.values_of(base)
    found: list[dict[str, Any]] = [own] if space.holds(own) else []
    for place, point in enumerate(points):
        whole = own | {key: number_of_text(value) for key, value in point.items()}
        if space.holds(whole):
            if whole not in found:
                found.append(whole)
        elif from_user:
            raise ConfigError(f"starting point {place + 1} is no point of the space: {space.what_is_wrong(whole)}")
    return found
