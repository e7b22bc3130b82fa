"""Descriptions of data sources for people: what each is, its files, and an example."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Guide:
    """The description of one source.

    Attributes:
        what: the data, in half a sentence.
        files: the files that are read.
        example: arguments of an import, parameter -> value or values: those of the source, `source` where its name is needed,
            and `category`.
        home: URL of the published data; empty for formats of any data.
        terms: terms of use of the published data.
    """

    what: str
    files: str
    example: Mapping[str, str | tuple[str, ...]]
    home: str = ""
    terms: str = ""
