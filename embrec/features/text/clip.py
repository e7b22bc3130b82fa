"""The text side of CLIP and its kin (SigLIP, AltCLIP ...): vectors in the space of the same model's image vectors."""

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
    """Parameters of `ClipTextEncoder`; no package ships a model, so one has to be named."""

    model: Annotated[str, Field(description="folder or Hugging Face id of the model")]


class ClipTextEncoder(TokenEncoder):
    """Text vectors of CLIP and SigLIP models, in the same space as `clip`.

    They are what `get_text_features` gives: compare them with image vectors by cosine, or bring both to unit length.
    """

    name = "clip-text"
    extra: ClassVar[str] = "text"

    params: ClipTextParams

    def __init__(self, **params: Any) -> None:
        self.params = ClipTextParams(**params)

    @cached_property
    def model_folder(self) -> Path:
        """The folder that was named, or the one that was fetched.

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
        """Whether the model was trained on texts filled up to its full length, without a mask, and reads the last token."""
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
        # A tensor until transformers 5, since then the output of the text tower.
        vectors: Tensor = features if isinstance(features, Tensor) else features.pooler_output
        return vectors.float()

    def weights_hash(self) -> str:
        """Hash weights, vocabulary and settings."""
        return self._weights_hash

    @cached_property
    def _weights_hash(self) -> str:
        return hash_model(self.model_folder, model_files(self.model_folder))
