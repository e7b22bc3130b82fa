"""Reader of the Amazon reviews of 2014, 2018 and 2023: reviews and product metadata as JSON lines, plain or packed.

Sources: 2014 [mcauley2015] [he2016], 2018 [ni2019], 2023 [hou2024].

- 2014, https://jmcauley.ucsd.edu/data/amazon/: metadata as Python literals, categories as a list of paths.
- 2018, https://nijianmo.github.io/amazon/: list-valued fields, HTML in titles.
- 2023, https://amazon-reviews-2023.github.io/: products by `parent_asin`, times in milliseconds.
"""

import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import polars as pl
from pydantic import ConfigDict, Field

from embrec.data.readers.guide import Guide
from embrec.data.readers.images import images_in_folder
from embrec.data.readers.lines import Block, read_blocks
from embrec.data.readers.raw import (
    EXACT,
    ITEM,
    TIME,
    USER,
    RawData,
    bad_id,
    id_problem,
    require_events,
    require_file,
    unique_items,
)
from embrec.data.readers.records import Record, json_record, literal_record, number, records
from embrec.data.readers.text import clean_text, joined, price
from embrec.errors import DataError
from embrec.parameters import call, parameter
from embrec.progress import Progress, silent
from embrec.validation import Checked

RATING = "rating"
TEXT_COLUMNS = ("title", "description", "brand", "categories")
_ITEM_SCHEMA = {ITEM: pl.String, **dict.fromkeys(TEXT_COLUMNS, pl.String), "price": pl.Float64}
_LINES = (".json", ".jsonl", ".ndjson")
_GARBAGE = "getTime"  # in the 2018 crawl, the title of some products is a script of the page


@dataclass(frozen=True)
class _Keys:
    """Names of the keys in the files of one year."""

    user: str
    item: str
    time: str
    rating: str
    units_per_second: int = 1
    description: tuple[str, ...] = ("description",)
    brand: str = "brand"
    categories: str = "categories"
    literals: bool = False  # the metadata are Python literals


_KEYS = {
    "amazon-2014": _Keys("reviewerID", "asin", "unixReviewTime", "overall", literals=True),
    "amazon-2018": _Keys("reviewerID", "asin", "unixReviewTime", "overall", categories="category"),
    "amazon-2023": _Keys(
        "user_id", "parent_asin", "timestamp", "rating", 1000, description=("features", "description"), brand="store"
    ),
}


class AmazonSource(Checked):
    """Amazon reviews and product metadata of one category."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: ClassVar[tuple[str, ...]] = tuple(_KEYS)
    guides: ClassVar[dict[str, Guide]] = {
        f"amazon-{year}": Guide(
            f"Amazon reviews of {year} and the products they are of, one category",
            "reviews and metadata as JSON lines, plain or packed; images named <item>.jpg if you have them",
            {"source": f"amazon-{year}", "reviews": reviews, "metadata": metadata, "category": "beauty"},
            home,
            "see there",
        )
        for year, reviews, metadata, home in (
            (2014, "reviews_Beauty_5.json.gz", "meta_Beauty.json.gz", "https://jmcauley.ucsd.edu/data/amazon/"),
            (2018, "All_Beauty.json.gz", "meta_All_Beauty.json.gz", "https://nijianmo.github.io/amazon/"),
            (2023, "All_Beauty.jsonl.gz", "meta_All_Beauty.jsonl.gz", "https://amazon-reviews-2023.github.io/"),
        )
    }
    source: Literal["amazon-2014", "amazon-2018", "amazon-2023"]
    reviews: Annotated[Path, Field(description="reviews, JSON lines")]
    metadata: Annotated[Path | None, Field(description="products, one a line")] = None
    images: Annotated[Path | None, Field(description="folder of images named <item>.jpg")] = None

    def files(self) -> list[Path]:
        """Return the input files; see `Source`."""
        return [require_file(path) for path in (self.reviews, self.metadata) if path is not None]

    def read(self, progress: Progress = silent) -> RawData:
        """Read the reviews and the metadata; see `Source`."""
        self.files()
        notes: dict[str, int] = {}
        remarks: list[str] = []
        keys = _KEYS[self.source]
        events = read_reviews(self.reviews, keys, progress)
        items = None
        if self.metadata is not None:
            items = unique_items(read_metadata(self.metadata, keys, progress), notes)
            if self.images is not None:
                items = images_in_folder(items, self.images, notes, remarks)
        elif self.images is not None:
            raise DataError(f"images need the products they belong to; give {parameter('metadata')} as well")
        texts = TEXT_COLUMNS if items is not None else ()
        return RawData(events, items, texts, context=(RATING,), notes=notes, remarks=remarks)

    @property
    def item_key(self) -> str:
        """The key of a product's id in the files."""
        return _KEYS[self.source].item

    def read_products(self, path: Path, item_key: str) -> pl.DataFrame | None:
        """Return the products of a metadata file as `read` does; None for any other file.

        Args:
            path: JSON lines.
            item_key: key of the product ids.

        Raises:
            DataError: a line is broken or has no usable id.
        """
        keys = replace(_KEYS[self.source], item=item_key)
        if not any(suffix.lower() in _LINES for suffix in require_file(path).suffixes):  # also with .gz behind it
            return None
        first = next((line for block in read_blocks(path) for _, line in block.lines()), b"")
        try:
            record = literal_record(first)
        except ValueError:
            record = {item_key: None}  # the reader below reports the error and its place
        if item_key not in record or (item_key == ITEM and not self.is_raw(pl.DataFrame(schema=list(record)))):
            return None
        return unique_items(read_metadata(path, keys), {})

    def is_raw(self, products: pl.DataFrame) -> bool:
        """Return True if a table has the column names of the files, not those of a catalog."""
        keys = _KEYS[self.source]
        return bool({*keys.description, keys.brand, keys.categories}.difference(TEXT_COLUMNS) & set(products.columns))

    def catalog_frame(self, products: pl.DataFrame) -> pl.DataFrame:
        """Return a table of products converted to a catalog as in `read`.

        Args:
            products: table with the column `item` and columns of the files.
        """
        keys = _KEYS[self.source]
        rows = [_product(record[ITEM], record, keys) for record in products.to_dicts()]
        return pl.DataFrame(rows, schema=_ITEM_SCHEMA, orient="row")


def year_of(path: Path) -> str:
    """Return the name of the source, by the keys of the first review of a file.

    The keys of 2014 and 2018 are the same, except that 2018 also has `verified`.

    Raises:
        DataError: the first line is not a review of any year.
    """
    lines = (entry for block in read_blocks(path, block_bytes=1 << 16) for entry in block.lines())
    place, line = next(lines, (1, b""))
    if not line:
        raise DataError(f"{path}: the interaction log is empty")
    try:
        record = json_record(line)
    except ValueError as error:
        table = parameter("interactions")
        raise DataError(f"{path}, line {place}: {error}; a table of ratings is read with {table}") from None
    for kind in reversed(AmazonSource.kinds):
        keys = _KEYS[kind]
        if {keys.user, keys.item, keys.time} <= record.keys() and (kind != "amazon-2018" or "verified" in record):
            return kind
    raise DataError(
        f"{path}: the first line has the keys {', '.join(record)}, which match no year of the Amazon reviews; "
        f"read other data with {call('TableSource')}"
    )


def read_reviews(path: Path, keys: _Keys, progress: Progress = silent) -> pl.DataFrame:
    """Return user, item, time in seconds, rating and, where the files have milliseconds, exact time, in file order.

    Raises:
        DataError: a line is broken, or one of its fields is missing or invalid.
    """
    parts = [_reviews_of(block, keys) for block in read_blocks(path, progress)]
    if not parts:
        raise DataError(f"{path}: the interaction log is empty")
    return require_events(pl.concat(parts), path)


def read_metadata(path: Path, keys: _Keys, progress: Progress = silent) -> pl.DataFrame:
    """Return item, title, description, brand, categories and price of every product, in file order.

    Raises:
        DataError: a line is broken or has no usable id.
    """
    parse = literal_record if keys.literals else json_record
    parts = []
    for block in read_blocks(path, progress):
        rows = []
        for line, record in records(block, parse):
            item = record.get(keys.item)
            problem = id_problem(ITEM, item if item is None else str(item))
            if problem:
                raise block.error(line, f"key {keys.item!r}: {problem}")
            rows.append(_product(str(item), record, keys))
        parts.append(pl.DataFrame(rows, schema=_ITEM_SCHEMA, orient="row"))
    if not parts:
        raise DataError(f"{path}: the file of products is empty; leave {parameter('metadata')} out if there are none")
    return pl.concat(parts)


def _product(item: str, record: Record, keys: _Keys) -> tuple[Any, ...]:
    title = clean_text(record.get("title"))
    if title and _GARBAGE in title:
        title = None
    description = joined([record.get(key) for key in keys.description], " ")
    categories = joined(record.get(keys.categories), ", ")
    return item, title, description, clean_text(record.get(keys.brand)), categories, price(record.get("price"))


def _reviews_of(block: Block, keys: _Keys) -> pl.DataFrame:
    schema = {keys.user: pl.String, keys.item: pl.String, keys.time: pl.Int64, keys.rating: pl.Float64}
    names = {keys.user: USER, keys.item: ITEM, keys.rating: RATING}
    try:
        frame = pl.read_ndjson(io.BytesIO(block.data), schema=schema)
    except pl.exceptions.PolarsError:
        return _reviews_line_by_line(block, keys)
    exact = [pl.col(keys.time).alias(EXACT)] if keys.units_per_second > 1 else []
    frame = frame.with_columns((pl.col(keys.time) // keys.units_per_second).alias(TIME), *exact).rename(names)
    if frame.select((bad_id(USER) | bad_id(ITEM) | pl.col(TIME).is_null()).any())[0, 0]:
        return _reviews_line_by_line(block, keys)
    return frame.select(USER, ITEM, TIME, RATING, *([EXACT] if exact else []))


def _reviews_line_by_line(block: Block, keys: _Keys) -> pl.DataFrame:
    """Parse a block that the fast parser rejected: raise for the broken line, or accept values of varying types."""
    rows = []
    for line, record in records(block, json_record):
        values = []
        for kind, key in ((USER, keys.user), (ITEM, keys.item)):
            value = record.get(key)
            text = None if value is None else str(value)
            problem = id_problem(kind, text)
            if problem:
                raise block.error(line, f"key {key!r}: {problem}")
            values.append(text)
        time = number(record.get(keys.time))
        if time is None:
            raise block.error(
                line, f"key {keys.time!r} is {record.get(keys.time)!r}; expected a number of seconds or milliseconds"
            )
        rows.append((*values, int(time // keys.units_per_second), number(record.get(keys.rating)), int(time)))
    schema = {USER: pl.String, ITEM: pl.String, TIME: pl.Int64, RATING: pl.Float64, EXACT: pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame if keys.units_per_second > 1 else frame.drop(EXACT)
