"""Reading one picture: refused when it is broken or enormous, else upright RGB, then turned into an array.

Imports little, because every worker process imports it (see `worker`).
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embrec.errors import MissingExtraError

# A picture of an article has a few million pixels; beyond this it is a mistake or an attack. At the limit a decoder needs
# 0.3 to 0.6 GB.
MAX_PIXELS = 64_000_000

# What cameras and shops write. Pillow knows more, some of which start other programs (EPS runs Ghostscript).
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")

_ORIENTATION = 0x0112

Decoded = NDArray[Any] | str | None


class ImageTransform(Protocol):
    """Makes the array that a model reads of an RGB picture; a ValueError says why it cannot."""

    def __call__(self, image: Any) -> NDArray[Any]:
        """Return the array of a picture."""


def decode(path: Path | None, transform: ImageTransform) -> Decoded:
    """Return the transformed picture, why it could not be read, or None where there is no file.

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
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        reason = (isinstance(error, OSError) and error.strerror) or str(error).strip().partition("\n")[0]
        return f"{path}: {reason or type(error).__name__}"


def upright_rgb(image: Any) -> Any:
    """Return a picture as a viewer shows it, in RGB: turned as its EXIF says, over white where it is transparent.

    Of an animation the first frame is taken; 16 bits a channel are scaled to 8, where Pillow's own conversion would cut
    everything above 255 to white.
    """
    if image.getexif().get(_ORIENTATION, 1) != 1:
        from PIL import ImageOps

        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # I;16 and I: 16 bits, or 32 of which files use 16
        values = np.asarray(image).astype(np.int64)
        image = pillow().fromarray((values.clip(0, 65535) >> 8).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image if image.mode == "RGBA" else image.convert("RGBA")
        ground = pillow().new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    return image if image.mode == "RGB" else image.convert("RGB")


def exists(path: Path) -> bool:
    """Return whether there is a file; True for one that cannot be looked at, which decoding will report."""
    try:
        return path.is_file()
    except OSError:  # in a folder that may not be read, for example
        return True


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
