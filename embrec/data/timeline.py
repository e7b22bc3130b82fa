"""The meaning of the times of a log: dates, an order of the source, or positions in histories."""

from enum import StrEnum

import numpy as np

from embrec.data.readers.table import ROW_ORDER
from embrec.data.store import Dataset
from embrec.data.times import has_relative_times

# 3 March 1973 in seconds since 1970: no log of interactions is older, so smaller numbers are not dates.
_FIRST_DATE = 100_000_000
_LAST_DATE = 253_402_300_799  # the end of the year 9999 in seconds


class Timeline(StrEnum):
    """Meaning of a greater time, for two events of different users."""

    DATES = "dates"
    """The event happened later."""
    ORDER = "order"
    """The event comes later in an order of the source, which may or may not run across users."""
    PLACES = "places"
    """Nothing: the times look like positions in histories, since most users start at the same one."""


def timeline(dataset: Dataset) -> Timeline:
    """Return the meaning of the times of a data set, judged by the arguments of the import and the numbers."""
    if has_relative_times(dataset.interactions):
        return Timeline.PLACES
    source = dataset.meta.get("import", {}).get("arguments", {})
    if source.get("time_column") == ROW_ORDER or not _FIRST_DATE <= dataset.interactions.time.max() <= _LAST_DATE:
        return Timeline.ORDER
    return Timeline.DATES


def day(time: int) -> str:
    """Return the day of a time in seconds since 1970, such as 2024-05-31.

    >>> day(978300019)
    '2000-12-31'
    """
    return str(np.datetime64(time, "s").astype("datetime64[D]"))
