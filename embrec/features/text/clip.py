"""The CLIP text encoder: text vectors in the same space as the image vectors of the model."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from embrec.errors import ConfigError, FeatureError
from embrec.features.huggingface import hash_model, load_model, load_tokenizer, model_files, model_folder
from embrec.features.text.tokens import PretrainedTextParams, TokenEncoder


class ClipTextParams(PretrainedTextParams):
    """Parameters of `ClipTextEncoder`; `model` is required, because no package ships one."""

    model: Annotated[str, Field(description="folder or Hugging Face id of the model")]


class ClipTextEncoder(TokenEncoder):
    """Text vectors of CLIP, SigLIP and similar models (AltCLIP ...), in the same space as the image vectors of `clip`.

    These models are trained so that a picture and its caption have a high cosine similarity. Use `clip-text` together with
    `clip` of the same model, when texts and pictures of items should be comparable. The vectors are those of
    `get_text_features`, without normalisation; add `+l2` for unit length.

    Source: [radford2021] (CLIP), [zhai2023] (SigLIP).

    Examples:
        >>> ClipTextEncoder(model="openai/clip-vit-base-patch32", max_tokens=77).params.max_tokens
        77
    """

    name = "clip-text"
    extra: ClassVar[str] = "text"

    params: ClipTextParams

    def __init__(self, **params: Any) -> None:
        self.params = ClipTextParams(**params)

    @cached_property
    def model_folder(self) -> Path:
        """The local folder of the model, fetched from the hub if necessary.

        Raises:
            ConfigError: there is no such folder.
            FeatureError: the model cannot be fetched.
        """
        return model_folder(self.params.model, self.params.revision)

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self.model_folder)

    @cached_property
    def _model(self) -> Any:
        model = load_model(self.model_folder, dtype=getattr(torch, self.params.precision))
        if not hasattr(model, "get_text_features"):
            raise FeatureError(
                f"{self.model_folder}: a {type(model).__name__} has no text side in a space shared with images; "
                "encoder 'bert' reads it"
            )
        return model

    @property
    def _fills_up(self) -> bool:
        """True if the model was trained on texts padded to its full length, without a mask, and reads the last token."""
        return str(self._model.config.model_type).startswith("siglip")

    @cached_property
    def dim(self) -> int:
        """The width of the shared space."""
        with torch.inference_mode():
            return self._forward(torch.tensor(self._tokens(["a"]), device=self._model.device), None).shape[1]

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        tokens = super()._tokens(texts)
        if self._fills_up:
            if self.params.max_tokens is not None:
                raise ConfigError(
                    "encoder 'clip-text': a SigLIP model reads texts at its full length; leave max_tokens out"
                )
            tokens = [ids + [self._padding] * (self._max_tokens - len(ids)) for ids in tokens]
        return tokens

    def _forward(self, ids: Tensor, lengths: Tensor | None) -> Tensor:
        mask = None
        if lengths is not None:
            mask = (torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]).long()
        features = self._model.get_text_features(input_ids=ids, attention_mask=mask)
        # A tensor before transformers 5; since then the output of the text tower.
        vectors: Tensor = features if isinstance(features, Tensor) else features.pooler_output
        return vectors.float()

    def weights_hash(self) -> str:
        """Hash the weights, the vocabulary and the settings."""
        return self._weights_hash

    @cached_property
    def _weights_hash(self) -> str:
        return hash_model(self.model_folder, model_files(self.model_folder))
