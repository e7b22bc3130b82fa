"""Translation of library messages for the command line: Python code in backticks becomes options and commands.

The library names parameters, settings and calls as `embrec.parameters` writes them. `force=True` becomes `--force`,
`training.select_by='auc'` becomes `--set training.select_by=auc`, and `build_features(category='office', encoders=['tfidf'])`
becomes `embrec features build --category office --encoder tfidf`. The options are those of the running command, so that one
message fits each command that may print it. Code whose names no command knows is left as it is.
"""

import ast
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from embrec.cli.training_options import SETTINGS, ModelOptions

# Parameters that a command calls by another name than the library; those of "" hold for every command.
_NAMES: dict[str, dict[str, str]] = {
    "": {
        "baselines": "baseline",
        "dimensions": "slices",
        "encoders": "encoder",
        "losses": "loss",
        "metrics": "metric",
        "settings": "setting",
        "template": "text",
        "users": "user",
        "new_items": "items",
    },
    "train": {"name": "run"},
    "score": {"what": "by"},
    "features remove": {"names": "table"},
    "analyze silhouettes": {"column": "cluster_by", "levels": "level"},
}

# Parameters of another command that a message may name, by the parameter.
_ELSEWHERE = {"histories": ("recommend", "history"), "other_log": ("evaluate", "other_log")}

# Functions of the library -> the command that calls them, and the parameters that it calls by another name.
_FUNCTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "build_features": ("features build", {}),
    "build_report": ("report", {}),
    "compare_encoders": ("compare encoders", {}),
    "compare_losses": ("compare losses", {}),
    "compare_models": ("compare models", {}),
    "compare_negatives": ("compare negatives", {}),
    "compare_runs": ("compare runs", {}),
    "compare_searches": ("compare searches", {}),
    "evaluate_runs": ("evaluate", {}),
    "import_data": ("data import", {}),
    "PreparationConfig": ("data import", {}),
    "list_settings": ("settings", {}),
    "list_tables": ("features list", {}),
    "plan_search": ("tune", {}),
    "preset_names": ("presets", {}),
    "remove_tables": ("features remove", {}),
    "resumed_search": ("tune", {"name": "resume"}),
    "source_guides": ("data sources", {}),
    "train": ("train", {}),
    "tune": ("tune", {}),
}

# Settings that have an option of their own, by command; elsewhere they are given by --set.
_MODEL = {SETTINGS[option.name]: option.name for option in ModelOptions.options() if option.name in SETTINGS}
_PROTOCOL = {"evaluation.metrics": "metric", "evaluation.seen": "seen", "evaluation.ties": "ties"}
_OWN_SETTINGS: dict[str, dict[str, str]] = {
    "train": {key: field for field, key in SETTINGS.items()},
    "tune": {
        **_MODEL,
        "training.epochs": "epochs",
        "training.select_by": "objective",
        "training.device": "device",
    },
    "evaluate": _PROTOCOL,
    "report": _PROTOCOL,
    "compare encoders": {"model.features": "encoder", "training.epochs": "epochs"},
    "compare losses": {"model.features": "features", "training.epochs": "epochs"},
    "compare models": {"model.features": "features", "training.epochs": "epochs"},
    "compare negatives": {"model.features": "features", "training.epochs": "epochs"},
    "compare runs": _PROTOCOL,
}

_CODE = re.compile(r"(?<!['\"])`([^`\n]+)`")  # behind a quote it is a value of the user's
_PARAMETER = re.compile(r"([a-z]\w*(?:\.[a-z]\w*)*)(?:=(.+))?", re.DOTALL)
_SECTIONS = ("model.", "training.", "evaluation.")
_NOTHING = object()


class _Running:
    """The command that runs; None before one is known."""

    context: Any = None


_running = _Running()


def speak_for(context: Any) -> None:
    """Translate messages into the options of the command of a context from now on; of none if it is None."""
    _running.context = context


def translate(text: str) -> str:
    """Return a message of the library with options of the running command in the place of parameters."""
    if "`" not in text or _running.context is None:
        return text
    dialect = _Dialect(_running.context)
    return _CODE.sub(lambda found: dialect.translated(found[1]) or found[0], text)


class _Dialect:
    """The options of a command, and the commands beside it."""

    def __init__(self, context: Any) -> None:
        self.root = context.find_root().command
        self.command = context.command
        self.path = " ".join(context.command_path.split()[1:])

    def translated(self, code: str) -> str | None:
        """Return what the command line calls a piece of code; None where it is not the library's, or nobody knows it."""
        if found := _PARAMETER.fullmatch(code):
            value = _NOTHING if found[2] is None else _literal(found[2])
            if found[2] is not None and repr(value) != found[2]:
                return None
            return self._setting(found[1], value) if "." in found[1] else self._parameter(found[1], value)
        call = _call(code)
        return None if call is None else self._call(*call)

    def _setting(self, key: str, value: Any) -> str | None:
        if not key.startswith(_SECTIONS):
            return None
        here = _option(self.command, _OWN_SETTINGS.get(self.path, {}).get(key, ""))
        if here is not None:
            return _written(here, value)
        if value is _NOTHING:
            return key
        changed = f"--set {shlex.quote(f'{key}={_yaml(value)}')}"
        if _option(self.command, "setting") is not None:
            return changed
        there = _option(self._command("train"), _OWN_SETTINGS["train"].get(key, ""))
        return f"embrec train {changed if there is None else _written(there, value)}"

    def _parameter(self, name: str, value: Any) -> str | None:
        option = self._own(self.command, self.path, name)
        if option is not None:
            return _written(option, value)
        if name in _ELSEWHERE:
            path, field = _ELSEWHERE[name]
            at = "" if path == self.path else f"embrec {path} "
            return at + _written(_option(self._command(path), field), value)
        if any(self._own(command, path, name) is not None for path, command in _commands(self.root)):
            return name if value is _NOTHING else f"{name}={value!r}"
        return None

    def _call(self, function: str, arguments: Mapping[str, Any]) -> str | None:
        chosen = _choice(function, arguments)
        if chosen is not None:
            return self._chosen(*chosen)
        path, names = _FUNCTIONS.get(function, ("", {}))
        command = self._command(path) if path else None
        if command is None:
            return None
        words = [f"embrec {path}"]
        for name, value in arguments.items():
            option = _option(command, names.get(name, "")) or self._own(command, path, name)
            if option is None:
                return None
            words.append(_written(option, value))
        if function == "import_data" and not arguments.keys() - {"category"}:
            words.append("..." if arguments else "--category ...")
        return " ".join(words)

    def _chosen(self, path: str, values: Mapping[str, Any]) -> str | None:
        """Return options of a command, without its name where it runs or the running one has the same option."""
        here = path == self.path or ("split" in values and _option(self.command, "split") is not None)
        command = self.command if here else self._command(path)
        options = [_option(command, name) for name in values]
        if not all(options):
            return None
        words = [_written(option, value) for option, value in zip(options, values.values(), strict=True)]
        return " ".join(words if here else [f"embrec {path}", *words])

    def _command(self, path: str) -> Any:
        """Return a command by its words, such as `features build`; None where there is none."""
        return dict(_commands(self.root)).get(path)

    @staticmethod
    def _own(command: Any, path: str, name: str) -> Any:
        """Return the option of a command for a parameter of the library, if it has one."""
        other = _NAMES.get(path, {}).get(name)
        if other is not None:
            return _option(command, other)
        return _option(command, name) or _option(command, _NAMES[""].get(name, ""))


def _commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yield every command below a group by its words; a group that does something by itself is one."""
    for name, command in getattr(group, "commands", {}).items():
        yield " ".join((*path, name)), command
        yield from _commands(command, (*path, name))


def _choice(name: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Return what a source of data, a split or new items are on the command line: a command, and options with values."""
    if name == "with_items":
        return "score", dict(arguments)
    if name.endswith("Source"):
        from embrec.data.recognition import SOURCES

        kinds = [kind for kind, source in SOURCES.items() if source.__name__ == name]
        return ("data import", {"source": kinds[0], **arguments}) if kinds else None
    from embrec.data.splits import SPLITS

    kinds = [kind for kind, split in SPLITS.items() if split.__name__ == name]
    if not kinds:
        return None
    return "train", {"split": ":".join([kinds[0], *(f"{key}={value}" for key, value in arguments.items())])}


def _option(command: Any, name: str) -> Any:
    return next((option for option in command.params if option.name == name), None) if name else None


def _written(option: Any, value: Any) -> str:
    """Return an option with a value as a person types it."""
    flags = [flag for flag in option.opts if flag.startswith("-")]
    name = max(flags, key=len) if flags else ""
    if value is _NOTHING:
        return name or option.name.upper()
    if getattr(option, "is_flag", False):
        return name if value is True else f"no {name}"
    values = list(value) if isinstance(value, list | tuple) else [value]
    if name and not option.multiple:
        values = [",".join(str(one) for one in values)]
    return " ".join(f"{name} {shlex.quote(str(one))}".strip() for one in values)


def _yaml(value: Any) -> str:
    """Return a plain value as `--set` reads it."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_yaml, value))}]"
    return str(value)


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _NOTHING


def _call(code: str) -> tuple[str, dict[str, Any]] | None:
    """Return a function and its arguments, where code is a call with literals by name."""
    try:
        found = ast.parse(code, mode="eval").body
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if not isinstance(found, ast.Call) or not isinstance(found.func, ast.Name) or found.args:
        return None
    arguments = {str(one.arg): _literal(ast.unparse(one.value)) for one in found.keywords if one.arg is not None}
    if len(arguments) < len(found.keywords) or any(value is _NOTHING for value in arguments.values()):
        return None
    return found.func.id, arguments
