"""From material to a page: every section in its order, made from the same few measurements."""

from collections.abc import Mapping
from typing import Any

from embrec.progress import Progress, silent
from embrec.report.fallback import describe_histories, fallback, popular_items
from embrec.report.page.context import PageContext
from embrec.report.page.cost import cost_section
from embrec.report.page.curves import curves_section
from embrec.report.page.data_card import data_section
from embrec.report.page.items import Showcase
from embrec.report.page.leaks import leaks_section
from embrec.report.page.lists import lists_section
from embrec.report.page.overview import overview
from embrec.report.page.people import examples_section, failures_section
from embrec.report.page.render import render
from embrec.report.page.results import measure_all, results_section
from embrec.report.page.search import search_section
from embrec.report.page.slices import slices_section


def compose(material: PageContext, circumstances: Mapping[str, Any], progress: Progress = silent) -> str:
    """Return the page as HTML.

    Args:
        material: what it is made from.
        circumstances: machine and versions, as `record.circumstances` returns them.
        progress: told of every section.
    """
    show = Showcase(material.dataset.catalog, material.popularity)
    popular = popular_items(material.popularity)
    histories = describe_histories(material.dataset.interactions, material.first.event, material.vectors, popular)
    found = {
        key: fallback(lists, popular, histories)
        for key in material.models
        if (lists := material.lists(key)) is not None
    }
    measured = measure_all(material)
    makers = [
        lambda: data_section(material, show),
        lambda: leaks_section(material),
        *([lambda: search_section(search)] if (search := material.search) is not None else []),
        lambda: curves_section(material),
        lambda: results_section(material, measured),
        lambda: slices_section(material),
        lambda: lists_section(material, found),
        *([lambda: examples_section(material, found[material.reference], show)] if found else []),
        *([lambda: failures_section(material, found, histories, show)] if found else []),
        lambda: cost_section(material, circumstances),
    ]
    sections = []
    for done, make in enumerate(makers):
        progress("sections", done, len(makers))
        sections.append(make())
    progress("sections", len(makers), len(makers))
    return render(
        category=material.category,
        overview=overview(material, measured, found),
        sections=sections,
        models=material.models,
        reference=material.reference,
        with_pictures=show.pictures > 0,
        created=material.created,
        command=material.command,
        notes=material.notes,
    )
