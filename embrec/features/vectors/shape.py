"""What an array must be to hold vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embrec.errors import FeatureError


def require_vectors(path: Path, what: str, shape: Sequence[int], dtype: np.dtype | None) -> None:
    """Raise unless an array holds at least one vector of at least one number.

    Args:
        path: of the file.
        what: the array is called in messages.
        shape: of the array.
        dtype: of its numbers, None if that is known to be right.

    Raises:
        FeatureError: says what it is instead.
    """
    if len(shape) != 2:
        raise FeatureError(f"{path}: {what} has shape {tuple(shape)}; expected [items, numbers a vector]")
    if not all(shape):
        raise FeatureError(f"{path}: {what} is empty, it has shape {tuple(shape)}; expected [items, numbers a vector]")
    if dtype is not None and dtype.kind not in "fiu":
        raise FeatureError(f"{path}: {what} holds {dtype}, not numbers; write it as float32")
