"""Options of the commands, each written once: groups of them, and the decorator that gives groups to a command."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, dataclass_transform

import typer

from embrec.cli.completion import complete_category, complete_run

if TYPE_CHECKING:
    from embrec.evaluation.evaluator import EvaluationConfig
    from embrec.runs.folder import RunFolder
    from embrec.workspace import Category as CategoryFolder

Category = Annotated[
    str | None,
    typer.Option(
        "--category",
        help="Name of a prepared data set (default: the only one).",
        autocompletion=complete_category,
        show_default=False,
    ),
]
Workspace = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        help="Folder of all categories (default: $EMBREC_WORKSPACE, else ./workspace).",
        show_default=False,
    ),
]
Split = Annotated[
    str,
    typer.Option(
        "--split",
        help="leave-one-out, per-user-ratio, user-holdout, global-time or item-holdout, with parameters after colons: "
        "global-time:targets=last, item-holdout:fraction=0.2:seed=1.",
    ),
]
RunArgument = Annotated[str, typer.Argument(help="Run: name, category/run, or folder.", autocompletion=complete_run)]
Baselines = Annotated[
    list[str] | None,
    typer.Option(
        "--baseline",
        help="Baseline to rank beside the models: {evaluation.baselines}; may be repeated; none for no baseline (default: "
        "all that can be computed).",
    ),
]
Preset = Annotated[
    str | None,
    typer.Option(
        "--preset",
        help="Published or measured settings, such as embrec-office (see: embrec presets); join several with +.",
    ),
]
Seeds = Annotated[
    str,
    typer.Option("--seeds", help="Number of models of each variant, with seeds from 0 (3), or their seeds (0,1,2)."),
]


def settings_option(text: str) -> Any:
    """Return the option `--set` with a help text of its own."""
    return typer.Option("--set", help=text)


def metric_option(text: str) -> Any:
    """Return the option `--metric` with a help text of its own."""
    return typer.Option("--metric", help=text)


@dataclass_transform(frozen_default=True, kw_only_default=True)
class OptionGroup:
    """A group of options: annotated class attributes with defaults, and objects that hold values for them.

    It is what a frozen dataclass is, without the code that `dataclass` generates and compiles for each class: with that,
    `embrec --help` took 5 % longer.

    Attributes:
        at_end: options that stand at the end of the help, in this order.
    """

    at_end: ClassVar[tuple[str, ...]] = ()

    def __init__(self, **values: Any) -> None:
        self.__dict__.update({option.name: values.get(option.name, option.default) for option in self.options()})

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    @classmethod
    def options(cls) -> list[inspect.Parameter]:
        """Return the options as parameters of a function; a subclass may give one another default or help text."""
        annotations: dict[str, Any] = {}
        for base in reversed(cls.__mro__):
            annotations |= {
                name: kind for name, kind in vars(base).get("__annotations__", {}).items() if name != "at_end"
            }
        return [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=getattr(cls, name), annotation=kind)
            for name, kind in annotations.items()
        ]


class Data(OptionGroup):
    """The category that a command works on, and the workspace that holds it."""

    at_end: ClassVar[tuple[str, ...]] = ("workspace",)

    category: Category = None
    workspace: Workspace = None

    def open(self) -> "CategoryFolder":
        """Return the category that is named, or the only one."""
        from embrec.cli.places import open_category

        return open_category(self.category, self.workspace)


class ProtocolOptions(OptionGroup):
    """The protocol by which test targets are ranked; what is not given is as the first run has it."""

    seen: Annotated[
        str | None, typer.Option("--seen", help="exclude or keep: whether items of the history are candidates.")
    ] = None
    ties: Annotated[
        str | None, typer.Option("--ties", help="Rank of a target among equal scores: mean, optimistic or pessimistic.")
    ] = None
    candidates: Annotated[
        str | None,
        typer.Option(
            "--candidates",
            help="Items that targets are ranked among: all, seen-so-far, or a sample to compare with papers, such as "
            "sampled:count=99:by=popularity:seed=1 (default: the run's).",
        ),
    ] = None
    other_log: Annotated[
        bool,
        typer.Option(
            "--other-log",
            help="Also evaluate runs that were trained on another log than the category holds now, without the targets that "
            "they were trained on.",
        ),
    ] = False

    def of(self, run: "RunFolder", metrics: list[str] | None) -> "EvaluationConfig":
        """Return the protocol: that of a run, with what these options change."""
        from embrec.runs.evaluate import protocol

        return protocol(run, metrics=metrics, seen=self.seen, ties=self.ties, candidates=self.candidates)


def with_options(*groups: type[OptionGroup]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that unfolds groups of options into the parameters that typer reads.

    The command has one parameter for each group, annotated with its class, and receives one object of it. Options stand in the
    help in the order of the parameters; those that a group lists in `at_end` come last, in that order, and those of the first
    group last of all. The idea is LensKit's.

    Args:
        groups: the groups.

    Raises:
        TypeError: a group has no parameter, or two options have the same name.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        parts: dict[str, tuple[type[OptionGroup], list[str]]] = {}
        options: list[inspect.Parameter] = []
        last: list[inspect.Parameter] = []
        for parameter in inspect.signature(command).parameters.values():
            group = parameter.annotation
            if group not in groups:
                options.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
                continue
            unfolded = group.options()
            parts[parameter.name] = group, [option.name for option in unfolded]
            options += [option for option in unfolded if option.name not in group.at_end]
            by_name = {option.name: option for option in unfolded}
            last = [by_name[name] for name in group.at_end if name in by_name] + last
        _check(command, groups, parts, options + last)

        @functools.wraps(command)
        def unfolded_command(**values: Any) -> None:
            objects = {
                name: group(**{field: values.pop(field) for field in fields}) for name, (group, fields) in parts.items()
            }
            command(**values, **objects)

        del unfolded_command.__wrapped__
        unfolded_command.__signature__ = inspect.Signature(options + last)  # type: ignore[attr-defined]
        unfolded_command.__annotations__ = {option.name: option.annotation for option in options + last}
        return unfolded_command

    return decorate


def _check(
    command: Callable[..., None], groups: tuple[type, ...], parts: dict[str, Any], options: list[inspect.Parameter]
) -> None:
    missing = [group.__name__ for group in groups if group not in [part[0] for part in parts.values()]]
    if missing:
        raise TypeError(f"{command.__name__} has no parameter for {', '.join(missing)}")
    names = [option.name for option in options]
    if len(set(names)) < len(names):
        raise TypeError(f"{command.__name__} has an option twice: {sorted({n for n in names if names.count(n) > 1})}")
