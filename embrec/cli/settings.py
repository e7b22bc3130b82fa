"""`embrec settings` and `embrec presets`: what `--set` and `--preset` take."""

from typing import Annotated

import typer


def settings(
    word: Annotated[str | None, typer.Argument(help="Part of a key or its meaning, such as dropout or loss.")] = None,
    model: Annotated[str, typer.Option("--model", help="Kind of model: {model.about}.")] = "embrec",
) -> None:
    """List the settings that --set takes, with their defaults and meanings."""
    from embrec.cli.console import print_note, print_table
    from embrec.runs.settings import list_settings

    rows = [
        list(row) for row in list_settings(model) if word is None or word.lower() in f"{row.key} {row.meaning}".lower()
    ]
    if not rows:
        print_note(f"no setting of {model} has {word!r} in its key or meaning; all: embrec settings --model {model}")
        return
    print_table(f"settings of {model}", ["setting", "default", "meaning"], rows)


def presets(
    name: Annotated[str | None, typer.Argument(help="Preset whose settings are to be shown.")] = None,
) -> None:
    """List the published and measured settings that --preset takes, or what one sets."""
    from embrec.cli.console import print_table
    from embrec.runs.presets import describe_preset, load_preset, preset_names
    from embrec.runs.settings import dotted

    if name is None:
        print_table("presets", ["name", "what"], [[one, describe_preset(one)] for one in preset_names()])
        return
    rows = [[key, str(value)] for key, value in dotted(load_preset(name)).items()]
    print_table(f"preset {name}", ["setting", "value"], rows)
