"""Search spaces by name or from a file, and the search that a request means."""

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
    """The content of a space file: settings with their ranges, and the budget that they were published with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vary: Annotated[
        dict[str, Any], Field(description="setting -> range; `items` as a bound is the number of training items")
    ]
    start: Annotated[
        tuple[dict[str, Any], ...],
        Field(description="settings that are tried first; what they do not name is as in the configuration"),
    ] = ()
    preset: Annotated[
        str | None, Field(description="of the configuration that trials change, if no other is asked for")
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
        ConfigError: there is none, or it is not valid.
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
    """What a user asks of a search; what is None is as the space says, else as the defaults say.

    Attributes:
        space: name or file of a space; "default" for the one that the configuration suggests.
        warm: True to begin with the configuration itself and the starting points of the space, where the space holds them.
        objective: validation metric to optimise.
        samples: number of trials.
        epochs: largest number of epochs of a trial.
        grace: smallest number of epochs of a trial.
        reduction: ASHA's reduction factor: the best 1 / reduction of the trials go on.
        halving: False to run every trial to its end.
        algorithm: "tpe" or "random".
        seed: of the proposals.
        seeds: of the models that are trained with the best settings; none are if it is empty.
        final_epochs: largest number of epochs of those models.
        final_on: what those models learn from, "train" or "train+validation".
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
    """Return the search that a request means.

    Args:
        base: the configuration that trials change.
        request: what is asked for.
        items: number of training items.
        tables: feature tables to choose among.
        fixed: settings that the default space leaves as they are.

    Raises:
        ConfigError: a value is not allowed, or the space does not fit the configuration.
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
    """Return the search of plain values.

    Raises:
        ConfigError: one is not allowed; the message names it.
    """
    return validated(SearchConfig, values, subject=lambda key: key.removeprefix("halving."))


def _first(*values: Any) -> Any:
    """Return the first value that is not None."""
    return next((value for value in values if value is not None), None)


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _parsed(file: SpaceFile, base: RunConfig, tables: Sequence[str], items: int) -> Space:
    """Return the space of a file, with the number of training items in the place of `items`."""
    vary = {key: _with_items(key, value, items) for key, value in file.vary.items()}
    space = Space.parse(vary)
    if file.features and len(tables) > 1 and base.model.source != "id" and "model.features" not in vary:
        space = Space({**space.settings, "model.features": feature_choice(tables)})
    return space


def _with_items(key: str, value: Any, items: int) -> Any:
    """Replace `items` by their number; an option whose bounds are reversed by it, in a small shop, is left out."""
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
    """Whether an option is a range without values; what is no range at all is not, and refused when it is parsed."""
    bounds = [number_of_text(bound) for bound in next(iter(option.values()))]
    return len(bounds) == 2 and all(isinstance(bound, int | float) for bound in bounds) and bounds[0] >= bounds[1]


def _starting_points(
    space: Space, base: RunConfig, points: Sequence[Mapping[str, Any]], *, from_user: bool
) -> list[dict[str, Any]]:
    """Return the configuration's own settings and the starting points, each once.

    Raises:
        ConfigError: a point of a user's file is not in the space.
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
