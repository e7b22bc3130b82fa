"""Items as the page shows them: picture, title and category; missing parts are left out."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.evaluation.silhouette import category_column, category_paths
from embrec.report.pictures import small_picture
from embrec.report.titles import item_title

EDGE = 120  # pixels of the longer edge of a thumbnail; shown smaller, so that it is sharp on high-density screens
_QUALITY = 72
_CATEGORY_NAMES = 2  # number of names at the end of a category path to show


@dataclass(frozen=True)
class ShownItem:
    """One item as the page shows it.

    Attributes:
        title: title without markup, or the id if there is no title.
        kind: last names of the category path; empty if there is none.
        events: number of training events.
        picture: picture as a data URI; None if there is none.
        width: width of the picture, in pixels.
        height: height of the picture, in pixels.
    """

    title: str
    kind: str
    events: int
    picture: str | None
    width: int
    height: int


class Showcase:
    """Turns catalog rows into items for the page; every picture is read and encoded once.

    Args:
        catalog: the catalog.
        popularity: number of training events of each item, [n].
    """

    def __init__(self, catalog: Catalog, popularity: NDArray[np.int64]) -> None:
        self._catalog = catalog
        self._popularity = popularity
        self._images = catalog.image_paths()
        column = category_column(catalog)
        self._paths = category_paths(catalog.frame[column].cast(str).to_list()) if column else None
        self._shown: dict[int, ShownItem] = {}

    def __call__(self, rows: Sequence[int] | NDArray[np.integer]) -> list[ShownItem]:
        """Return the items of catalog rows, in order."""
        return [self._item(int(row)) for row in rows]

    @property
    def pictures(self) -> int:
        """Number of distinct pictures shown so far."""
        return sum(item.picture is not None for item in self._shown.values())

    def _item(self, row: int) -> ShownItem:
        if row not in self._shown:
            image = self._images[row]
            picture, width, height = thumbnail(image) if image is not None else (None, 0, 0)
            title = item_title(self._catalog, row)
            kind = " · ".join(self._paths[row][-_CATEGORY_NAMES:]) if self._paths is not None else ""
            events = int(self._popularity[row])
            self._shown[row] = ShownItem(title, kind, events, picture, width, height)
        return self._shown[row]


def thumbnail(path: Path) -> tuple[str | None, int, int]:
    """Return a thumbnail of an image file as a JPEG data URI, with width and height; None if the file cannot be read."""
    image = small_picture(path, EDGE)
    if image is None:
        return None, 0, 0
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode()}", image.width, image.height
