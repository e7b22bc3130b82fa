"""What the encoders of Hugging Face models of images share: finding the model, its weights and its image processor."""

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
    """What every encoder of a Hugging Face model of images can be told."""

    model: Annotated[str, Field(min_length=1, description="folder of the model, or its id at the Hugging Face hub")]


class PretrainedImageEncoder(ImageEncoder):
    """Base of the encoders that read a Hugging Face model.

    Its processor needs transformers, which takes seconds and a third of a gigabyte to import, for milliseconds of work a
    picture: by default threads do that, not processes.
    """

    libraries = ("torch", "pillow", "transformers")
    default_workers: ClassVar[int | None] = 0
    params: PretrainedImageParams

    @cached_property
    def folder(self) -> Path:
        """Where the model lies, downloaded if need be.

        Raises:
            ConfigError: there is no such folder.
            FeatureError: it cannot be fetched.
            MissingExtraError: transformers is not installed.
        """
        return model_folder(self.params.model)

    @property
    def transform(self) -> ImageTransform:
        """The model's own image processor, which is loaded here first so that what is wrong with it is said once."""
        load_image_processor(str(self.folder))
        return ImageProcessor(str(self.folder))

    @cached_property
    def _loaded(self) -> tuple[Any, list[str]]:
        """The whole model, and the names of the weights that its files do not have."""
        model, missing = load_weights(self.folder, dtype=torch.float32)
        return model.to(self.device), missing

    def weight_files(self) -> list[Path]:
        """Return weights and configurations.

        Raises:
            FeatureError: the folder has no weights.
        """
        names = ("config.json", "preprocessor_config.json", "processor_config.json")
        return weight_files(self.folder) + [self.folder / name for name in names if (self.folder / name).is_file()]
