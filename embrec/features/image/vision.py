"""The encoder of Hugging Face vision models: ViT, DeiT, DINOv2, Swin, ConvNeXT, ResNet ..."""

from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from embrec.errors import FeatureError
from embrec.features.huggingface import require_weights
from embrec.features.image.pretrained import PretrainedImageEncoder, PretrainedImageParams


class VisionParams(PretrainedImageParams):
    """Parameters of `VisionEncoder`."""

    pooling: Annotated[
        Literal["pooler", "cls", "mean"],
        Field(
            description="pooler: the model's own pooled output; cls: class token; mean: mean of patches or feature maps"
        ),
    ] = "pooler"


class VisionEncoder(PretrainedImageEncoder):
    """Image vectors of any Hugging Face vision model, by folder or by id, with the model's own image processor.

    Use it for a stronger or domain-specific image model than `efficientnet-lite0`, such as DINOv2:
    `vision:model=facebook/dinov2-small:pooling=cls`. For models of images and texts use `clip`.

    Source: [dosovitskiy2021] (ViT).

    Examples:
        >>> VisionEncoder(model="facebook/dinov2-small", pooling="cls").params.pooling
        'cls'
    """

    name = "vision"
    extra: ClassVar[str] = "text,image"
    params: VisionParams

    def __init__(self, **params: Any) -> None:
        self.params = VisionParams(**params)

    @cached_property
    def network(self) -> Any:
        """The model in evaluation mode.

        Raises:
            FeatureError: the model also reads texts, or required weights are missing.
        """
        model, missing = self._loaded
        if hasattr(model, "get_image_features"):
            raise FeatureError(
                f"{self.folder} is a model of images and texts; read its image side with the encoder 'clip'"
            )
        pooler = [key for key in missing if "pooler" in key.split(".")]
        if pooler and self.params.pooling == "pooler":
            raise FeatureError(f"{self.folder} was saved without its pooler; use pooling=cls or pooling=mean")
        require_weights(self.folder, [key for key in missing if key not in pooler])
        return model

    def forward(self, pictures: NDArray[np.float32]) -> Tensor:
        """Return the vectors, [k, dim], of pictures, float32, [k, 3, height, width].

        Raises:
            FeatureError: the model has no pooler or no class token.
        """
        output = self.network(pixel_values=torch.from_numpy(pictures).to(self.device))
        states: Tensor = output.last_hidden_state  # [k, places, d], or of a convolutional network [k, d, h, w]
        if self.params.pooling == "pooler":
            pooled: Tensor | None = getattr(output, "pooler_output", None)
            if pooled is None:
                raise FeatureError(f"{self.folder}: the model has no pooler; use pooling=cls or pooling=mean")
            return pooled.flatten(1)
        if states.ndim == 4:
            before, patches = 0, states.flatten(2).transpose(1, 2)
        else:
            before, patches = self._tokens_before(states, pictures), states
        if self.params.pooling == "mean":
            return patches[:, before:].mean(dim=1)
        if before == 0:
            raise FeatureError(f"{self.folder}: the model has no class token; use pooling=pooler or pooling=mean")
        return patches[:, 0]

    def _tokens_before(self, states: Tensor, pictures: NDArray[np.float32]) -> int:
        """Return the number of tokens (class, distillation, registers) before those of the patches."""
        patch = getattr(self.network.config, "patch_size", None)
        if patch is None:
            return 0
        height, width = (patch, patch) if isinstance(patch, int) else patch
        return max(0, states.shape[1] - (pictures.shape[2] // height) * (pictures.shape[3] // width))
