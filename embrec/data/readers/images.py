"""Assignment of image files to items."""

from pathlib import Path

import polars as pl

from embrec.data.catalog import IMAGE
from embrec.data.id_mismatch import find_id_mismatch
from embrec.data.readers.raw import ITEM
from embrec.errors import DataError
from embrec.parameters import parameter

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def images_in_folder(
    items: pl.DataFrame, folder: Path, notes: dict[str, int], remarks: list[str] | None = None
) -> pl.DataFrame:
    """Return the items with a column `image`: the file `<item>.jpg`, `.jpeg`, `.png` or `.webp` in a folder.

    Args:
        items: catalog.
        folder: folder of the images.
        notes: mapping that receives the number of items without an image.
        remarks: list that receives a remark if names of files differ slightly from item ids, as without leading zeros.

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
    without = joined.filter(pl.col(IMAGE).is_null())[ITEM]
    close = (
        find_id_mismatch(without, found.filter(~pl.col(ITEM).is_in(items[ITEM].implode()))[ITEM])
        if len(without)
        else None
    )
    told = f"a file is named {close.other!r} where an item is {close.one!r}: {close.cause}" if close else ""
    if len(without) == len(joined):
        raise DataError(
            f"{folder} has no image of any item; name the files <item>.jpg, .jpeg, .png or .webp"
            + (f" ({told})" if told else "")
        )
    if close and remarks is not None:
        remarks.append(f"{close.pairs:,} images of {folder} almost match the id of an item without an image: {told}")
    notes["items without an image"] = len(without)
    return joined


def images_by_column(items: pl.DataFrame, column: str, folder: Path, notes: dict[str, int]) -> pl.DataFrame:
    """Return the items with a column `image`: the absolute path of the file that `column` names.

    Args:
        items: catalog.
        column: column of paths, absolute or relative to `folder`; may be null.
        folder: folder of the catalog file.
        notes: mapping that receives the numbers of items without an image and of missing files.

    Raises:
        DataError: none of the files exists, or the column does not hold paths.
    """
    if items[column].dtype != pl.String and not isinstance(items[column].dtype, pl.Categorical | pl.Enum | pl.Null):
        raise DataError(f"column {column!r} has the type {items[column].dtype}; expected paths of image files")
    named = items[column].cast(pl.String).to_list()
    links = [name for name in named if name and name.strip().lower().startswith(("http://", "https://"))]
    if links and len(links) == sum(bool(name and name.strip()) for name in named):
        raise DataError(
            f"column {column!r} holds links such as {links[0]}, which are not fetched; download the images, and give their "
            f"paths as {parameter('image_column')} or their folder as {parameter('images')}"
        )
    if links:
        notes["links to images, which are not fetched"] = len(links)
    named = [None if name and name.strip().lower().startswith(("http://", "https://")) else name for name in named]
    paths = [_path(folder, name) if name and name.strip() else None for name in named]
    present = [str(path) if path is not None and _is_file(path) else None for path in paths]
    wanted = [path for path in paths if path is not None]
    if wanted and not any(present):
        raise DataError(f"none of the {len(wanted)} image files of column {column!r} exists; the first is {wanted[0]}")
    notes["items without an image"] = len(paths) - len(wanted)
    missing = len(wanted) - sum(path is not None for path in present)
    if missing:
        notes["image files that do not exist"] = missing
    return items.drop(column).with_columns(pl.Series(IMAGE, present, dtype=pl.String))


def _path(folder: Path, name: str) -> Path:
    try:
        return (folder / Path(name).expanduser()).absolute()
    except RuntimeError:  # "~x/a.jpg" without a user x
        return (folder / name).absolute()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # not a path, such as a long text
        return False
