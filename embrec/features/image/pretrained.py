"""Base class of the encoders of Hugging Face image models: locates the model, its weights and its image processor."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field

from embrec.features.huggingface import load_weights, model_folder, weight_files
from embrec.features.image.decode import ImageTransform
from embrec.features.image.encoder import ImageEncoder, ImageParams
from embrec.features.image.preprocessing import ImageProcessor, load_image_processor


class PretrainedImageParams(ImageParams):
    """Parameters that all encoders of Hugging Face image models share."""

    model: Annotated[str, Field(min_length=1, description="folder or Hugging Face id of the model")]


class PretrainedImageEncoder(ImageEncoder):
    """Base class of the encoders that read a Hugging Face image model.

    By default threads decode pictures, not processes: the image processor needs transformers, whose import would cost each
    process seconds and a third of a gigabyte, for milliseconds of work per picture.
    """

    libraries = ("torch", "pillow", "transformers")
    default_workers: ClassVar[int | None] = 0
    params: PretrainedImageParams

    @cached_property
    def folder(self) -> Path:
        """The local folder of the model, fetched from the hub if necessary.

        Raises:
            ConfigError: there is no such folder.
            FeatureError: the model cannot be fetched.
            MissingExtraError: transformers is not installed.
        """
        return model_folder(self.params.model)

    @property
    def transform(self) -> ImageTransform:
        """The model's own image processor, loaded here first so that an error is reported once."""
        load_image_processor(str(self.folder))
        return ImageProcessor(str(self.folder))

    @cached_property
    def _loaded(self) -> tuple[Any, list[str]]:
        """The model, and the names of the weights that are missing from its files."""
        model, missing = load_weights(self.folder, dtype=torch.float32)
        return model.to(self.device), missing

    def weight_files(self) -> list[Path]:
        """Return the files of the weights and the configurations.

        Raises:
            FeatureError: the folder has no weights.
        """
        names = ("config.json", "preprocessor_config.json", "processor_config.json")
        return weight_files(self.folder) + [self.folder / name for name in names if (self.folder / name).is_file()]
