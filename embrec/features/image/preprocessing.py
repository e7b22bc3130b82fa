"""Image preprocessing: transforms that turn an RGB picture into the array a network reads.

Worker processes import this module (see `worker`), so it imports little; transformers is imported only when used.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.features.huggingface import load_processor
from embrec.features.image.decode import pillow

# A picture a hundred times as long as wide has 6.6 million pixels once scaled, and nothing useful in its middle.
_MAX_ASPECT = 100


@dataclass(frozen=True)
class ScaleAndCrop:
    """Resize by the short side, then centre-crop a square.

    The pixels stay uint8, [height, width, 3]: a quarter of the bytes between processes, and in memory already in the
    channels-last order that convolutions on a CPU prefer. Networks normalise them in batches.

    TensorFlow and torchvision round differently where a side or a margin is not a whole number, which moves the picture by
    one pixel; `like_torchvision` chooses.

    Attributes:
        short_side: length of the short side after resizing, in pixels.
        crop: width and height of the crop, at most `short_side`.
        interpolation: "nearest", "bilinear" or "bicubic".
        like_torchvision: True to round as torchvision does, False to round as TensorFlow does.

    Examples:
        >>> from PIL import Image
        >>> ScaleAndCrop(short_side=256, crop=224)(Image.new("RGB", (640, 480))).shape
        (224, 224, 3)
    """

    short_side: int
    crop: int
    interpolation: str = "bilinear"
    like_torchvision: bool = True

    def __call__(self, image: Any) -> NDArray[np.uint8]:
        """Return the pixels of an RGB picture, uint8, [crop, crop, 3].

        Raises:
            ValueError: the picture is so long and thin that it would become enormous.
        """
        short = min(image.size)
        if max(image.size) > _MAX_ASPECT * short:
            raise ValueError(f"{image.width} x {image.height} pixels are out of proportion")
        if self.like_torchvision:
            width, height = (self.short_side * side // short for side in image.size)
            left, top = (round((side - self.crop) / 2) for side in (width, height))
        else:
            scale = self.short_side / short
            width, height = (round(side * scale) for side in image.size)
            left, top = (width - self.crop) // 2, (height - self.crop) // 2
        image = image.resize((width, height), pillow().Resampling[self.interpolation.upper()])
        return np.asarray(image.crop((left, top, left + self.crop, top + self.crop)))


@dataclass(frozen=True)
class ImageProcessor:
    """The image processor of a Hugging Face model: resizes, crops and normalises as its `preprocessor_config.json` says.

    Attributes:
        folder: local folder of the model.
    """

    folder: str

    def __call__(self, image: Any) -> NDArray[np.float32]:
        """Return the pixels of an RGB picture, [3, height, width]."""
        pixels = load_image_processor(self.folder)(images=image, return_tensors="np")["pixel_values"]
        return np.ascontiguousarray(pixels[0], dtype=np.float32)


@lru_cache(maxsize=8)
def load_image_processor(folder: str) -> Any:
    """Return the image processor of a model, loaded once per process; see `load_processor`."""
    return load_processor(Path(folder))
