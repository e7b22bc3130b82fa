"""`embrec features`."""

import typer

app = typer.Typer(no_args_is_help=True, help="Stub.")


@app.command("list")
def list_() -> None:
    """List."""


@app.callback()
def group() -> None:
    """Stub."""
