"""What people read of an item, on pages, in figures and in tables."""

import textwrap

from embrec.data.catalog import Catalog
from embrec.features.text.texts import clean


def item_title(catalog: Catalog, row: int, length: int | None = None) -> str:
    """Return the title of an item without markup, or its id where it has none.

    Args:
        catalog: the items.
        row: of the item.
        length: characters of a title at most, cut after a word; all of it if None. Ids are never cut.
    """
    title = clean(catalog.titles([row])[0])
    if length is not None:
        title = textwrap.shorten(title, length, placeholder="…")
    return title or str(catalog.item_ids[row])
