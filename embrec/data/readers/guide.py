"""What a source is, for people: what `embrec data sources` prints."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Guide:
    """One source in words.

    Attributes:
        what: the data, in half a sentence.
        files: the files that it reads.
        example: a command that imports it, without `embrec data import`.
        home: where the data are published; empty for a form that anybody's data can have.
        terms: under which terms, where they are published.
    """

    what: str
    files: str
    example: str
    home: str = ""
    terms: str = ""
