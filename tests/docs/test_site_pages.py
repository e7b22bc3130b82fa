"""The check of the documentation site that every public name has a docstring."""

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import MagicMock

PAGES = Path(__file__).parents[2] / "docs" / "site" / "pages.py"


def _nothing(_: str) -> None: ...


@dataclass(frozen=True)
class Request:
    """A class of ours.

    Attributes:
        on_choice: a callback, which is a field and no method.
    """

    on_choice: object = _nothing

    def undocumented(self):
        pass


def test_fields_that_are_callbacks_need_no_docstring_but_methods_do(monkeypatch):
    # Sphinx is of the documentation's extra, which the tests do without.
    for module in ("sphinx", "sphinx.application", "sphinx.environment", "sphinx.util", "sphinx.util.logging"):
        monkeypatch.setitem(sys.modules, module, MagicMock())
    spec = importlib.util.spec_from_file_location("site_pages", PAGES)
    pages = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pages)
    monkeypatch.setattr(Request, "__module__", "embrec.example")
    assert list(pages._undocumented(Request)) == ["undocumented"]
