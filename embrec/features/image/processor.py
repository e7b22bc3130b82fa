"""The image processor of a Hugging Face model, as a transform that worker processes can make for themselves.

Imports little, because a worker imports it before it knows whether it will need transformers (see `worker`).
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.features.huggingface import load_processor


@dataclass(frozen=True)
class Processor:
    """Resizes, crops and normalises a picture as the model's `preprocessor_config.json` says.

    Attributes:
        folder: of the model.
    """

    folder: str

    def __call__(self, image: Any) -> NDArray[np.float32]:
        """Return the pixels of an RGB picture, [3, height, width]."""
        pixels = processor_of(self.folder)(images=image, return_tensors="np")["pixel_values"]
        return np.ascontiguousarray(pixels[0], dtype=np.float32)


@lru_cache(maxsize=8)
def processor_of(folder: str) -> Any:
    """Return the image processor of a model, loaded once a process; see `load_processor`."""
    return load_processor(Path(folder))
