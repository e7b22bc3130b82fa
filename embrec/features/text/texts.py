"""The texts of items as encoders read them: columns joined by a template, without markup, cut to a number of words."""

import re
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import polars as pl
from pydantic import Field, field_validator

from embrec.data.catalog import IMAGE, ITEM, Catalog, content_hashes
from embrec.data.readers.text import words
from embrec.errors import ConfigError
from embrec.features.encoder import Contents, EncoderParams
from embrec.names import there_are

_FIELD = re.compile(r"\{([^{}]+)\}")


class TextParams(EncoderParams):
    """Parameters that all text encoders share.

    Examples:
        >>> TextParams(template="{title}, made by {brand}").max_words
        250
    """

    template: Annotated[
        str | None,
        Field(
            description="columns of the catalog, such as 'title description', or a sentence around them, such as "
            "'{title}, made by {brand}'; the catalog's text columns if None"
        ),
    ] = None
    max_words: Annotated[int, Field(ge=1, description="number of words read from each text")] = 250

    @field_validator("template")
    @classmethod
    def _names_a_column(cls, template: str | None) -> str | None:
        if template is not None and not template_columns(template):
            raise ValueError(f"the template {template!r} names no column; write for example 'title' or '{{title}}'")
        return template


def template_columns(template: str) -> list[str]:
    """Return the columns that a template reads: those in braces, or all its words if there are no braces.

    Examples:
        >>> template_columns("title brand"), template_columns("{title}, made by {brand}")
        (['title', 'brand'], ['title', 'brand'])
    """
    return _FIELD.findall(template) if "{" in template else template.split()


def item_texts(catalog: Catalog, params: TextParams) -> list[str]:
    """Return the text of each item, empty where all of its columns are empty.

    Args:
        catalog: items, n of them.
        params: template and maximum number of words.

    Returns:
        n texts.

    Raises:
        ConfigError: the template names a column that the catalog does not have.
    """
    return [clean(text, params.max_words) for text in _filled(catalog, params.template)]


def _filled(catalog: Catalog, template: str | None) -> list[str]:
    if template is None:
        return catalog.texts()
    columns = template_columns(template)
    known = [name for name in catalog.frame.columns if name not in (ITEM, IMAGE)]
    unknown = [name for name in columns if name not in known]
    if unknown:
        raise ConfigError(
            f"the text template {template!r} names a column {unknown[0]!r} that the catalog does not have"
            f"{there_are(unknown[0], known)}"
        )
    if "{" not in template:
        return catalog.texts(columns)
    values = [pl.col(name).cast(pl.String).str.strip_chars().fill_null("") for name in columns]
    literals = _FIELD.split(template)[::2]
    pieces = [pl.lit(literals[0])]
    for value, literal in zip(values, literals[1:], strict=True):
        pieces += [value, pl.lit(literal)]
    anything = pl.any_horizontal(value != "" for value in values)
    text = pl.when(anything).then(pl.concat_str(pieces)).otherwise(pl.lit(""))
    return catalog.frame.select(text)[:, 0].to_list()


def clean(text: str, max_words: int | None = None) -> str:
    """Return a text without markup and repeated blanks, cut to its first words.

    Args:
        text: raw text, possibly with HTML tags and entities.
        max_words: maximum number of words; all if None.

    Examples:
        >>> clean("Salt &amp; <b>pepper</b>   mill", max_words=3)
        'Salt & pepper'
    """
    return " ".join(words(text)[:max_words])


def text_contents(texts: Sequence[str]) -> Contents:
    """Return the hashes and lengths (in characters) of texts."""
    sizes = np.array([len(text) for text in texts], dtype=np.int64)
    return Contents(content_hashes(texts), sizes > 0, sizes)
