"""Recognition of the source of an import from the given options and the content of the files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from embrec.data.readers.amazon import AmazonSource, year_of
from embrec.data.readers.complete_journey import CompleteJourneySource
from embrec.data.readers.containers import packing, split_member
from embrec.data.readers.formats import are_sequences, is_table
from embrec.data.readers.hm import HMSource
from embrec.data.readers.lines import read_blocks
from embrec.data.readers.microlens import MicroLensSource
from embrec.data.readers.mind import MindSource
from embrec.data.readers.movielens import MovieLensSource
from embrec.data.readers.otto import OttoSource
from embrec.data.readers.pixelrec import PixelRecSource
from embrec.data.readers.recbole import RecBoleSource
from embrec.data.readers.retailrocket import RetailRocketSource
from embrec.data.readers.sequences import SequencesSource
from embrec.data.readers.table import TableSource
from embrec.errors import ConfigError, DataError
from embrec.names import listed
from embrec.parameters import call, parameter

# In the order of listings: formats of any data, then published data sets.
AnySource = (
    TableSource
    | SequencesSource
    | RecBoleSource
    | AmazonSource
    | MovieLensSource
    | CompleteJourneySource
    | HMSource
    | MicroLensSource
    | MindSource
    | OttoSource
    | PixelRecSource
    | RetailRocketSource
)
SOURCES: dict[str, type[AnySource]] = {kind: source for source in get_args(AnySource) for kind in source.kinds}
_BY_PATH = (
    RecBoleSource,
    HMSource,
    MindSource,
    MicroLensSource,
    RetailRocketSource,
    OttoSource,
    PixelRecSource,
    MovieLensSource,
)
_SOME = 1 << 14
_SOURCE, _LIST = parameter("source"), call("source_guides")  # as messages name them


def recognise(options: Mapping[str, Any]) -> tuple[str, str]:
    """Return the name of the source that options imply, and the evidence for it in words.

    Args:
        options: parameter -> value; None and empty tuples count as not given.

    Raises:
        ConfigError: the options imply no source, or several.
        DataError: the files have no known layout.
    """
    given = given_options(options)
    roots = [name for name in ("interactions", "reviews", "path", "weeks") if name in given]
    if len(roots) != 1:
        what = (
            f"{' and '.join(map(parameter, roots))} belong to different sources"
            if roots
            else "what to import is not said"
        )
        raise ConfigError(
            f"{what}; give {parameter('interactions', 'FILE')}, {parameter('reviews', 'FILE')}, "
            f"{parameter('path', 'FOLDER')} or {call('CompleteJourneySource')} ({_LIST} lists them all)"
        )
    value = given[roots[0]]
    if roots[0] == "interactions":
        return "table", parameter("interactions")
    if roots[0] == "weeks":
        return "complete-journey", parameter("weeks")
    if roots[0] == "reviews":
        return year_of(Path(value)), f"the keys of the first line of {value}"
    return _of_path(Path(value))


def given_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are neither None nor an empty tuple."""
    # By identity and type, since values may be tables, whose comparison is elementwise.
    return {
        name: value for name, value in options.items() if not (value is None or (type(value) is tuple and not value))
    }


def _of_path(path: Path) -> tuple[str, str]:
    for source in _BY_PATH:
        if source.recognises(path):
            return source.kinds[0], f"the files of {path}" if path.is_dir() else f"{path}"
    if path.is_dir():
        names = listed(sorted(file.name for file in path.iterdir()))
        raise DataError(
            f"{path} has no files of a layout that is known (it has: {names}); name the source with {_SOURCE}, or give "
            f"a log of your own as {parameter('interactions')} ({_LIST} lists them all)"
        )
    if not split_member(path)[0].is_file():
        raise DataError(f"no such file or folder: {path}")
    if is_table(path.name):
        table = parameter("interactions")
        raise DataError(f"{path} looks like a table; give it as {table}, or name the source with {_SOURCE}")
    if packing(path) == "zip":
        raise DataError(f"{path} is an archive; unpack it, and give the unpacked folder as {parameter('path')}")
    first = next(read_blocks(path, block_bytes=_SOME), None)
    if first is not None and are_sequences(first.data):
        return "sequences", f"the lines of {path}"
    raise DataError(f"{path} is of no layout that is known; name the source with {_SOURCE} ({_LIST} lists them)")
