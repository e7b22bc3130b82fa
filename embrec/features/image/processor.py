"""The image processor of a Hugging Face model, as a transform that worker processes can make for themselves.

Imports little, because a worker imports it before it knows whether it will need transformers (see `worker`).
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.errors import FeatureError, MissingExtraError
from embrec.features.huggingface import transformers

PURPOSE = "a Hugging Face image encoder"


@dataclass(frozen=True)
class Processor:
    """Resizes, crops and normalises a picture as the model's `preprocessor_config.json` says.

    Attributes:
        folder: of the model.
    """

    folder: str

    def __call__(self, image: Any) -> NDArray[np.float32]:
        """Return the pixels of an RGB picture, [3, height, width]."""
        pixels = load_processor(self.folder)(images=image, return_tensors="np")["pixel_values"]
        return np.ascontiguousarray(pixels[0], dtype=np.float32)


@lru_cache(maxsize=8)
def load_processor(folder: str) -> Any:
    """Return the image processor of a model, in its Pillow form: torchvision's gives other pixels, and may not be there.

    Raises:
        FeatureError: the folder has none, or it needs more than Pillow.
        MissingExtraError: transformers is not installed.
    """
    plain = {"backend": "pil"} if int(version("transformers").partition(".")[0]) >= 5 else {"use_fast": False}
    try:
        return transformers(PURPOSE).AutoImageProcessor.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, **plain
        )
    except MissingExtraError:
        raise
    except Exception as error:  # transformers raises many kinds
        raise cannot_load(folder, "image processor", error) from None


def cannot_load(folder: str, what: str, error: Exception) -> FeatureError:
    """Return the error that says in one line that a part of a model cannot be loaded."""
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return FeatureError(
        f"{folder}: the {what} cannot be loaded ({reason}); is the folder whole, and a model of images?"
    )
