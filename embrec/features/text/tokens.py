"""Encoding texts by their tokens, fast: those of like length together, batches by number of tokens.

A forward pass costs what its tokens cost, those of the padding included, so texts are sorted by tokens and cut into
batches that are hardly padded. On a CPU the time of a token hardly depends on the size of the batch; a GPU wants it large.
"""

from abc import abstractmethod
from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator
from torch import Tensor

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError
from embrec.features.encoder import Contents, Encoded, Encoder
from embrec.features.text.texts import TextParams, item_texts, text_contents

# Tokens of a forward pass, and the share of them that may be padding. Less padding would be a little faster on an idle CPU,
# but takes up to twice as many passes, and threads that share their cores with other processes wait for each other in each.
_CPU, _GPU = (4096, 0.1), (32768, 0.5)

# Tokens read of a text where neither the user nor the folder says.
_MAX_TOKENS = 256

# What transformers gives as the limit of a tokenizer that has none is larger than this.
_NO_LIMIT = 1_000_000


class TokenParams(TextParams):
    """What every encoder that reads tokens can be told."""

    max_tokens: Annotated[
        int | None, Field(ge=4, description="tokens read of each text; as many as the model's folder says if None")
    ] = None
    precision: Annotated[
        Literal["float32", "bfloat16", "float16"],
        Field(description="in which the model computes; the vectors are float32 always"),
    ] = "float32"
    batch_tokens: Annotated[
        int | None, Field(ge=1, description="tokens a forward pass; chosen for the device if None")
    ] = None

    speed_params: ClassVar[frozenset[str]] = frozenset({"batch_tokens"})


class PretrainedTextParams(TokenParams):
    """What every encoder that reads a model of the user's choice can be told; subclasses say whether there is a default."""

    model: Annotated[str | None, Field(description="folder or Hugging Face id of the model")] = None
    revision: Annotated[str | None, Field(description="branch, tag or commit of a model id")] = None

    @field_validator("model")
    @classmethod
    def _from_anywhere(cls, model: str | None) -> str | None:
        """Name a folder by its absolute path, so that the encoder can be loaded from another working folder."""
        folder = Path(model).expanduser() if model else None
        return str(folder.resolve()) if folder is not None and folder.is_dir() else model


class TokenEncoder(Encoder):
    """Reads texts as tokens; a subclass says by which tokenizer and model, and what becomes of the model's output."""

    libraries = ("torch", "transformers", "tokenizers")
    params: TokenParams

    @property
    @abstractmethod
    def model_folder(self) -> Path:
        """The folder of the model."""

    @property
    @abstractmethod
    def _tokenizer(self) -> Any:
        """The tokenizer; loaded once."""

    @property
    @abstractmethod
    def _model(self) -> Any:
        """The model; loaded once."""

    @abstractmethod
    def _forward(self, ids: Tensor, lengths: Tensor | None) -> Tensor:
        """Return the vectors of a batch, [k, dim], from its tokens [k, w], padded on the right to `lengths` [k] if given."""

    @property
    def _own_limit(self) -> int:
        """How many tokens the folder would have read; an enormous number if it does not say."""
        return int(self._tokenizer.model_max_length)

    @cached_property
    def _max_tokens(self) -> int:
        positions = position_limit(self._model)
        wanted = self.params.max_tokens
        if wanted is not None and positions is not None and wanted > positions:
            raise ConfigError(
                f"encoder {self.name!r}: max_tokens is {wanted}, but the model in {self.model_folder} has positions for "
                f"{positions} tokens; give at most that"
            )
        limit = wanted or (self._own_limit if self._own_limit < _NO_LIMIT else _MAX_TOKENS)
        return min(limit, positions or limit)

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        """Return the tokens of each text, special ones included, cut to the limit."""
        ids: list[list[int]] = self._tokenizer(
            texts,
            truncation=True,
            max_length=self._max_tokens,
            return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]
        return ids

    @cached_property
    def _padding(self) -> int:
        """The token that fills up the shorter texts of a batch; it is masked, so that any will do where there is none."""
        known = self._tokenizer.pad_token_id, self._model.config.get_text_config().pad_token_id
        return next((int(token) for token in known if token is not None), 0)

    def contents(self, catalog: Catalog) -> Contents:
        """Read the texts."""
        return text_contents(item_texts(catalog, self.params))

    @torch.inference_mode()
    def encode(self, catalog: Catalog) -> Encoded:
        """Encode texts; an empty one has the zero vector, and so has one that the tokenizer finds nothing in."""
        texts = item_texts(catalog, self.params)
        rows = np.array([row for row, text in enumerate(texts) if text], dtype=np.int64)
        tokens = self._tokens([texts[row] for row in rows]) if len(rows) else []
        lengths = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
        problems = {int(row): "the tokenizer finds nothing to read in its text" for row in rows[lengths == 0]}
        order = np.argsort(lengths, kind="stable")[int((lengths == 0).sum()) :]
        rows, lengths = rows[order], lengths[order]
        flat = np.fromiter(chain.from_iterable(tokens[place] for place in order), dtype=np.int64, count=lengths.sum())
        ends = np.cumsum(lengths)
        budget, padding = _CPU if self._model.device.type == "cpu" else _GPU
        parts = []
        for first, last in token_batches(lengths, self.params.batch_tokens or budget, padding):
            ids = flat[ends[first] - lengths[first] : ends[last - 1]]
            parts.append(self._batch(ids, lengths[first:last]))
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        present = np.zeros(len(texts), dtype=bool)
        if parts:  # taken from the device once a block, so that it need not wait for the host
            vectors[rows] = torch.cat(parts).cpu().numpy()
            present[rows] = True
        return Encoded(vectors, present, problems)

    def _batch(self, flat: NDArray[np.int64], lengths: NDArray[np.int64]) -> Tensor:
        count, width = len(lengths), int(lengths[-1])
        if lengths[0] == width:  # nothing to pad, so no mask either
            return self._forward(torch.from_numpy(flat.reshape(count, width)).to(self._model.device), None)
        ids = np.full((count, width), self._padding)
        ids[np.arange(width) < lengths[:, None]] = flat
        return self._forward(*(torch.from_numpy(array).to(self._model.device) for array in (ids, lengths)))


def token_batches(lengths: NDArray[np.int64], budget: int, padding: float) -> Iterator[tuple[int, int]]:
    """Cut texts, sorted by length, into batches.

    Args:
        lengths: tokens of each text, ascending, [n].
        budget: tokens of a batch, padding included; a longer text is a batch of its own.
        padding: the share of those that may be padding.

    Yields:
        (first, last + 1) of each batch.

    >>> list(token_batches(np.array([3, 3, 4, 9, 9, 9]), budget=18, padding=0.2))
    [(0, 3), (3, 5), (5, 6)]
    """
    first = filled = 0
    for place, length in enumerate(lengths.tolist()):
        size = (place + 1 - first) * length
        if place > first and (size > budget or size - filled - length > padding * size):
            yield first, place
            first = place
            filled = 0
        filled += length
    if len(lengths):
        yield first, len(lengths)


def position_limit(model: Any) -> int | None:
    """Return how many tokens a model has positions for, None if it sets no limit.

    RoBERTa's kin count positions from behind that of the padding, so they have fewer than their configuration says.
    """
    for name, module in model.named_modules():
        padding = getattr(module, "padding_idx", None)
        if name.endswith("position_embeddings") and padding is not None:
            return int(module.num_embeddings) - int(padding) - 1
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return int(limit) if limit and limit > 0 else None
