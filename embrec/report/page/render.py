"""Rendering of the page: one HTML file with escaped data and no external resources."""

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from embrec.errors import MissingExtraError
from embrec.report.page.html_parts import Section
from embrec.report.page.models import Model
from embrec.report.page.overview import Overview
from embrec.version import __version__

if TYPE_CHECKING:
    from markupsafe import Markup

_FOLDER = files("embrec.report.page")
_CODE = re.compile(r"`([^`\n]+)`")


def require_jinja() -> None:
    """Check that pages can be rendered.

    Raises:
        MissingExtraError: jinja2 is not installed.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise MissingExtraError("jinja2", "report", "the HTML report") from None


def render(
    *,
    category: str,
    overview: Overview,
    sections: Sequence[Section],
    models: Mapping[str, Model],
    reference: str,
    with_pictures: bool,
    created: str,
    command: str,
    notes: Sequence[str] = (),
) -> str:
    """Return the page.

    Args:
        category: name of the data set.
        overview: content of the overview.
        sections: sections in order.
        models: name, colour and marker of each model.
        reference: run that the others are compared with.
        with_pictures: True to show frames for pictures; items are cards with text otherwise.
        created: date of the page.
        command: command line that makes the page.
        notes: remarks on data and runs for readers of the page.
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FunctionLoader(lambda name: (_FOLDER / "templates" / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["with_code"] = _with_code
    values: dict[str, Any] = {
        "version": __version__,
        "css": Markup((_FOLDER / "style.css").read_text(encoding="utf-8")),
        "runs": [model.name for model in models.values() if not model.is_baseline],
        "category": category,
        "overview": overview,
        "sections": sections,
        "models": models,
        "reference": reference,
        "with_pictures": with_pictures,
        "created": created,
        "command": command,
        "notes": notes,
    }
    return environment.get_template("page.html.j2").render(values)


def _with_code(message: str) -> "Markup":
    """Return a message of the library with its code in backticks as code of the page, escaped like all other text."""
    from markupsafe import Markup, escape

    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(message))))
