"""From an RGB picture to the pixels of a network: scaled by the short side, cropped in the middle.

They stay bytes, [height, width, 3]: a quarter of what travels between processes, and in memory the very order that
convolutions on a CPU like best. Networks normalise them in batches.

Imports little, because every worker process imports it (see `worker`).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.features.image.decode import pillow

# A picture a hundred times as long as wide is 6.6 million pixels when scaled; nothing of use is in its middle.
_MAX_ASPECT = 100


@dataclass(frozen=True)
class ScaleAndCrop:
    """Scale the short side, then cut a square from the middle.

    TensorFlow's programs and torchvision's round differently where a side or a margin is not whole, which moves the
    picture by a pixel.

    Attributes:
        short_side: after scaling, in pixels.
        crop: width and height of what is kept, at most `short_side`.
        interpolation: "nearest", "bilinear" or "bicubic".
        like_torchvision: round as torchvision does.
    """

    short_side: int
    crop: int
    interpolation: str = "bilinear"
    like_torchvision: bool = True

    def __call__(self, image: Any) -> NDArray[np.uint8]:
        """Return the pixels of an RGB picture, [crop, crop, 3].

        Raises:
            ValueError: the picture is so long and thin that scaling its short side would make it enormous.
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
