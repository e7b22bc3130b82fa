"""Reading images: decoded ahead on other threads, refused when they are broken or out of proportion."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.data.catalog import Catalog, content_hashes
from embrec.errors import MissingExtraError
from embrec.features.encoder import Contents

# A picture of an article has a few million pixels; beyond this it is a mistake or an attack.
MAX_PIXELS = 100_000_000

Transform = Callable[[Any], NDArray[np.float32]]


def image_contents(catalog: Catalog) -> Contents:
    """Return the fingerprints of the items' image files; a missing file counts as no image."""
    paths = catalog.image_paths()
    present = np.array([path is not None and path.is_file() for path in paths], dtype=bool)
    data = (path.read_bytes() if there and path else b"" for path, there in zip(paths, present, strict=True))
    return Contents(content_hashes(data), present, np.zeros(len(paths), dtype=np.int64))


def decode_ahead(
    paths: Sequence[Path | None], transform: Transform, threads: int = 2
) -> Iterator[NDArray[np.float32] | str | None]:
    """Yield, for each path, the transformed picture, why it could not be read, or None where there is no path."""
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(lambda path: _decode(path, transform), paths)


def _decode(path: Path | None, transform: Transform) -> NDArray[np.float32] | str | None:
    if path is None or not path.is_file():
        return None
    image_module = pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with image_module.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    return f"{path}: {image.width} x {image.height} pixels are too many"
                return transform(image.convert("RGB"))
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        return f"{path}: {error}"


def pillow() -> Any:
    """Return `PIL.Image`.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("pillow", "image", "reading images") from None
    return Image
