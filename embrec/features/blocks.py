"""Blocks of a build: the unit in which items are encoded, and the local engine.

An engine is a function that encodes blocks, in this process (`encode_here`) or in others (`embrec.features.on_ray`).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.features.encoder import Encoded, Encoder


class EncodedBlock(NamedTuple):
    """One encoded block of a build plan.

    Attributes:
        number: number of the block in the plan.
        result: vectors of its items.
        seconds: time spent on it.
    """

    number: int
    result: Encoded
    seconds: float


Engine = Callable[[Encoder, Catalog, Sequence[tuple[int, NDArray[np.int64]]]], Iterator[EncodedBlock]]


def encode_here(
    encoder: Encoder, catalog: Catalog, blocks: Sequence[tuple[int, NDArray[np.int64]]]
) -> Iterator[EncodedBlock]:
    """Encode blocks one after the other in this process: the local engine.

    Args:
        encoder: encoder, already fitted.
        catalog: all items.
        blocks: (number, rows of the catalog) of each block.
    """
    for number, rows in blocks:
        began = time.monotonic()
        result = encoder.encode(catalog.select(rows))
        yield EncodedBlock(number, result, time.monotonic() - began)
