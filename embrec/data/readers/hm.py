"""Reader of H&M Personalized Fashion Recommendations: two years of purchases of clothes, with texts and photos.

Source: [hm2022], https://www.kaggle.com/competitions/h-and-m-personalized-fashion-recommendations.

Purchases have a day but no time of day; article ids have ten digits beginning with 0, and the photo of an article is
`images/<first three digits>/<id>.jpg`.
"""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import ConfigDict, Field

from embrec.data.readers.frames import MemoryTable
from embrec.data.readers.guide import Guide
from embrec.data.readers.ids import as_ids
from embrec.data.readers.published import header_of, images_below, read_columns, require_named
from embrec.data.readers.raw import ITEM, TIME, USER, RawData, check_ids, require_events, unique_items
from embrec.data.readers.tabular import SourceTable
from embrec.errors import DataError
from embrec.progress import Progress, silent
from embrec.validation import Checked

_WHAT = "H&M"
_LOG, _CATALOG = "transactions_train.csv", "articles.csv"
_DIGITS = 10
_CONTEXT = ("price", "sales_channel_id")
_NAMES = {"article_id": ITEM, "prod_name": "title", "detail_desc": "description"}
_TEXTS = (
    "title",
    "product_type_name",
    "product_group_name",
    "graphical_appearance_name",
    "colour_group_name",
    "index_name",
    "section_name",
    "garment_group_name",
    "description",
)


class HMSource(Checked):
    """The unpacked folder of the H&M data."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: ClassVar[tuple[str, ...]] = ("hm",)
    guides: ClassVar[dict[str, Guide]] = {
        "hm": Guide(
            "H&M: 31.8 million purchases of 105,542 clothes by 1.37 million customers, with texts and photos",
            f"{_LOG}, {_CATALOG}; images/010/0108775015.jpg if the photos are there",
            {"source": "hm", "path": "h-and-m", "category": "hm"},
            "https://www.kaggle.com/competitions/h-and-m-personalized-fashion-recommendations",
            "the rules of the competition, accepted there before the download",
        )
    }
    source: Literal["hm"] = "hm"
    path: Annotated[Path, Field(description="the unpacked folder")]
    images: Annotated[Path | None, Field(description="folder of the photos, if it is not images/ in it")] = None

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return True if a folder has the files of this source."""
        return path.is_dir() and any(file.name.startswith(_LOG) for file in path.iterdir())

    def files(self) -> list[Path]:
        """Return the input files; see `Source`."""
        return [require_named(self.path, name, _WHAT) for name in (_LOG, _CATALOG)]

    def read(self, progress: Progress = silent) -> RawData:
        """Read the purchases and the articles; see `Source`."""
        log, catalog = self.files()
        notes: dict[str, int] = {}
        events = _events(read_columns(log, ("t_dat", "customer_id", "article_id", *_CONTEXT), progress=progress), notes)
        items = _items(catalog, notes, progress)
        folder = self.images or self.path / "images"
        if self.images is not None or folder.is_dir():
            items = images_below(items, folder, notes)
        texts = tuple(name for name in _TEXTS if name in items.columns)
        return RawData(require_events(events, log), items, texts, context=_CONTEXT, notes=notes)

    def read_catalog(self, items: Path | pl.DataFrame) -> pl.DataFrame | None:
        """Return articles of a file or a table such as `articles.csv` as `read` does; None for a file of another form."""
        columns = items.columns if isinstance(items, pl.DataFrame) else header_of(items)
        if not {"article_id", "prod_name"} <= set(columns):
            return None
        if isinstance(items, Path):
            return _items(items, {}, silent)
        rows = pl.int_range(len(items), dtype=pl.UInt32, eager=True)
        texts = items.with_columns(as_ids(items["article_id"], ITEM, lambda row: f"the new items, row {row + 1}"))
        return _of_table(MemoryTable(Path("the new items"), texts.with_columns(pl.all().cast(pl.String)), rows), {})

    def picture_folders(self) -> list[Path]:
        """Return the folders that may hold photos of articles."""
        return [self.images or self.path / "images"]


def _events(table: SourceTable, notes: dict[str, int]) -> pl.DataFrame:
    days = table.frame["t_dat"].str.to_date("%Y-%m-%d", strict=False)
    failed = days.is_null().arg_true()
    if len(failed):
        value = table.frame["t_dat"][failed[0]]
        raise DataError(f"{table.where(failed[0])}: t_dat is {value!r}; expected a day such as 2020-09-22")
    events = table.frame.select(
        pl.col("customer_id").alias(USER),
        pl.col("article_id").alias(ITEM),
        days.cast(pl.Datetime("us")).dt.epoch("s").alias(TIME),
        *(pl.col(name).cast(pl.Float64, strict=False).fill_null(float("nan")) for name in _CONTEXT),
    )
    check_ids(events, USER, table.where)
    check_ids(events, ITEM, table.where)
    return _whole_ids(events, "events", notes)


def _items(path: Path, notes: dict[str, int], progress: Progress) -> pl.DataFrame:
    return _of_table(read_columns(path, ("article_id", "prod_name"), progress=progress, others=True), notes)


def _of_table(table: SourceTable, notes: dict[str, int]) -> pl.DataFrame:
    frame = table.frame.rename({old: new for old, new in _NAMES.items() if old in table.frame.columns})
    check_ids(frame, ITEM, table.where)
    return unique_items(_whole_ids(frame, "items", notes), notes)


def _whole_ids(frame: pl.DataFrame, what: str, notes: dict[str, int]) -> pl.DataFrame:
    """Restore the leading zeros of ids, which are lost if a program reads ids as numbers."""
    short = pl.col(ITEM).str.contains(rf"^\d{{1,{_DIGITS - 1}}}$")
    count = int(frame.select(short.sum())[0, 0])
    if not count:
        return frame
    notes[f"{what} with restored leading zeros of the article id"] = count
    return frame.with_columns(pl.when(short).then(pl.col(ITEM).str.zfill(_DIGITS)).otherwise(pl.col(ITEM)).alias(ITEM))
