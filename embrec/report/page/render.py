"""From sections to one file of HTML: everything that came from data is escaped, and nothing is loaded from elsewhere."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from embrec.errors import MissingExtraError
from embrec.report.page.html_parts import Section
from embrec.report.page.models import Model
from embrec.report.page.overview import Overview
from embrec.version import __version__

_FOLDER = files("embrec.report.page")


def require_jinja() -> None:
    """Raise unless pages can be made.

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
        category: the name of the data set.
        overview: what stands at the top.
        sections: what follows, in order.
        models: the look of each model.
        reference: the run that the others are compared with.
        with_pictures: items have frames for pictures; without, they are cards of words.
        created: when.
        command: that makes the page again.
        notes: what a reader should know of how the page came to be.
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
