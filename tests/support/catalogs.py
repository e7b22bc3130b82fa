"""Small catalogs."""

from collections.abc import Sequence

import polars as pl

from embrec.data.catalog import Catalog


def titled(titles: Sequence[str]) -> Catalog:
    """Items i0, i1, ... with a title each."""
    return Catalog(pl.DataFrame({"item": [f"i{row}" for row in range(len(titles))], "title": list(titles)}))
