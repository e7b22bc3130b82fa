"""Decoding of one picture to an array; broken and enormous pictures are refused.

Every worker process imports this module (see `worker`), so it imports little.
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embrec.errors import MissingExtraError

# Product pictures have a few million pixels; anything above this is a mistake or an attack. At the limit a decoder needs 0.3
# to 0.6 GB.
MAX_PIXELS = 64_000_000

# The formats of cameras and shops. Pillow reads more, but some of them start other programs (EPS runs Ghostscript).
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")

_ORIENTATION = 0x0112

Decoded = NDArray[Any] | str | None


class ImageTransform(Protocol):
    """Preprocessing of a picture: a function from an RGB picture to the array a model reads; raises ValueError if it cannot."""

    def __call__(self, image: Any) -> NDArray[Any]:
        """Return the array of an RGB picture."""


def decode(path: Path | None, transform: ImageTransform) -> Decoded:
    """Decode and preprocess a picture.

    Args:
        path: image file; None for an item without one.
        transform: preprocessing of the RGB picture.

    Returns:
        The array, or the reason why the picture cannot be read, or None if there is no file.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    if path is None or not exists(path):
        return None
    library = pillow()
    library.init()
    try:
        with library.open(path, formats=[name for name in FORMATS if name in library.OPEN]) as image:
            if image.width * image.height > MAX_PIXELS:
                return f"{path}: {image.width} x {image.height} pixels are too many"
            return transform(upright_rgb(image))
    except Exception as error:  # Pillow's decoders raise many types on damaged files
        reason = (isinstance(error, OSError) and error.strerror) or str(error).strip().partition("\n")[0]
        return f"{path}: {reason or type(error).__name__}"


def upright_rgb(image: Any) -> Any:
    """Return a picture as a viewer shows it, in RGB: rotated as its EXIF says, on white where it is transparent.

    An animation is reduced to its first frame. Channels of 16 bits are scaled to 8; Pillow's own conversion would clip
    everything above 255 to white.
    """
    if image.getexif().get(_ORIENTATION, 1) != 1:
        from PIL import ImageOps

        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # I;16 and I: 16 bits, or 32 bits of which files use 16
        values = np.asarray(image).astype(np.int64)
        image = pillow().fromarray((values.clip(0, 65535) >> 8).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        ground = pillow().new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    return image if image.mode == "RGB" else image.convert("RGB")


def exists(path: Path) -> bool:
    """Return True if there is a file; also for one without permission, which decoding reports."""
    try:
        return path.is_file()
    except OSError:  # for example in an unreadable folder
        return True


def pillow() -> Any:
    """Import `PIL.Image`.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        raise MissingExtraError("pillow", "image", "reading images") from None
    return Image
