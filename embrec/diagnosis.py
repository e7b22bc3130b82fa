"""The state of an installation and of a workspace, as plain values: for a bug report, and for the next step."""

import os
import platform
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, distribution, version
from typing import Any, Literal

from embrec.names import listed
from embrec.registry import Registry
from embrec.version import __version__
from embrec.workspace import Workspace

_PURPOSES = {
    "text": "sentence vectors by transformers, MiniLM among them, and GloVe word vectors",
    "word2vec": "word vectors trained on the catalog",
    "tfhub": "ELMo and word vectors of TensorFlow Hub",
    "image": "EfficientNet-Lite image vectors",
    "vision": "image vectors by the models of torchvision",
    "report": "figures, and the HTML report",
    "ray": "building features and training on several processors or machines",
    "tune": "the search for settings",
    "examples": "the grocery data of the quickstart",
    "formats": "tables in Excel files",
    "all": "",  # made of the names of the extras that the package puts in
    "test": "the test suite",
    "dev": "formatting and type checks",
}


@dataclass(frozen=True)
class Diagnosis:
    """Installation, machine and workspace, as they were found.

    Attributes:
        system: name -> value.
        packages: (package, version or "not installed", "core" or the extra that requires it).
        extras: (extra, "installed" or the missing packages, purpose, command that installs it).
        plugins: (what it is, name, package, what is wrong with it; empty if nothing) of what installed packages bring.
        categories: (category, number of runs).
        problems: reasons why work will fail, one sentence each.
    """

    system: dict[str, str]
    packages: list[tuple[str, str, str]]
    extras: list[tuple[str, str, str, str]]
    categories: list[tuple[str, int]]
    problems: list[str]
    plugins: list[tuple[str, str, str, str]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def diagnose(workspace: Workspace, registries: Sequence[Registry[Any]] = ()) -> Diagnosis:
    """Inspect the installation, the machine and a workspace.

    Args:
        workspace: the workspace.
        registries: what installed packages may add to, such as the models.
    """
    required = _requirements()
    installed = {package: _version(package) for package, _ in required}
    packages = [(package, installed[package] or "not installed", extra or "core") for package, extra in required]
    extras = []
    included = _included()
    for extra, purpose in _PURPOSES.items():
        parts = _parts(extra, included)
        missing = list(dict.fromkeys(package for package, of in required if of in parts and installed[package] is None))
        if extra == "all":
            purpose = f"all of {', '.join(name for name in _PURPOSES if name in parts and name != extra)}"
        state = f"missing {', '.join(missing)}" if missing else "installed"
        extras.append((extra, state, purpose, f"pip install 'embrec[{extra}]'"))
    problems = [
        f"{package} is required and not installed" for package, of in required if not of and not installed[package]
    ]
    categories = [
        (category.name, len(list(category.runs.glob("*/config.yaml")))) for category in workspace.categories()
    ]
    system, more = _system(workspace)
    plugins = [(one.what, *entry) for one in registries for entry in one.packaged()]
    return Diagnosis(system, packages, extras, categories, problems + more, plugins)


@dataclass(frozen=True)
class NextStep:
    """The step that most likely comes next in a workspace.

    Attributes:
        state: contents of the workspace, one sentence.
        action: the step.
        category: category to work on; None if the workspace has no other.
        run: latest finished run, as `category/name`, to recommend with.
    """

    state: str
    action: Literal["import", "build features", "train", "recommend"]
    category: str | None = None
    run: str | None = None


def next_step(workspace: Workspace) -> NextStep:
    """Return the contents of a workspace and the step that most likely comes next."""
    categories = workspace.categories()
    if not categories:
        return NextStep(f"The workspace {workspace.path} has no category yet.", "import")
    held = []
    for category in categories:
        tables, runs = len(list(category.features.glob("*.h5"))), len(list(category.runs.glob("*/config.yaml")))
        held.append(f"{category.name} ({_count(tables, 'feature table')}, {_count(runs, 'run')})")
    finished = sorted(workspace.path.glob("*/runs/*/metrics.json"), key=lambda file: file.stat().st_mtime)
    state = f"In the workspace {workspace.path}: {listed(held)}."
    if finished:
        last = finished[-1].parent
        return NextStep(state, "recommend", run=f"{last.parent.parent.name}/{last.name}")
    has_features = any(any(category.features.glob("*.h5")) for category in categories)
    first = categories[0].name if len(categories) > 1 else None
    return NextStep(state, "train" if has_features else "build features", category=first)


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _system(workspace: Workspace) -> tuple[dict[str, str], list[str]]:
    problems = []
    existing = next(
        folder for folder in (workspace.path.absolute(), *workspace.path.absolute().parents) if folder.exists()
    )
    free = shutil.disk_usage(existing).free
    if not os.access(existing, os.W_OK):
        problems.append(f"the workspace {workspace.path} cannot be written")
    if free < 1_000_000_000:
        problems.append(f"only {free / 1e6:.0f} MB are free at {existing}")
    system = {
        "embrec": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": str(os.cpu_count()),
        "workspace": f"{workspace.path.absolute()} ({'there' if workspace.path.exists() else 'not made yet'})",
        "free disk": f"{free / 1e9:.1f} GB",
    }
    try:
        import torch
    except (ImportError, OSError) as error:
        return system, [*problems, f"torch cannot be loaded: {error}"]
    system["torch threads"] = str(torch.get_num_threads())
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    system["GPUs"] = ", ".join(names) or "none; training runs on the CPU"
    return system, problems


def _requirements() -> list[tuple[str, str]]:
    """Return (package, extra) from the metadata of the installed distribution; the extra is empty for the core."""
    found = []
    for line in distribution("embrec").requires or []:
        name = re.match(r"[A-Za-z0-9._-]+", line)
        extra = re.search(r"extra == ['\"]([^'\"]+)", line)
        if name and name[0].lower() != "embrec":
            found.append((name[0], extra[1] if extra else ""))
    return sorted(set(found), key=lambda pair: (pair[1], pair[0].lower()))


def _included() -> dict[str, list[str]]:
    """Return the extras that each extra includes, from the metadata of the installed distribution."""
    found: dict[str, list[str]] = {}
    for line in distribution("embrec").requires or []:
        own = re.match(r"embrec\[([^]]+)\]", line)
        extra = re.search(r"extra == ['\"]([^'\"]+)", line)
        if own and extra:
            found.setdefault(extra[1], []).extend(name.strip() for name in own[1].split(","))
    return found


def _parts(extra: str, included: Mapping[str, list[str]]) -> set[str]:
    """Return an extra and all extras that it includes, directly or indirectly."""
    parts, new = {extra}, [extra]
    while new:
        more = [name for name in included.get(new.pop(), ()) if name not in parts]
        parts |= set(more)
        new += more
    return parts


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
