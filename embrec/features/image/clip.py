"""The CLIP image encoder: image vectors in the same space as the text vectors of the model."""

from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.errors import FeatureError
from embrec.features.huggingface import require_weights
from embrec.features.image.pretrained import PretrainedImageEncoder, PretrainedImageParams


class ClipEncoder(PretrainedImageEncoder):
    """Image vectors of CLIP and SigLIP models, in the same space as the text vectors of `clip-text`.

    These models are trained so that a picture and its caption have a high cosine similarity, which makes their vectors good
    general descriptions of pictures. The vectors are those of `get_image_features`, without normalisation; add `+l2` for unit
    length.

    Source: [radford2021] (CLIP), [zhai2023] (SigLIP).

    Examples:
        >>> ClipEncoder(model="openai/clip-vit-base-patch32").name
        'clip'
    """

    name = "clip"
    extra: ClassVar[str] = "text,image"

    def __init__(self, **params: Any) -> None:
        self.params = PretrainedImageParams(**params)

    @cached_property
    def network(self) -> Any:
        """The model in evaluation mode.

        Raises:
            FeatureError: the model does not read images and texts, or weights of its image encoder are missing.
        """
        model, missing = self._loaded
        if not hasattr(model, "get_image_features"):
            raise FeatureError(f"{self.folder} is no model of images and texts; read it with the encoder 'vision'")
        require_weights(self.folder, [key for key in missing if not key.startswith("text")])
        return model

    def forward(self, pictures: NDArray[np.float32]) -> Tensor:
        """Return the vectors, [k, dim], of pictures, float32, [k, 3, height, width]."""
        features = self.network.get_image_features(pixel_values=torch.from_numpy(pictures).to(self.device))
        vectors: Tensor = features if isinstance(features, Tensor) else features.pooler_output
        return vectors
