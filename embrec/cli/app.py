"""The `embrec` command: its groups, and its errors as one line each."""

import difflib
import os
import sys
from typing import Annotated

import typer

from embrec.cli.analyze import app as analyze_app
from embrec.cli.compare import app as compare_app
from embrec.cli.data import app as data_app
from embrec.cli.doctor import doctor
from embrec.cli.features import app as features_app
from embrec.cli.help import Command, HelpGroup, examples
from embrec.cli.models import evaluate, train
from embrec.cli.report import report
from embrec.cli.settings import presets, settings
from embrec.cli.start import print_first_steps
from embrec.cli.tune import app as tune_app
from embrec.cli.use import recommend, score
from embrec.errors import EmbrecError
from embrec.names import nearest
from embrec.version import __version__

app = typer.Typer(
    name="embrec",
    cls=HelpGroup,
    help="Content-based sequential recommendation: from raw catalog and log to recommendations.",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.add_typer(data_app, name="data")
app.add_typer(features_app, name="features")
app.command(
    cls=Command,
    epilog=examples(
        "embrec train",
        "embrec train --features tfidf --features minilm --run first",
        "embrec train --model sasrec --loss sampled-softmax --negatives 1024 --seeds 0,1,2",
        "embrec train --preset embrec-bpr-max --set training.patience=5",
    ),
)(train)
app.add_typer(tune_app, name="tune")
app.command(
    cls=Command, epilog=examples("embrec evaluate office/first", "embrec evaluate office/first --baseline content-knn")
)(evaluate)
app.add_typer(compare_app, name="compare")
app.command(cls=Command, epilog=examples("embrec report office/first office/second -o report.html"))(report)
app.add_typer(analyze_app, name="analyze")
app.command(
    cls=Command,
    epilog=examples(
        "embrec recommend office/first --sample 3", "embrec recommend office/first --history B00006IE7J,B00006IFHD"
    ),
)(recommend)
app.command(
    cls=Command,
    epilog=examples(
        "embrec score office/first --items new.jsonl --output scores.parquet",
        "embrec score office/first --items new.jsonl --output users.parquet --by item",
    ),
)(score)
app.command(cls=Command, epilog=examples("embrec settings", "embrec settings dropout --model sasrec"))(settings)
app.command(cls=Command, epilog=examples("embrec presets", "embrec presets embrec-office"))(presets)
app.command(cls=Command, epilog=examples("embrec doctor"))(doctor)


_INTERRUPTED = 130
_DESTRUCTIVE = ("--force",)
_SURELY = 0.8  # so alike are a word and a slip in writing it
# Typer brings its own copy of click and exports only this subclass of the error that every bad option raises.
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"embrec {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def embrec(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Recommend the next item from what items are, not from their ids."""
    if debug:
        os.environ["EMBREC_DEBUG"] = "1"
    if context.invoked_subcommand is None:
        print_first_steps()


def main() -> None:
    """Run the command line; an error that a user can mend is one line on standard error and exit code 2."""
    try:
        code = app(standalone_mode=False, prog_name="embrec")
    except EmbrecError as error:
        from embrec.cli.messages import translate

        _fail(translate(str(error)), error)
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
        print("interrupted; repeat the command to continue from here", file=sys.stderr)
    sys.exit(code or 0)


def _fail_usage(error: Exception) -> None:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "embrec"
    wrong = getattr(error, "option_name", None)
    if wrong is not None and hasattr(error, "possibilities") and context is not None:
        options = [
            option for parameter in context.command.params for option in parameter.opts if option.startswith("--")
        ]
        message = f"No such option: {wrong}{_meant(wrong, options)}"
    else:
        message = error.format_message() if hasattr(error, "format_message") else str(error)  # names the option too
    if not message:  # a group without a command: its help has been printed
        sys.exit(2)
    _fail(f"{message.rstrip('.')} (see: {command} --help)", error)


def _meant(wrong: str, options: list[str]) -> str:
    """Return the option that was most likely meant; nothing if only one that destroys something is near."""
    begun = [option for option in options if option.startswith(wrong) or wrong.startswith(option)]
    near = begun[0] if len(begun) == 1 else nearest(wrong, options)
    if near is None or (near in _DESTRUCTIVE and difflib.SequenceMatcher(None, wrong, near).ratio() < _SURELY):
        return ""
    return f". Did you mean {near}?"


def _fail(message: str, error: BaseException) -> None:
    if os.environ.get("EMBREC_DEBUG"):
        raise error
    print("error: " + " ".join(message.split()), file=sys.stderr)
    sys.exit(2)
