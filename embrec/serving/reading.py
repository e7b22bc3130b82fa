"""New items read as the catalog of a run was read: a shop's raw files give the same texts as they gave at the import."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import polars as pl

from embrec.data.catalog import IMAGE, ITEM, Catalog
from embrec.data.importing import SOURCES, AnySource
from embrec.data.readers.amazon import AmazonSource
from embrec.data.readers.complete_journey import CompleteJourneySource
from embrec.data.readers.formats import TEXTS, by_name
from embrec.data.readers.frames import Frame, as_frame, is_frame
from embrec.data.readers.images import images_in_folder
from embrec.data.readers.movielens import MovieLensSource
from embrec.data.readers.published import images_below
from embrec.data.readers.raw import check_ids
from embrec.data.readers.table import TableSource, read_items
from embrec.data.readers.tabular import read_table
from embrec.errors import DataError, EmbrecError
from embrec.runs.folder import RunFolder

Raw = AmazonSource | MovieLensSource | CompleteJourneySource  # sources whose files have a form of their own


@runtime_checkable
class _OwnCatalog(Protocol):
    """A source of published data, whose catalog has a form of its own."""

    def read_catalog(self, items: Path | pl.DataFrame) -> pl.DataFrame | None:
        """Return the items of a file or a table as the import reads them; None where it has another form."""

    def picture_folders(self) -> list[Path]:
        """Return where pictures of items may lie, files named after the items in them or in the folders in them."""


def catalog_source(run: RunFolder) -> AnySource | None:
    """Return the source that the catalog of a run was imported from; None where it is not known, as of runs of old versions
    that lie outside their category.
    """
    arguments = run.read_source()
    if arguments is None:
        try:
            meta = json.loads((run.category.data / "meta.json").read_text(encoding="utf-8"))
            arguments = meta["import"]["arguments"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
    try:
        return SOURCES[arguments["source"]](**arguments)
    except (KeyError, TypeError, EmbrecError):
        return None


def read_new_items(
    run: RunFolder,
    items: Frame | Path | str,
    item_column: str | None = None,
    image_column: str | None = None,
    images: Path | str | None = None,
    texts: Sequence[str] = (),
) -> Catalog:
    """Read new items by the reader of the run's source; see `Recommender.read_items`.

    Args:
        run: whose items.
        items: see there, as for the next three.
        item_column: see there.
        image_column: see there.
        images: see there.
        texts: columns that are texts in the catalog, and so in the new items, whatever the few values in them look like.
    """
    source, images = catalog_source(run), None if images is None else Path(images)
    place = Path(items) if isinstance(items, str | Path) else as_frame(items, "the new items")
    if isinstance(source, _OwnCatalog) and item_column is None and image_column is None:
        own = _of_own_catalog(source, place)
        if own is not None:
            return Catalog(_with_pictures_of(own, source, images), _texts(own))
    if isinstance(source, Raw) and image_column is None:
        found = _of_raw_files(source, place, item_column)
        if found is not None:
            folder = images if images is not None else getattr(source, "images", None)
            return Catalog(_with_pictures(found, folder, images is not None), _texts(found))
    there = _columns(place)
    imported = source if isinstance(source, TableSource) else None
    options: dict[str, Any] = {"image_column": image_column, "images": images}
    options["text_column"] = [name for name in texts if name in there]
    candidates = (imported.catalog_item_column, imported.item_column) if imported is not None else ()
    column = item_column or next((name for name in (*candidates, ITEM) if name in there), None)
    if column is not None:
        options["item_column"] = column
    if isinstance(source, _OwnCatalog) and image_column is None and images is None:
        plain = read_items(place, **options)
        return Catalog(_with_pictures_of(plain.frame, source, None), plain.text_columns)
    if imported is not None and image_column is None and images is None:  # those of the import, if any is found by them
        options["image_column"] = imported.image_column if imported.image_column in there else None
        options["images"] = imported.images
        return _read_leniently(place, options)
    return read_items(place, **options)


def _of_own_catalog(source: _OwnCatalog, items: Frame | Path) -> pl.DataFrame | None:
    """Return the items of a table or a file that has the form of the source's own catalog; None where it has another."""
    if isinstance(items, Path):
        if not items.is_file():
            return None
        if by_name(items.name) not in {None, *TEXTS}:
            return source.read_catalog(read_table(items, ()).frame)
        found = source.read_catalog(items)
        if found is not None and found.is_empty():
            raise DataError(f"{items} has no items")
        return found
    return source.read_catalog(as_frame(items, "the new items"))


def _with_pictures_of(frame: pl.DataFrame, source: _OwnCatalog, given: Path | None) -> pl.DataFrame:
    """Return items with their pictures, of a folder that is given or, where they are there, of those of the import."""
    if given is not None:
        return (images_below if given.is_dir() else images_in_folder)(frame, given, {})
    for folder in source.picture_folders():
        try:
            return images_below(frame, folder, {})
        except DataError:  # no picture of any of them
            continue
    return frame


def as_imported(run: RunFolder, items: Catalog) -> tuple[Catalog, list[str]]:
    """Return items that were read as a plain table in the columns that the run's source makes of them, and what to say."""
    source = catalog_source(run)
    raw = isinstance(source, Raw) and source.is_raw(items.frame)
    if not isinstance(source, Raw) or not raw:
        return items, []
    frame = source.catalog_frame(items.frame)
    if IMAGE in items.frame.columns:
        frame = frame.with_columns(items.frame[IMAGE])
    note = (
        f"the new items have the columns of {source.source} files, and are read as such; give the file itself to with_items, "
        "so that lists in it are read as they were at the import"
    )
    return Catalog(frame, _texts(frame)), [note]


def _of_raw_files(source: Raw, items: Frame | Path, item_column: str | None) -> pl.DataFrame | None:
    """Return the items of a file or table that has the form of the source's own; None where it has another."""
    column = item_column or source.item_key
    if isinstance(source, AmazonSource) and not is_frame(items):
        found = source.read_products(items, column)
        if found is not None:
            return found
    if is_frame(items):
        frame = as_frame(items, "the new items")
    elif _is_table(items):
        frame = read_table(items, (column, ITEM)).frame
    else:
        return None
    if column not in frame.columns or (column == ITEM and not source.is_raw(frame)):
        return None
    if frame.is_empty():
        raise DataError(f"{'the table' if is_frame(items) else items} has no items")
    frame = frame.drop(ITEM, strict=False) if column != ITEM else frame
    frame = frame.rename({column: ITEM}).with_columns(pl.col(column if column == ITEM else ITEM).cast(pl.String))
    check_ids(frame, ITEM, lambda row: f"{'the new items' if is_frame(items) else items}, item {row + 1}")
    repeated = frame.filter(pl.col(ITEM).is_duplicated())[ITEM]
    if len(repeated):
        raise DataError(f"item {repeated[0]!r} stands in the new items more than once; keep one of its rows")
    return source.catalog_frame(frame)


def _with_pictures(frame: pl.DataFrame, folder: Path | None, given: bool) -> pl.DataFrame:
    """Return items with their pictures of a folder; where it is only the import's, there may be none."""
    if folder is None:
        return frame
    try:
        return images_in_folder(frame, folder, {})
    except DataError:
        if given:
            raise
        return frame


def _read_leniently(items: Frame | Path, options: dict[str, Any]) -> Catalog:
    """Read items with the pictures of the import's folder, or without where it has none of them: that is noticed later."""
    if options["images"] is None:
        return read_items(items, **options)
    plain = read_items(items, **{**options, "images": None})
    try:
        return read_items(items, **options)
    except DataError:
        return plain


def _columns(items: Frame | Path) -> list[str]:
    return (as_frame(items, "the new items") if is_frame(items) else read_table(items, ()).frame).columns


def _is_table(path: Path) -> bool:
    return any(suffix.lower() in (".csv", ".tsv", ".parquet", ".pq") for suffix in path.suffixes)


def _texts(frame: pl.DataFrame) -> list[str]:
    return [name for name, dtype in frame.schema.items() if dtype == pl.String and name not in (ITEM, IMAGE)]
