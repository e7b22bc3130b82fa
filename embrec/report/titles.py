"""Titles of items for the HTML report, figures and tables."""

import textwrap

from embrec.data.catalog import Catalog
from embrec.features.text.texts import clean


def item_title(catalog: Catalog, row: int, length: int | None = None) -> str:
    """Return the title of an item without markup, or its id if it has no title.

    Args:
        catalog: the catalog.
        row: catalog row of the item.
        length: largest number of characters, cut at a word boundary; None for the whole title. Ids are never cut.
    """
    title = clean(catalog.titles([row])[0])
    if length is not None:
        title = textwrap.shorten(title, length, placeholder="…")
    return title or str(catalog.item_ids[row])
