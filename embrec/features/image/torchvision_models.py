"""The encoder of torchvision's classification models: AlexNet, VGG, ResNet, ViT ...

torchvision is imported only in this module. With a torch that it was not built for, its compiled operators do not load and
its import fails. None of them is needed for classification, so their names are declared and the import is retried.
"""

import re
import sys
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from embrec.errors import ConfigError, FeatureError, MissingExtraError
from embrec.features.image.decode import ImageTransform
from embrec.features.image.encoder import ImageEncoder, ImageParams
from embrec.features.image.preprocessing import ScaleAndCrop
from embrec.names import there_are

# The usual names of fully connected layers (after their ReLU) in the two families that have several.
_NAMED_LAYERS = {
    "alexnet": {"fc6": "classifier.2", "fc7": "classifier.5"},
    "vgg": {"fc6": "classifier.1", "fc7": "classifier.4"},
}

# Arguments that the published weights expect: these two models normalise their input only on request.
_BUILT_WITH: dict[str, dict[str, bool]] = {
    "googlenet": {"transform_input": True, "init_weights": False},
    "inception_v3": {"transform_input": True, "init_weights": False},
}

# The published weights of DenseNet have names that are not valid for modules.
_OLD_NAME = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.((?:[12])\.(?:weight|bias|running_mean|running_var))$")

_declared: list[Any] = []


class TorchvisionParams(ImageParams):
    """Parameters of `TorchvisionEncoder`."""

    model: Annotated[str, Field(description="name of a torchvision classification model, such as resnet50")] = "alexnet"
    layer: Annotated[
        str | None,
        Field(
            description="layer that is read, as torchvision names it, or fc6 or fc7; the input of the last linear layer if None"
        ),
    ] = None
    weights: Annotated[
        str,
        Field(
            description="a file of the model's state (.pth or .safetensors), or default to download the best published weights"
        ),
    ] = "default"


class TorchvisionEncoder(ImageEncoder):
    """Any layer of any torchvision classification model, such as fc7 of AlexNet (4096-d).

    Feature maps and tokens are averaged over positions. Use it to repeat the image vectors of [semikin2019]
    (`torchvision:model=alexnet:layer=fc7`) or to read a particular layer of a CNN. It needs the extra `vision` and downloads
    the published weights, unless `weights` names a file.

    Source: [krizhevsky2012] (AlexNet), [he2016resnet] (ResNet).

    Examples:
        >>> TorchvisionEncoder(model="alexnet", layer="fc7", weights="alexnet.pth").params.layer
        'fc7'
    """

    name = "torchvision"
    extra: ClassVar[str] = "vision"
    libraries = ("torch", "pillow", "torchvision")
    params: TorchvisionParams

    def __init__(self, **params: Any) -> None:
        self.params = TorchvisionParams(**params)

    @cached_property
    def _published(self) -> Any:
        """torchvision's description of the model's default weights: their URL and their preprocessing.

        Raises:
            ConfigError: torchvision has no such classification model.
            FeatureError: torchvision cannot be imported.
            MissingExtraError: torchvision is not installed.
        """
        models = import_models()
        names = models.list_models(module=models)
        if self.params.model not in names:
            raise ConfigError(
                f"encoder 'torchvision': no classification model {self.params.model!r}{there_are(self.params.model, names)}"
            )
        return models.get_model_weights(self.params.model).DEFAULT

    @cached_property
    def _preset(self) -> Any:
        return self._published.transforms()

    @property
    def transform(self) -> ImageTransform:
        """The resizing and cropping of the published weights; normalisation follows in batches."""
        preset = self._preset
        return ScaleAndCrop(preset.resize_size[0], preset.crop_size[0], preset.interpolation.value)

    @cached_property
    def _file(self) -> Path:
        if self.params.weights != "default":
            return Path(self.params.weights).expanduser()
        url: str = self._published.url
        file = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
        if not file.is_file():
            digest = torch.hub.HASH_REGEX.search(file.name)
            try:
                file.parent.mkdir(parents=True, exist_ok=True)
                torch.hub.download_url_to_file(url, str(file), digest[1] if digest else None, progress=False)
            except (OSError, RuntimeError) as error:
                raise FeatureError(
                    f"the weights of {self.params.model!r} cannot be downloaded from {url} ({_reason(error)}); "
                    "name a local file: weights=/path/to/file.pth"
                ) from None
        return file

    def weight_files(self) -> list[Path]:
        """Return the weights file, downloaded if necessary.

        Raises:
            FeatureError: the file cannot be downloaded.
        """
        return [self._file]

    @cached_property
    def network(self) -> Any:
        """The model up to the layer that is read.

        Raises:
            ConfigError: the model has no such layer.
            FeatureError: the weights cannot be loaded.
        """
        name = self.params.model
        self._published  # noqa: B018 (raises for an unknown name)
        model = import_models().get_model(name, weights=None, **_BUILT_WITH.get(name, {}))
        try:
            model.load_state_dict({_OLD_NAME.sub(r"\1\2", key): value for key, value in _read(self._file).items()})
        except Exception as error:  # torch and safetensors raise many types for a damaged file
            raise FeatureError(
                f"{self._file}: the weights of {name!r} cannot be loaded ({_reason(error)}); "
                f"weights must be the state of a torchvision {name}, as .pth or .safetensors"
            ) from None
        part = _up_to_layer(model.eval(), name, self.params.layer)
        return part.to(device=self.device, memory_format=torch.channels_last)

    def forward(self, pictures: NDArray[np.uint8]) -> Tensor:
        """Return the vectors, [k, dim], of pictures, uint8, [k, height, width, 3], averaged over positions."""
        pixels = torch.from_numpy(pictures).to(self.device).permute(0, 3, 1, 2).float().div_(255)  # [k, 3, h, w]
        mean, std = (
            torch.tensor(value, device=self.device)[:, None, None] for value in (self._preset.mean, self._preset.std)
        )
        values: Tensor = self.network(pixels.sub_(mean).div_(std))["vector"]
        if values.ndim == 4:  # [k, d, h, w]
            return values.mean(dim=(2, 3))
        return values.mean(dim=1) if values.ndim == 3 else values.flatten(1)  # [k, positions, d]


def _read(file: Path) -> dict[str, Tensor]:
    if file.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(file)
    state: dict[str, Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return state


def _up_to_layer(model: nn.Module, model_name: str, layer: str | None) -> Any:
    """Cut a model off after one of its layers; the result returns `{"vector": ...}`.

    Raises:
        ConfigError: the model has no such layer.
    """
    extraction = import_module("torchvision.models.feature_extraction")
    tracer = extraction.NodePathTracer()
    graph = tracer.trace(model)
    names = [tracer.node_to_qualname[node] for node in graph.nodes if node in tracer.node_to_qualname]
    if layer is None:
        linear = [
            node
            for node in graph.nodes
            if node.op == "call_module" and isinstance(model.get_submodule(node.target), nn.Linear)
        ]
        layer = tracer.node_to_qualname[linear[-1].args[0]] if linear else None
    else:
        layer = _NAMED_LAYERS.get(re.sub(r"\d.*", "", model_name), {}).get(layer, layer)
    if layer is None or not any(
        f"{name}.".startswith(f"{layer}.") for name in names[1:]
    ):  # a block means its last operation
        what = "no linear layer" if layer is None else f"no layer {layer!r}"
        raise ConfigError(f"torchvision model {model_name!r} has {what}; its last are: {', '.join(names[-12:])}")
    return extraction.create_feature_extractor(model, return_nodes={layer: "vector"})


def import_models() -> Any:
    """Import `torchvision.models`, if necessary without its compiled operators.

    Raises:
        FeatureError: the installed torchvision does not fit the installed torch.
        MissingExtraError: torchvision is not installed.
    """
    purpose = "encoder 'torchvision'"
    try:
        return import_module("torchvision.models")
    except ModuleNotFoundError:
        raise MissingExtraError("torchvision", "vision", purpose) from None
    except (RuntimeError, ImportError) as error:
        first = error
        for module in [module for module in sys.modules if module.partition(".")[0] == "torchvision"]:
            del sys.modules[module]
        try:
            _declare_operators()
            return import_module("torchvision.models")
        except (RuntimeError, ImportError):
            raise FeatureError(
                f"{purpose}: torchvision cannot be imported beside torch {torch.__version__} ({_reason(first)}); "
                "install the torchvision that belongs to this torch"
            ) from None


def _declare_operators() -> None:
    """Declare the operators that torchvision's modules refer to by name, without implementing them."""
    if not _declared:
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _declared.append(library)  # kept, because the declarations vanish with the library object


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2]) if lines else type(error).__name__
