"""Check that an array has the shape and type of vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from embrec.errors import FeatureError


def require_vectors(path: Path, what: str, shape: Sequence[int], dtype: np.dtype | None) -> None:
    """Raise unless an array holds at least one vector of at least one number.

    Args:
        path: path of the file, for messages.
        what: name of the array, for messages.
        shape: shape of the array.
        dtype: type of its numbers; None if it need not be checked.

    Raises:
        FeatureError: the array has another shape or type, or is empty.
    """
    if len(shape) != 2:
        raise FeatureError(f"{path}: {what} has shape {tuple(shape)}; expected [items, numbers per vector]")
    if not all(shape):
        raise FeatureError(
            f"{path}: {what} is empty, it has shape {tuple(shape)}; expected [items, numbers per vector]"
        )
    if dtype is not None and dtype.kind not in "fiu":
        raise FeatureError(f"{path}: {what} holds {dtype}, not numbers; write it as float32")
