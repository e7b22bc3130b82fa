"""What the site shows beside the pages of docs/: its table of contents, and the pages of the Python interface.

The pages are made from what the package exports, so that a name that is added or moved needs no change here.
"""

import ast
import inspect
import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

import embrec

logger = logging.getLogger(__name__)

CONTENTS = """

```{toctree}
:hidden:
:caption: Guide

Overview <self>
docs/data
docs/features
docs/training
docs/losses
docs/tuning
docs/evaluation
docs/comparing
docs/serving
```

```{toctree}
:hidden:
:caption: Python interface

docs/api/index
docs/api/parts/index
```

```{toctree}
:hidden:
:caption: Background

docs/references
docs/differences
```

```{toctree}
:hidden:
:caption: Project

CONTRIBUTING
CHANGELOG
```
"""

# The parts that users choose by name, and the modules that teach them.
PARTS = {
    "Models": ["embrec.models.config", "embrec.models.zoo"],
    "Losses": ["embrec.models.losses"],
    "Negatives": ["embrec.models.negatives"],
    "Sequence encoders": ["embrec.models.encoders"],
    "Baselines": ["embrec.models.baselines"],
    "Item encoders": ["embrec.features.text", "embrec.features.image", "embrec.features.vectors"],
    "Transforms": ["embrec.features.transforms"],
    "Metrics": ["embrec.evaluation.metrics", "embrec.evaluation.ranking_metrics", "embrec.evaluation.lists"],
}
TITLES = {
    "data": "Data",
    "features": "Item vectors",
    "training": "Training",
    "runs": "Runs",
    "evaluation": "Evaluation",
    "comparisons": "Comparisons",
    "tuning": "Search",
    "report": "Reports",
    "serving": "Recommendations",
}
GROUND = "Workspace and errors"


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what this extension does."""
    app.connect("builder-inited", _write_pages)
    app.connect("builder-inited", _demand_docstrings)
    app.connect("source-read", _add_contents)
    app.connect("env-check-consistency", _demand_entries)
    return {"parallel_read_safe": True}


def _add_contents(app: Sphinx, page: str, source: list[str]) -> None:
    if page == app.config.root_doc:
        source[0] += CONTENTS


def exported() -> Iterator[tuple[str, Any]]:
    """Yield each public name of the package with its object."""
    for name in sorted(embrec.__all__, key=str.lower):
        if not name.startswith("_"):
            yield name, getattr(embrec, name)


def _write_pages(app: Sphinx) -> None:
    folder = Path(app.srcdir, "docs/api")
    shutil.rmtree(folder, ignore_errors=True)
    groups: dict[str, list[str]] = defaultdict(list)
    for name, thing in exported():
        part = thing.__module__.split(".")[1]
        groups[TITLES.get(part, GROUND)].append(name)
    pages = {
        title: [_block(_directive(name)) for name in groups[title]]
        for title in (*TITLES.values(), GROUND)
        if groups[title]
    }
    _write(folder, "Python interface", "What `import embrec` offers. Everything is loaded on first use.", pages)
    pages = {
        title: [f"## {_short(name)}\n{_block(_module(name))}" for package in PARTS[title] for name in _modules(package)]
        for title in PARTS
    }
    _write(folder / "parts", "Parts", "What a configuration chooses by name, and the modules that define it.", pages)


def _short(module: str) -> str:
    """Return the last two parts of a module's name."""
    return ".".join(module.split(".")[-2:])


def _block(directive: str) -> str:
    return f"\n```{{eval-rst}}\n{directive}\n```\n"


def _write(folder: Path, title: str, text: str, pages: Mapping[str, Sequence[str]]) -> None:
    """Write an index and the pages that it lists, title -> parts of the page."""
    folder.mkdir(parents=True)
    names = {page: page.lower().replace(" ", "-") for page in pages}
    contents = "\n".join(names.values())
    index = f"# {title}\n\n{text}\n\n```{{toctree}}\n{contents}\n```\n"
    (folder / "index.md").write_text(index, encoding="utf-8")
    for page, parts in pages.items():
        (folder / f"{names[page]}.md").write_text("\n".join([f"# {page}\n", *parts]), encoding="utf-8")


def _directive(name: str) -> str:
    if inspect.isclass(getattr(embrec, name)):
        return f".. autoclass:: embrec.{name}\n   :members:"
    return f".. autofunction:: embrec.{name}"


def _module(name: str) -> str:
    return f".. automodule:: {name}\n   :members:\n   :show-inheritance:"


def _modules(package: str) -> list[str]:
    """Return a module, or the modules of a package, the one that users configure first."""
    file = Path(import_module(package).__file__ or "")
    if file.name != "__init__.py":
        return [package]
    names = [module.stem for module in file.parent.glob("[!_]*.py")]
    return [f"{package}.{name}" for name in sorted(names, key=lambda name: (name != "config", name))]


def _demand_docstrings(app: Sphinx) -> None:
    """Warn of each public name without a docstring, which ends a strict build."""
    for file in sorted(Path(embrec.__file__).parent.rglob("*.py")):
        name = ".".join(("embrec", *file.relative_to(Path(embrec.__file__).parent).with_suffix("").parts))
        if not _has_docstring(file):
            logger.warning("the module %s has no docstring", name.removesuffix(".__init__"))
    for name, thing in exported():
        if not inspect.getdoc(thing):
            logger.warning("the public name embrec.%s has no docstring", name)
        if inspect.isclass(thing):
            for method in _undocumented(thing):
                logger.warning("the public name embrec.%s.%s has no docstring", name, method)


def _demand_entries(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of each public name that no page describes: a page may be written and yet say nothing."""
    described = env.domains.python_domain.objects
    for name, _ in exported():
        if f"embrec.{name}" not in described:
            logger.warning("the public name embrec.%s is described on no page", name)


def _undocumented(cls: type) -> Iterator[str]:
    """Yield the public methods and properties of a class of ours that have no docstring; fields stand in that of the class."""
    fields = getattr(cls, "__dataclass_fields__", {})
    for base in cls.__mro__:
        if not base.__module__.startswith("embrec"):
            continue
        for name, member in vars(base).items():
            if (
                name.startswith("_")
                or name in fields
                or not (callable(member) or isinstance(member, property | staticmethod | classmethod))
            ):
                continue
            if not inspect.getdoc(getattr(cls, name)):
                yield name


def _has_docstring(file: Path) -> bool:
    return ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) is not None
