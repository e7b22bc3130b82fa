"""The text of an item as encoders read it: its columns joined, markup removed, cut to a number of words."""

import html
import re
from collections.abc import Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from embrec.data.catalog import Catalog, content_hashes
from embrec.features.encoder import Contents, EncoderParams

_TAG = re.compile(r"<[^<>]{1,200}>")


class TextParams(EncoderParams):
    """What every text encoder can be told."""

    columns: Annotated[
        tuple[str, ...] | None, Field(description="columns of the catalog, in reading order; its text columns if None")
    ] = None
    max_words: Annotated[int, Field(ge=1, description="words read of each text, as published (spec 1.7)")] = 250


def item_texts(catalog: Catalog, params: TextParams) -> list[str]:
    """Return the text of each item, [n]."""
    return [clean(text, params.max_words) for text in catalog.texts(params.columns)]


def clean(text: str, max_words: int | None = None) -> str:
    """Resolve HTML entities, drop tags, and keep the first words, or all.

    >>> clean("Salt &amp; <b>pepper</b>   mill", max_words=3)
    'Salt & pepper'
    """
    if "&" in text:
        text = html.unescape(text)
    if "<" in text:
        text = _TAG.sub(" ", text)
    return " ".join(text.split()[:max_words])


def text_contents(texts: Sequence[str]) -> Contents:
    """Return the fingerprints and lengths (in characters) of texts."""
    sizes = np.array([len(text) for text in texts], dtype=np.int64)
    return Contents(content_hashes(texts), sizes > 0, sizes)
