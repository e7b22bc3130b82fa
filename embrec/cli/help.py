"""Commands whose help has defaults and examples, and whose messages name their own options."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from typer.core import TyperCommand, TyperGroup

_SETTING = re.compile(r"\{((?:model|training|evaluation|search)\.[a-z_.]+)\}")


# As one goes through them; what is not named here comes behind.
_ORDER = (
    "data",
    "features",
    "train",
    "tune",
    "evaluate",
    "compare",
    "report",
    "analyze",
    "recommend",
    "score",
    "settings",
    "presets",
    "doctor",
)


def _fill(parameters: Sequence[object]) -> None:
    """Put the defaults of settings into help texts that name them in braces, such as `{training.epochs}`.

    They are looked up only where help is asked for, so that no other command loads the configuration.
    """
    for parameter in parameters:
        text = getattr(parameter, "help", None)
        if text and _SETTING.search(text):
            parameter.help = _SETTING.sub(lambda found: default_of(found[1]), text)  # type: ignore[attr-defined]


class Command(TyperCommand):
    """A command whose help may name settings."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; messages of the library name its options from then on."""
        from embrec.cli.messages import speak_for

        speak_for(ctx)
        return super().invoke(ctx)

    def format_help(self, *arguments: Any, **options: Any) -> None:
        """Write the help, with defaults."""
        _fill(self.params)
        super().format_help(*arguments, **options)


class HelpGroup(TyperGroup):
    """A group of commands whose help may name settings, and that lists its commands in the order of use."""

    def invoke(self, ctx: Any) -> Any:
        """Run the group; messages of the library name its options until one of its commands runs."""
        from embrec.cli.messages import speak_for

        speak_for(ctx)
        return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands."""
        names = super().list_commands(ctx)
        return sorted(names, key=lambda name: _ORDER.index(name) if name in _ORDER else len(_ORDER))

    def format_help(self, *arguments: Any, **options: Any) -> None:
        """Write the help, with defaults."""
        _fill(self.params)
        super().format_help(*arguments, **options)


def option_name(parameter: str) -> str:
    """Return the option of a parameter: `--time-unit` of `time_unit`."""
    return "--" + parameter.replace("_", "-")


def as_options(arguments: Mapping[str, str | Sequence[str]]) -> str:
    """Return arguments as options of a command; of several values each has its own.

    >>> as_options({"path": "retailrocket", "event": ("addtocart", "transaction")})
    '--path retailrocket --event addtocart --event transaction'
    """
    values = {name: [value] if isinstance(value, str) else value for name, value in arguments.items()}
    return " ".join(f"{option_name(name)} {value}" for name, several in values.items() for value in several)


def examples(*commands: str) -> str:
    """Return the end of a help text: commands as a person would type them, one a line."""
    return "\n\n".join(
        ["Examples:" if len(commands) > 1 else "Example:", *(command.replace("[", "\\[") for command in commands)]
    )


def default_of(setting: str) -> str:
    """Return the default of a setting in words, such as `30` of `training.epochs`, or the names that it may have."""
    if setting in _NAMES:
        return _NAMES[setting]()
    return (_search_defaults() if setting.startswith("search.") else _defaults())[setting]


@cache
def _defaults() -> dict[str, str]:
    from embrec.runs.settings import list_settings

    return {row.key: row.default for row in list_settings()}


@cache
def _search_defaults() -> dict[str, str]:
    from embrec.tuning.config import Halving, SearchConfig

    fields = {**SearchConfig.model_fields, **Halving.model_fields}
    return {f"search.{key}": str(field.default) for key, field in fields.items()}


def _models() -> str:
    from embrec.models import registry

    return "; ".join(f"{kind}: {registration.help}" for kind, registration in registry.MODELS.usable().items())


def _kinds() -> str:
    from embrec.models import registry
    from embrec.names import either

    return either(registry.MODELS.usable())


def _sources() -> str:
    from embrec.models import registry

    sources: dict[str, list[str]] = {}
    for kind, registration in registry.MODELS.usable().items():
        sources.setdefault(registration.source, []).append(kind)
    few, *rest = sorted(sources.items(), key=lambda item: len(item[1]))
    return ", ".join([f"{few[0]} of {', '.join(few[1])}", *(f"{source} of the others" for source, _ in rest)])


def _losses() -> str:
    from embrec.models.losses.config import LOSSES
    from embrec.names import either

    return either(LOSSES)


def _baselines() -> str:
    from embrec.models.baselines.registry import BASELINES
    from embrec.names import either

    return either(BASELINES)


def _metrics() -> str:
    from embrec.evaluation.metrics import patterns

    return ", ".join(patterns())


# Texts that are lists of registered names. Each is made alone, so that a help loads no more than it says.
_NAMES: dict[str, Callable[[], str]] = {
    "model.about": _models,
    "model.kinds": _kinds,
    "model.sources": _sources,
    "training.losses": _losses,
    "evaluation.baselines": _baselines,
    "evaluation.known": _metrics,
}
