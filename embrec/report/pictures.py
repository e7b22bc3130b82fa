"""Small pictures of items for the HTML report and for figures."""

from pathlib import Path
from typing import TYPE_CHECKING

from embrec.errors import MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image


def require_pillow() -> None:
    """Check that pictures can be read.

    Raises:
        MissingExtraError: Pillow is not installed.
    """
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        raise MissingExtraError("pillow", "report", "a report with pictures of items") from None


def small_picture(path: Path, edge: int) -> "Image | None":
    """Return a small picture, upright and on a white background; None if the file is missing or broken.

    A report is still made without the picture: the item is then shown by its title.

    Args:
        path: image file.
        edge: largest length of the longer edge, in pixels.
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
    """Return the picture without transparency, on a white background as in most shops."""
    from PIL import Image

    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")
