"""Reading images: decoded ahead on other threads, refused when they are broken or out of proportion."""

import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
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
Decoded = NDArray[np.float32] | str | None


def image_contents(catalog: Catalog) -> Contents:
    """Return the fingerprints of the items' image files; a missing file counts as no image, an unreadable one does not."""
    paths = [path if path is not None and _exists(path) else None for path in catalog.image_paths()]
    present = np.array([path is not None for path in paths], dtype=bool)
    return Contents(content_hashes(map(_content, paths)), present, np.zeros(len(paths), dtype=np.int64))


def _content(path: Path | None) -> bytes | str:
    """Return the bytes of a file; its path where they may not be read, which decoding will report."""
    try:
        return path.read_bytes() if path else b""
    except OSError:
        return str(path)


def _exists(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # in a folder that may not be read, for example
        return True


def decode_ahead(
    paths: Sequence[Path | None], transform: Transform, threads: int = 2, ahead: int = 64
) -> Iterator[Decoded]:
    """Yield, for each path, the transformed picture, why it could not be read, or None where there is no file.

    Args:
        paths: of the image files.
        transform: makes an array of an RGB picture; a ValueError says why it cannot.
        threads: that decode while the caller is busy with earlier pictures.
        ahead: pictures that are held decoded at most.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    pillow()
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.filterwarnings("ignore", module="PIL")  # of oddities in a file that is then read or refused
        waiting: deque[Future[Decoded]] = deque()
        for path in paths:
            waiting.append(pool.submit(_decode, path, transform))
            if len(waiting) == ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _decode(path: Path | None, transform: Transform) -> Decoded:
    if path is None or not _exists(path):
        return None
    try:
        with pillow().open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                return f"{path}: {image.width} x {image.height} pixels are too many"
            return transform(image.convert("RGB"))
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        return f"{path}: {(isinstance(error, OSError) and error.strerror) or error}"


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
