"""Groups of options: unfolded for typer, and handed to a command as one object each."""

from typing import Annotated, ClassVar

import pytest
import typer
from typer.testing import CliRunner

from embrec.cli.options import OptionGroup, with_options


class Place(OptionGroup):
    at_end: ClassVar[tuple[str, ...]] = ("folder",)
    shop: Annotated[str | None, typer.Option(help="Name of a shop.")] = None
    folder: Annotated[str, typer.Option("--folder", help="Folder of all shops.")] = "here"


class Size(OptionGroup):
    rows: Annotated[int, typer.Option(min=1, help="Number of rows.")] = 3
    tag: Annotated[list[str] | None, typer.Option(help="Tag; may be repeated.")] = None


def command(seen):
    app = typer.Typer()

    @app.command()
    @with_options(Place, Size)
    def show(place: Place, size: Size, word: Annotated[str, typer.Argument()] = "none", loud: bool = False) -> None:
        """Show a shop."""
        seen.append((vars(place), vars(size), word, loud))

    return app


def test_a_command_gets_one_object_for_each_group():
    seen = []
    result = CliRunner().invoke(
        command(seen), ["w", "--shop", "a", "--rows", "5", "--tag", "x", "--tag", "y", "--loud"]
    )
    assert result.exit_code == 0, result.output
    assert seen == [({"shop": "a", "folder": "here"}, {"rows": 5, "tag": ["x", "y"]}, "w", True)]


def test_defaults_are_those_of_the_group():
    seen = []
    CliRunner().invoke(command(seen), [])
    assert seen == [({"shop": None, "folder": "here"}, {"rows": 3, "tag": None}, "none", False)]


def test_options_stand_in_the_order_of_the_parameters_with_those_at_the_end_last():
    names = [option.name for option in typer.main.get_command(command([])).params]
    assert names[:6] == ["shop", "rows", "tag", "word", "loud", "folder"]
    assert typer.main.get_command(command([])).help == "Show a shop."


def test_a_value_that_an_option_does_not_take_is_refused():
    result = CliRunner().invoke(command([]), ["--rows", "0"])
    assert result.exit_code == 2


def test_a_group_without_a_parameter_is_an_error():
    with pytest.raises(TypeError, match="no parameter for Size"):

        @with_options(Place, Size)
        def show(place: Place) -> None: ...


def test_an_option_that_stands_twice_is_an_error():
    with pytest.raises(TypeError, match="an option twice: \\['shop'\\]"):

        @with_options(Place)
        def show(place: Place, shop: str = "") -> None: ...


def test_a_group_is_frozen_and_may_change_a_default():
    class Elsewhere(Place):
        folder: Annotated[str, typer.Option("--folder", help="Another.")] = "there"

    assert vars(Elsewhere(shop="a")) == {"shop": "a", "folder": "there"}
    assert [option.name for option in Elsewhere.options()] == ["shop", "folder"]
    with pytest.raises(AttributeError, match="Place is frozen"):
        Place().shop = "b"
