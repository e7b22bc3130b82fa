"""Reader of MovieLens in its four layouts: 100K, 1M, 10M, and the comma-separated one of "latest" and 20M onwards.

Source: [harper2015], https://grouplens.org/datasets/movielens/.

The data have no posters; a folder of files <movie id>.jpg can be added.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import ConfigDict, Field

from embrec.data.readers.guide import Guide
from embrec.data.readers.images import images_in_folder
from embrec.data.readers.lines import Block, decode, read_all, read_blocks
from embrec.data.readers.published import first_line, require_folder
from embrec.data.readers.raw import ITEM, TIME, USER, RawData, bad_id, id_problem, require_events, unique_items
from embrec.data.readers.records import number
from embrec.errors import DataError
from embrec.names import there_are
from embrec.progress import Progress, silent
from embrec.validation import Checked

RATING = "rating"
TITLE, GENRES = "title", "genres"
_EVENT_SCHEMA = {USER: pl.String, ITEM: pl.String, RATING: pl.Float64, TIME: pl.Int64}
_ITEM_SCHEMA = {ITEM: pl.String, TITLE: pl.String, GENRES: pl.String}
_NO_GENRES = ("(no genres listed)", "unknown", "")


@dataclass(frozen=True)
class _Layout:
    """Names of the two files, and the separator of their fields."""

    ratings: str
    movies: str
    separator: str
    header: bool = False


_COMMA = _Layout("ratings.csv", "movies.csv", ",", header=True)
_COLONS = _Layout("ratings.dat", "movies.dat", "::")
_100K = _Layout("u.data", "u.item", "\t")
_LAYOUTS = (_COMMA, _COLONS, _100K)


class MovieLensSource(Checked):
    """An unpacked folder of MovieLens; its files determine the layout."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kinds: ClassVar[tuple[str, ...]] = ("movielens",)
    guides: ClassVar[dict[str, Guide]] = {
        "movielens": Guide(
            "MovieLens: ratings of films, with titles and genres",
            "ratings.csv and movies.csv (latest, 20M and later), ratings.dat and movies.dat (1M, 10M), or u.data (100K)",
            {"source": "movielens", "path": "ml-1m", "category": "ml-1m"},
            "https://grouplens.org/datasets/movielens/",
            "research, not for sale; see the README of each",
        )
    }
    source: Literal["movielens"] = "movielens"
    path: Annotated[Path, Field(description="the unpacked folder")]
    images: Annotated[Path | None, Field(description="folder of posters named <movie id>.jpg")] = None

    @classmethod
    def recognises(cls, path: Path) -> bool:
        """Return True if a folder has the files of this source."""
        return path.is_dir() and any((path / layout.ratings).is_file() for layout in _LAYOUTS)

    def files(self) -> list[Path]:
        """Return the input files; see `Source`."""
        layout = self._layout()
        names = [layout.ratings, layout.movies, *(["u.genre"] if layout is _100K else [])]
        return [self.path / name for name in names]

    def read(self, progress: Progress = silent) -> RawData:
        """Read the ratings and the movies; see `Source`."""
        layout = self._layout()
        notes: dict[str, int] = {}
        remarks: list[str] = []
        events = read_ratings(self.path / layout.ratings, layout, progress)
        if layout is _COMMA:
            items = _movies_csv(self.path / layout.movies)
        else:
            items = _movies(self.path / layout.movies, layout, self.path / "u.genre")
        items = unique_items(items, notes)
        if self.images is not None:
            items = images_in_folder(items, self.images, notes, remarks)
        return RawData(events, items, (TITLE, GENRES), context=(RATING,), notes=notes, remarks=remarks)

    def read_catalog(self, items: Path | pl.DataFrame) -> pl.DataFrame | None:
        """Return movies of a file such as `movies.dat` or `u.item` as `read` does; None for a file of another form."""
        if isinstance(items, pl.DataFrame):
            return None
        line = first_line(items)
        if line.count("::") == 2:
            return unique_items(_movies(items, _COLONS), {})
        if line.count("|") > 5 and (self.path / "u.genre").is_file():
            return unique_items(_movies(items, _100K, self.path / "u.genre"), {})
        return None

    def picture_folders(self) -> list[Path]:
        """Return the folders that may hold posters."""
        return [] if self.images is None else [self.images]

    @property
    def item_key(self) -> str:
        """The column of a movie's id in `movies.csv`."""
        return "movieId"

    def is_raw(self, movies: pl.DataFrame) -> bool:
        """Return True if a table lists genres as the files do, not as a catalog does."""
        return GENRES in movies.columns and movies[GENRES].cast(pl.String).str.contains("|", literal=True).any()

    def catalog_frame(self, movies: pl.DataFrame) -> pl.DataFrame:
        """Return a table of movies, with the column `item`, converted to a catalog as in `read`."""
        there = [name for name in (TITLE, GENRES) if name in movies.columns]
        return _tidied(movies.select(ITEM, *there)) if len(there) == 2 else movies.select(ITEM, *there)

    def _layout(self) -> _Layout:
        require_folder(self.path, "MovieLens")
        for layout in _LAYOUTS:
            if (self.path / layout.ratings).is_file():
                missing = [name for name in (layout.movies,) if not (self.path / name).is_file()]
                if layout is _100K and not (self.path / "u.genre").is_file():
                    missing.append("u.genre")
                if missing:
                    raise DataError(f"{self.path} has {layout.ratings} but no {missing[0]}; unpack the whole archive")
                return layout
        expected = ", ".join(layout.ratings for layout in _LAYOUTS)
        raise DataError(f"{self.path} is not a MovieLens folder: it has none of {expected}")


def read_ratings(path: Path, layout: _Layout, progress: Progress = silent) -> pl.DataFrame:
    """Return user, item, rating and time in seconds of every rating, in file order.

    Raises:
        DataError: a line has too few fields, an empty id or an invalid number.
    """
    parts = []
    for block in read_blocks(path, progress):
        if layout.header and block.first_line == 1:
            header, _, rest = block.data.partition(b"\n")
            names = header.decode("utf-8-sig", errors="replace").strip().split(",")
            if [name.strip('"') for name in names[:4]] != ["userId", "movieId", "rating", "timestamp"]:
                raise block.error(1, f"expected the columns userId,movieId,rating,timestamp, not {','.join(names)}")
            block = Block(path, 2, rest)
        if block.data.strip():
            parts.append(_ratings_of(block, layout.separator))
    if not parts:
        raise DataError(f"{path}: the interaction log is empty")
    return require_events(pl.concat(parts), path)


def _ratings_of(block: Block, separator: str) -> pl.DataFrame:
    data = block.data if len(separator) == 1 else block.data.replace(separator.encode(), b"\t")
    try:
        frame = pl.read_csv(
            io.BytesIO(data),
            separator=separator if len(separator) == 1 else "\t",
            has_header=False,
            schema=_EVENT_SCHEMA,
            quote_char=None,
        )
        broken = frame.select((bad_id(USER) | bad_id(ITEM) | pl.any_horizontal(pl.all().is_null())).any())[0, 0]
    except pl.exceptions.PolarsError:
        broken = True
    if broken:
        frame = _ratings_line_by_line(block, separator)
    return frame.select(USER, ITEM, TIME, RATING)


def _ratings_line_by_line(block: Block, separator: str) -> pl.DataFrame:
    rows = []
    for line, raw in block.lines():
        fields = raw.decode("utf-8", errors="replace").strip().split(separator)
        if len(fields) != 4:
            raise block.error(
                line, f"{len(fields)} fields; expected user{separator!r}item{separator!r}rating{separator!r}time"
            )
        for kind, value in zip((USER, ITEM), fields[:2], strict=True):
            problem = id_problem(kind, value)
            if problem:
                raise block.error(line, problem)
        rating, time = number(fields[2]), number(fields[3])
        for name, value, found in (("rating", fields[2], rating), ("timestamp", fields[3], time)):
            if found is None:
                raise block.error(line, f"the {name} is {value!r}; expected a number")
        rows.append((*fields[:2], rating, int(time or 0)))
    return pl.DataFrame(rows, schema=_EVENT_SCHEMA, orient="row")


def _movies_csv(path: Path) -> pl.DataFrame:
    try:
        frame = pl.read_csv(io.BytesIO(read_all(path)), infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{path}: not readable as a table ({str(error).splitlines()[0]})") from None
    missing = [name for name in ("movieId", "title", "genres") if name not in frame.columns]
    if missing:
        raise DataError(f"{path} has no column {missing[0]!r}{there_are(missing[0], frame.columns)}")
    return _tidy(path, frame.select(pl.col("movieId").alias(ITEM), TITLE, GENRES), first_line=2)


def _movies(path: Path, layout: _Layout, genre_names: Path | None = None) -> pl.DataFrame:
    separator = "|" if layout is _100K else layout.separator
    genres = _genre_names(genre_names) if layout is _100K and genre_names is not None else []
    rows = []
    for place, line in enumerate(decode(read_all(path)).split("\n"), start=1):
        if not line.strip():
            continue
        fields = line.strip("\r").split(separator)
        expected = 5 + len(genres) if layout is _100K else 3
        if len(fields) != expected:
            raise DataError(f"{path}, line {place}: {len(fields)} fields between {separator!r}; expected {expected}")
        problem = id_problem(ITEM, fields[0])
        if problem:
            raise DataError(f"{path}, line {place}: {problem}")
        flags = [name for name, flag in zip(genres, fields[5:], strict=False) if flag.strip() == "1"]
        rows.append((fields[0], fields[1], "|".join(flags) if layout is _100K else fields[2]))
    return _tidy(path, pl.DataFrame(rows, schema=_ITEM_SCHEMA, orient="row"), first_line=1)


def _genre_names(path: Path) -> Sequence[str]:
    pairs = [line.rsplit("|", 1) for line in decode(read_all(path)).splitlines() if line.strip()]
    broken = [index for index, pair in enumerate(pairs) if len(pair) != 2 or not pair[1].strip().isdigit()]
    if broken:
        raise DataError(f"{path}, line {broken[0] + 1}: expected a genre, '|' and its number")
    return [name for name, _ in sorted(pairs, key=lambda pair: int(pair[1]))]


def _tidy(path: Path, items: pl.DataFrame, first_line: int) -> pl.DataFrame:
    bad = items.select(bad_id(ITEM).arg_true())[:, 0]
    if len(bad):
        raise DataError(f"{path}, line {first_line + bad[0]}: {id_problem(ITEM, items[ITEM][bad[0]])}")
    return _tidied(items)


def _tidied(items: pl.DataFrame) -> pl.DataFrame:
    listed = pl.col(GENRES).str.replace_all("|", ", ", literal=True)
    genres = pl.when(pl.col(GENRES).is_in(_NO_GENRES)).then(None).otherwise(listed).alias(GENRES)
    return items.with_columns(pl.col(TITLE).str.strip_chars(), genres)
