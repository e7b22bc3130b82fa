"""What the help of every command has in common: defaults as the configuration has them, and examples."""

import re
from functools import cache
from typing import Any

from typer.core import TyperCommand

_SETTING = re.compile(r"\{((?:model|training|evaluation|search)\.[a-z_.]+)\}")


class Command(TyperCommand):
    """A command whose help may name settings in braces, such as `{training.epochs}`: their defaults take the place.

    They are looked up only where help is asked for, so that no other command loads the configuration.
    """

    def format_help(self, *arguments: Any, **options: Any) -> None:
        """Write the help, with defaults."""
        for parameter in self.params:
            text = getattr(parameter, "help", None)
            if text and _SETTING.search(text):
                parameter.help = _SETTING.sub(lambda found: default_of(found[1]), text)  # type: ignore[attr-defined]
        super().format_help(*arguments, **options)


def examples(*commands: str) -> str:
    """Return the end of a help text: commands as a person would type them, one a line."""
    return "\n\n".join(
        ["Examples:" if len(commands) > 1 else "Example:", *(command.replace("[", "\\[") for command in commands)]
    )


def default_of(setting: str) -> str:
    """Return the default of a setting in words, such as `30` of `training.epochs`."""
    return _defaults()[setting]


@cache
def _defaults() -> dict[str, str]:
    from embrec.training.settings import list_settings
    from embrec.tuning.config import Halving, SearchConfig

    found = {row.key: row.default for row in list_settings()}
    search = {**SearchConfig.model_fields, **Halving.model_fields}
    return found | {f"search.{key}": str(field.default) for key, field in search.items()}
