"""Reads the docstrings of the package as their authors write them.

- Sections such as Args, Returns and Raises are in Google's style.
- `Name` in single backticks links to what has that name, if the site documents it, and is code otherwise.
- [key] links to the entry of docs/references.md; a key that has none is a warning, which ends a strict build.
- The fields of a pydantic model are listed with their type, default and description.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from pydantic import BaseModel
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

logger = logging.getLogger(__name__)

KEY = re.compile(r"\[([a-z]+\d{4}[a-z]*)\](?!\()")
_NAME = re.compile(r"[A-Za-z_][\w.]*(\(\))?$")
# What stands between prose: code, roles, and examples with what they print.
_CODE = re.compile(r"(``.*?``|:\w+:`[^`]*`|`[^`]*`|^[ ]*>>>.*(?:\n[ ]*\S.*)*)", flags=re.MULTILINE)
_STYLE = Config(napoleon_use_ivar=True, napoleon_attr_annotations=False)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register what this extension does."""
    app.add_role("named", _Named())
    app.add_role("source", _Source())
    app.connect("autodoc-process-docstring", _process)
    app.connect("autodoc-process-signature", _shorten)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True}


class _Named(SphinxRole):
    """Code that links to a documented name of the package, where it is one."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        if not _NAME.match(self.text) or self.text in {"None", "True", "False"}:
            return [nodes.literal(self.rawtext, self.text)], []
        role = self.env.get_domain("py").role("obj")
        assert role is not None
        return role("py:obj", self.rawtext, self.text, self.lineno, self.inliner, {}, [])


class _Source(SphinxRole):
    """A key of docs/references.md that links to its entry."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        page = self.env.app.builder.get_relative_uri(self.env.current_document.docname, "docs/references")
        return [nodes.reference(self.rawtext, f"[{self.text}]", refuri=f"{page}#{self.text}")], []


def _keys(app: Sphinx) -> set[str]:
    text = Path(app.srcdir, "docs/references.md").read_text(encoding="utf-8")
    return set(re.findall(r"^### (\S+)$", text, flags=re.MULTILINE))


def _process(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    known = _keys(app)
    parts = _CODE.split("\n".join(lines))
    text = "".join(part if at % 2 else _prose(part, name, known) for at, part in enumerate(parts))
    # A property is read like a method: napoleon would take what stands before a colon for its type.
    kind = "method" if what in {"attribute", "data", "property"} else what
    lines[:] = GoogleDocstring(text.split("\n"), _STYLE, app, kind, name, thing, options).lines()
    if isinstance(thing, type) and issubclass(thing, BaseModel) and what == "class":
        lines.extend(_settings(thing))


def _prose(text: str, name: str, known: set[str]) -> str:
    """Return a line's text outside code, so that only what is meant as markup is markup."""
    text = re.sub(r"([*|\\])", r"\\\1", text)
    text = re.sub(r"(?<=\w)_(?=\W|$)", r"\\_", text)
    for key in KEY.findall(text):
        if key not in known:
            logger.warning("%s cites [%s], which docs/references.md does not list", name, key)
    return KEY.sub(r":source:`\1`", text)


def _settings(model: type[BaseModel]) -> list[str]:
    """Return the fields of a pydantic model as a list."""
    lines = []
    for name, field in model.model_fields.items():
        if name in vars(model).get("__annotations__", {}) or field.description:
            default = "" if field.is_required() else f" = {field.get_default(call_default_factory=True)!r}"
            said = _prose(field.description or "", name, set()) if field.description else ""
            lines.append(f"- ``{name}{default}``" + (f": {said}" if said else ""))
    return ["", "Settings:", "", *lines, ""] if lines else []


def _shorten(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None] | None:
    """Leave out the signature of a pydantic model: its fields are listed."""
    if isinstance(thing, type) and issubclass(thing, BaseModel):
        return "", None
    return None


def _skip(app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what pydantic adds to every model, and the fields of tuples, which their class describes."""
    alias = (getattr(thing, "__doc__", None) or "").startswith("Alias for field number")
    return True if alias or name.startswith("model_") else None
