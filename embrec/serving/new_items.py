"""New items for a run's encoders: the columns that they read, items that the catalog has already, items without content."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.data.attributes import read_attribute, renumbered
from embrec.data.catalog import IMAGE, ITEM, Catalog
from embrec.data.id_mismatch import find_id_mismatch
from embrec.data.readers.text import joined
from embrec.errors import DataError
from embrec.features.chain import Chain
from embrec.features.encoder import Encoded, Encoder
from embrec.features.text.texts import TextParams, template_columns
from embrec.names import listed, nearest
from embrec.parameters import parameter
from embrec.runs.extras import load_extras
from embrec.runs.folder import RunFolder
from embrec.serving.ranking import map_single_threaded

_ROWS = 64  # items that one thread works on at a time
_SHOWN = 3  # items that a note names
_NESTED = r'^\s*[\[{].*"\s*:'  # JSON with names in it


class NewItems(NamedTuple):
    """Items that a catalog does not have, with its columns.

    Attributes:
        catalog: the catalog with them at its end.
        added: they alone.
        notes: what was noticed, one line each.
    """

    catalog: Catalog
    added: Catalog
    notes: list[str]


def read_columns(encoders: Sequence[Encoder], catalog: Catalog) -> list[str]:
    """Return the columns of a catalog that encoders read, in the order of the catalog."""
    read: set[str] = set()
    for encoder in encoders:
        params = encoder.params
        if isinstance(params, TextParams):
            read.update(catalog.text_columns if params.template is None else template_columns(params.template))
        elif _reads_images(encoder):
            read.add(IMAGE)
    return [name for name in catalog.frame.columns if name in read]


def extend(catalog: Catalog, items: Catalog, columns: Sequence[str]) -> NewItems:
    """Put items at the end of a catalog, in its columns, leaving out those that it has.

    Args:
        catalog: catalog of a recommender.
        items: new ones, and perhaps some that it has.
        columns: columns of the catalog that its encoders read.
    """
    notes = []
    is_known = items.frame[ITEM].is_in(catalog.frame[ITEM].implode())
    if is_known.any():
        notes.append(_known_note(catalog, items.frame.filter(is_known), columns))
    frame = items.frame.filter(~is_known)
    notes.extend(_mismatch_note(catalog.frame[ITEM], frame[ITEM]))
    missing = [name for name in columns if name not in frame.columns]
    if missing and len(frame):
        notes.append(_missing_note(catalog, frame, missing))
    shared = [_of_type(frame[name], dtype) for name, dtype in catalog.frame.schema.items() if name in frame.columns]
    for column in (column for column in shared if column.name in columns):
        notes.extend(_value_notes(catalog.frame[column.name], frame[column.name], column))
    texts = [name for name in catalog.text_columns if name in frame.columns]
    extended = catalog.extended(Catalog(pl.DataFrame(shared), texts))
    return NewItems(extended, extended.select(range(len(catalog), len(extended))), notes)


def encode(encoder: Encoder, items: Catalog) -> tuple[Tensor, NDArray[np.bool_]]:
    """Return the vectors of items, float32, and in which of them the encoder found something: [k, d] and [k].

    A text of unknown words counts as nothing: its vector is zero before any transform.
    """
    chain = encoder if isinstance(encoder, Chain) else None
    raw: Encoded = (encoder if chain is None else chain.base).raw(items)
    nonzero = raw.vectors.getnnz(axis=1) > 0 if hasattr(raw.vectors, "getnnz") else np.any(raw.vectors != 0, axis=1)
    if chain is not None:
        vectors = chain.transform(raw.vectors, raw.present)
    else:
        vectors = raw.vectors.toarray() if hasattr(raw.vectors, "toarray") else raw.vectors
    found: NDArray[np.bool_] = raw.present & nonzero
    return torch.from_numpy(np.asarray(vectors).astype(np.float32, copy=False)), found


def item_vectors(
    encode_items: Callable[[Mapping[str, Tensor]], Tensor], features: Mapping[str, Tensor], count: int
) -> Tensor:
    """Encode new items one by one, so that a vector does not depend on the other items of the call, to the last bit.

    What a product of several rows gives for one of them depends on how many there are, and on its place among them.

    Args:
        encode_items: method of a model; see `Extensible`.
        features: source name -> feature vectors, [k, d_s].
        count: number of items, k; at least one.

    Returns:
        [k, d], or as long as the model makes them.
    """

    def part(start: int) -> Tensor:
        rows = range(start, min(start + _ROWS, count))
        vectors = [encode_items({name: values[row : row + 1] for name, values in features.items()}) for row in rows]
        return torch.cat(vectors)

    return torch.cat(list(map_single_threaded(part, range(0, count, _ROWS))))


def item_attributes(run: RunFolder, catalog: Catalog, count: int) -> dict[str, Tensor]:
    """Return the attributes that a run's model reads, of the last items of a catalog, name -> [k, ...].

    Names that the training did not know count as missing.

    Args:
        run: folder of the run.
        catalog: the run's catalog with new items at its end.
        count: number of new items, k.
    """
    extras = load_extras(run)
    vocabularies = extras.get("vocabularies", {})
    return {
        name: torch.from_numpy(renumbered(read_attribute(catalog, name), vocabularies.get(name, ()))[-count:].copy())
        for name in extras.get("attributes", {})
    }


def empty_notes(items: Catalog, found: Mapping[str, NDArray[np.bool_]]) -> list[str]:
    """Return notes on the new items in which encoders found nothing.

    Args:
        items: the new ones, [k].
        found: name of an encoder -> in which items it found something, [k].
    """
    notes = []
    nowhere = ~np.any(list(found.values()), axis=0)
    if nowhere.any():
        notes.append(
            f"{_have(nowhere, items)} nothing to read (no text, no picture, or only words that "
            f"the encoders do not know): {_examples(items, nowhere)}; left out of all lists"
        )
    for name, has in found.items():
        only_here = ~has & ~nowhere
        if only_here.any():
            notes.append(
                f"{_have(only_here, items)} nothing that {name} reads, such as "
                f"{_examples(items, only_here)}; their vectors come from the other encoders alone"
            )
    return notes


def _have(marks: NDArray[np.bool_], items: Catalog) -> str:
    count = int(marks.sum())
    return f"{count:,} of the {len(items):,} new items {'has' if count == 1 else 'have'}"


def _reads_images(encoder: Encoder) -> bool:
    from embrec.features.image.encoder import ImageEncoder  # needs the extra only when a picture is decoded

    return isinstance(encoder.base if isinstance(encoder, Chain) else encoder, ImageEncoder)


def _known_note(catalog: Catalog, known: pl.DataFrame, columns: Sequence[str]) -> str:
    """Return a note on items that the catalog has already, and whether their content differs; pictures are not compared."""
    compared = [name for name in columns if name in known.columns and name != IMAGE]
    before = catalog.frame[catalog.rows(known[ITEM])]
    differs = [
        (_plain(before[name]) != _plain(_of_type(known[name], before[name].dtype))).alias(name) for name in compared
    ]
    note = f"{len(known):,} of the items are in the catalog already and keep the vectors that they have"
    changed = pl.DataFrame(differs).select(pl.any_horizontal(pl.all()))[:, 0] if differs else pl.Series([False])
    if not changed.any():
        return note
    first = int(changed.arg_true()[0])
    where = ", ".join(column.name for column in differs if column[first])
    return (
        f"{note}; {changed.sum():,} of them have other content now, such as {known[ITEM][first]!r} ({where}): to read it, "
        "build the features and train again"
    )


def _missing_note(catalog: Catalog, frame: pl.DataFrame, missing: Sequence[str]) -> str:
    unread = [name for name in frame.columns if name not in catalog.frame.columns]
    meant = {name: near for name in missing if (near := nearest(name, unread)) is not None}
    hint = "".join(f"; is {near!r} {name!r}?" for name, near in meant.items())
    if IMAGE in missing:
        hint += f"; pictures come with {parameter('images', 'FOLDER')} or {parameter('image_column', 'COLUMN')}"
    others = f" (not read: {listed(unread)})" if unread else ""
    return (
        f"the new items lack {'column' if len(missing) == 1 else 'columns'} {listed(missing)} of the catalog, which the run's "
        f"encoders read{others}{hint}; what is missing counts as empty, so their vectors say less"
    )


def _mismatch_note(known: pl.Series, new: pl.Series) -> list[str]:
    """Return a note where new ids differ from known ones only in form, such as numbers that lost their leading zeros."""
    found = find_id_mismatch(new, known)
    if found is None:
        return []
    return [
        f"{found.pairs:,} of the new ids are nearly ids of the catalog: {found.one!r} is new, and {found.other!r} is there "
        f"({found.cause}); if they mean the same items, write them alike"
    ]


def _value_notes(known: pl.Series, given: pl.Series, read: pl.Series) -> list[str]:
    """Return notes on columns that encoders read and that hold another kind of values than in the catalog."""
    notes = []
    lost = (read.is_null() & given.is_not_null()).arg_true()
    if given.dtype == pl.String:
        lost = lost.filter(given.gather(lost).str.strip_chars() != "")
    if len(lost):
        notes.append(
            f"column {read.name!r} has {known.dtype} in the catalog, which {len(lost):,} values of the new items are not, such "
            f"as {given[int(lost[0])]!r}; they count as empty"
        )
    if read.dtype == pl.String:
        nested = read.str.contains(_NESTED).fill_null(False)
        if nested.any() and not known.str.contains(_NESTED).any():
            example = str(read.filter(nested)[0])
            notes.append(
                f"column {read.name!r} is text in the catalog, and {nested.sum():,} of the new items have nested values in it, "
                f"such as {example[:60]}; they are read as they stand, names and all: give the text alone"
            )
    return notes


def _of_type(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return a column as the catalog has it; what does not fit is null."""
    if values.dtype == dtype:
        return values
    if isinstance(values.dtype, pl.List | pl.Array) and dtype == pl.String:
        return pl.Series(values.name, [joined(value, ", ") for value in values.to_list()], dtype=pl.String)
    try:
        return values.cast(dtype, strict=False)
    except pl.exceptions.PolarsError:
        raise DataError(
            f"column {values.name!r} of the new items has the type {values.dtype}, that of the catalog {dtype}; convert it"
        ) from None


def _plain(values: pl.Series) -> pl.Series:
    return values.cast(pl.String).str.strip_chars().fill_null("")


def _examples(items: Catalog, which: NDArray[np.bool_]) -> str:
    return listed([repr(item) for item in items.item_ids[which].tolist()], _SHOWN)
