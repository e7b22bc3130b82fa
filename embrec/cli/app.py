"""The `embrec` command: its groups, and how errors reach a person."""

import os
import sys
from typing import Annotated

import typer

from embrec import __version__
from embrec.cli.analyze import app as analyze_app
from embrec.cli.compare import app as compare_app
from embrec.cli.data import app as data_app
from embrec.cli.doctor import doctor
from embrec.cli.features import app as features_app
from embrec.cli.models import evaluate, train
from embrec.cli.report import report
from embrec.cli.tune import app as tune_app
from embrec.cli.use import recommend, score
from embrec.errors import EmbrecError

app = typer.Typer(
    name="embrec",
    help="Content-based sequential recommendation: from raw catalog and log to recommendations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
app.add_typer(features_app, name="features")
app.command()(train)
app.add_typer(tune_app, name="tune")
app.command()(evaluate)
app.add_typer(compare_app, name="compare")
app.command()(report)
app.add_typer(analyze_app, name="analyze")
app.command()(recommend)
app.command()(score)
app.command()(doctor)


_INTERRUPTED = 130
# Typer brings its own copy of click and exports only this subclass of the error that every bad option raises.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"embrec {__version__}")
        raise typer.Exit


@app.callback()
def embrec(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Recommend the next item from what items are, not from their ids."""
    if debug:
        os.environ["EMBREC_DEBUG"] = "1"


def main() -> None:
    """Run the command line; an error that a user can mend is one line on standard error and exit code 2."""
    try:
        code = app(standalone_mode=False)
    except EmbrecError as error:
        _fail(str(error), error)
    except _UsageError as error:
        _fail_usage(error)
    except typer.Abort:
        code = _INTERRUPTED
    except BrokenPipeError:
        sys.exit(0)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}", error)
    if code == _INTERRUPTED:  # typer's answer to Ctrl-C
        print("interrupted; the same command goes on from here", file=sys.stderr)
    sys.exit(code or 0)


def _fail_usage(error: Exception) -> None:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "embrec"
    message = error.format_message() if hasattr(error, "format_message") else str(error)  # names the option too
    if not message:  # a group without a command: its help has been printed
        sys.exit(2)
    _fail(f"{message.rstrip('.')} (see: {command} --help)", error)


def _fail(message: str, error: BaseException) -> None:
    if os.environ.get("EMBREC_DEBUG"):
        raise error
    print("error: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(2)
