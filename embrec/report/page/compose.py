"""Composition of the page: measures once, makes every section, and renders them in order."""

from collections.abc import Mapping
from typing import Any

from embrec.progress import Progress, silent
from embrec.report.fallback import describe_histories, fallback, popular_items
from embrec.report.page.context import PageContext
from embrec.report.page.cost import cost_section
from embrec.report.page.curves import curves_section
from embrec.report.page.data_card import data_section
from embrec.report.page.example_users import examples_section, failures_section
from embrec.report.page.items import Showcase
from embrec.report.page.leaks import leaks_section
from embrec.report.page.lists import lists_section
from embrec.report.page.overview import overview
from embrec.report.page.render import render
from embrec.report.page.results import measure_all, results_section
from embrec.report.page.search import search_section
from embrec.report.page.slices import slices_section


def compose(context: PageContext, circumstances: Mapping[str, Any], progress: Progress = silent) -> str:
    """Return the page as HTML.

    Args:
        context: the runs with data and evaluations.
        circumstances: machine and versions, see `embrec.comparisons.provenance.circumstances`.
        progress: callback, called before each section.
    """
    show = Showcase(context.dataset.catalog, context.popularity)
    popular = popular_items(context.popularity)
    histories = describe_histories(context.dataset.interactions, context.first.event, context.vectors, popular)
    found = {
        key: fallback(lists, popular, histories) for key in context.models if (lists := context.lists(key)) is not None
    }
    measured = measure_all(context)
    makers = [
        lambda: data_section(context, show),
        lambda: leaks_section(context),
        *([lambda: search_section(search)] if (search := context.search) is not None else []),
        lambda: curves_section(context),
        lambda: results_section(context, measured),
        lambda: slices_section(context),
        lambda: lists_section(context, found),
        *([lambda: examples_section(context, found[context.reference], show)] if found else []),
        *([lambda: failures_section(context, found, histories, show)] if found else []),
        lambda: cost_section(context, circumstances),
    ]
    sections = []
    for done, make in enumerate(makers):
        progress("sections", done, len(makers))
        sections.append(make())
    progress("sections", len(makers), len(makers))
    return render(
        category=context.category,
        overview=overview(context, measured, found),
        sections=sections,
        models=context.models,
        reference=context.reference,
        with_pictures=show.pictures > 0,
        created=context.created,
        command=context.command,
        notes=context.notes,
    )
