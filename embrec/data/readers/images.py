"""Which image file belongs to which item."""

from pathlib import Path

import polars as pl

from embrec.data.catalog import IMAGE
from embrec.data.readers.raw import ITEM
from embrec.errors import DataError

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def images_in_folder(items: pl.DataFrame, folder: Path, notes: dict[str, int]) -> pl.DataFrame:
    """Return the items with a column `image`: the file `<item>.jpg`, `.jpeg`, `.png` or `.webp` in a folder.

    Raises:
        DataError: the folder does not exist, or has no image of any item.
    """
    if not folder.is_dir():
        raise DataError(f"no such folder of images: {folder}")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    found = pl.DataFrame(
        {ITEM: [file.stem for file in files], IMAGE: [str(file.resolve()) for file in files]},
        schema={ITEM: pl.String, IMAGE: pl.String},
    ).unique(ITEM, keep="first", maintain_order=True)
    others = items.drop(IMAGE, strict=False)
    joined = others.join(found, on=ITEM, how="left", maintain_order="left")
    if joined[IMAGE].null_count() == len(joined):
        raise DataError(f"{folder} has no image of any item; name the files <item>.jpg, .jpeg, .png or .webp")
    notes["items without an image"] = joined[IMAGE].null_count()
    return joined


def images_by_column(items: pl.DataFrame, column: str, folder: Path, notes: dict[str, int]) -> pl.DataFrame:
    """Return the items with a column `image`: the absolute path of the file that `column` names.

    Args:
        items: the catalog.
        column: paths, absolute or relative to `folder`; may be null.
        folder: of the file that the catalog came from.
        notes: told how many items have no image and how many files are missing.

    Raises:
        DataError: none of the files exists.
    """
    named = items[column].cast(pl.String).to_list()
    paths = [(folder / Path(name).expanduser()).absolute() if name and name.strip() else None for name in named]
    present = [str(path) if path is not None and path.is_file() else None for path in paths]
    wanted = [path for path in paths if path is not None]
    if wanted and not any(present):
        raise DataError(f"none of the {len(wanted)} image files of column {column!r} exists; the first is {wanted[0]}")
    notes["items without an image"] = len(paths) - len(wanted)
    missing = len(wanted) - sum(path is not None for path in present)
    if missing:
        notes["image files that do not exist"] = missing
    return items.drop(column).with_columns(pl.Series(IMAGE, present, dtype=pl.String))
