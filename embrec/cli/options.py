"""Options of the commands, each written once: groups as dataclasses, and the decorator that gives them to a command."""

import dataclasses
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, get_type_hints

import typer

from embrec.cli.completion import complete_category

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
Baselines = Annotated[
    list[str] | None,
    typer.Option(
        "--baseline",
        help="Baseline to rank beside the models: pop, markov or content-knn; may be repeated; none for no baseline (default: "
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


@dataclass(frozen=True)
class Data:
    """The category that a command works on, and the workspace that holds it."""

    at_end: ClassVar[tuple[str, ...]] = ("workspace",)

    category: Category = None
    workspace: Workspace = None

    def open(self) -> "CategoryFolder":
        """Return the category that is named, or the only one."""
        from embrec.cli.context import open_category

        return open_category(self.category, self.workspace)


@dataclass(frozen=True)
class ProtocolOptions:
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
            help="Items that targets are ranked among: all, seen-so-far, or a sample for parity with papers, such as "
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


def with_options(*groups: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that unfolds groups of options into the parameters that typer reads.

    The command has one parameter for each group, annotated with its class, and receives one object of it. Options stand in the
    help in the order of the parameters; those that a group lists in `at_end` come last, in that order, and those of the first
    group last of all. The idea is LensKit's.

    Args:
        groups: dataclasses whose fields are typer options with defaults.

    Raises:
        TypeError: a group has no parameter, or two options have the same name.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        parts: dict[str, tuple[type, list[str]]] = {}
        options: list[inspect.Parameter] = []
        last: list[inspect.Parameter] = []
        for parameter in inspect.signature(command).parameters.values():
            group = hints[parameter.name]
            if group not in groups:
                options.append(parameter.replace(annotation=group, kind=inspect.Parameter.KEYWORD_ONLY))
                continue
            unfolded = _unfold(group)
            parts[parameter.name] = group, [option.name for option in unfolded]
            at_end = getattr(group, "at_end", ())
            options += [option for option in unfolded if option.name not in at_end]
            ends = [option for option in unfolded if option.name in at_end]
            last = sorted(ends, key=lambda option: at_end.index(option.name)) + last
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


def _unfold(group: type) -> list[inspect.Parameter]:
    """Return the fields of a group as parameters of a function."""
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in dataclasses.fields(group)
    ]


def _check(
    command: Callable[..., None], groups: tuple[type, ...], parts: dict[str, Any], options: list[inspect.Parameter]
) -> None:
    missing = [group.__name__ for group in groups if group not in [part[0] for part in parts.values()]]
    if missing:
        raise TypeError(f"{command.__name__} has no parameter for {', '.join(missing)}")
    names = [option.name for option in options]
    if len(set(names)) < len(names):
        raise TypeError(f"{command.__name__} has an option twice: {sorted({n for n in names if names.count(n) > 1})}")
