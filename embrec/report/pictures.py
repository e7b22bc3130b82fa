"""Small pictures of items, for pages and figures."""

from pathlib import Path
from typing import TYPE_CHECKING

from embrec.errors import MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image


def require_pillow() -> None:
    """Raise unless pictures can be read.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        raise MissingExtraError("pillow", "report", "a report with pictures of items") from None


def small_picture(path: Path, edge: int) -> "Image | None":
    """Return a picture, upright and on white, whose longer edge has at most so many pixels; None where it cannot be read.

    A picture that is missing or broken is no reason to withhold a report: the item is shown by its title.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path) as file:
            file.draft("RGB", (edge * 2, edge * 2))  # JPEG: decode at a fraction of the size
            image = _on_white(ImageOps.exif_transpose(file))
            image.thumbnail((edge, edge), Image.Resampling.LANCZOS)
    except (OSError, UnidentifiedImageError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
    return image


def _on_white(image: "Image") -> "Image":
    """Put a picture with transparent parts on white, as shops show it."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")
