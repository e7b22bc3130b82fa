"""Base class of the text encoders that read tokens, with batches sized by their number of tokens.

The cost of a forward pass is that of its tokens, padding included, so texts are sorted by length and cut into batches with
little padding. On a CPU the time per token hardly depends on the batch size; a GPU needs large batches.
"""

from abc import abstractmethod
from collections.abc import Iterator
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, field_validator
from torch import Tensor

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError
from embrec.features.encoder import Contents, Encoded, Encoder
from embrec.features.text.texts import TextParams, item_texts, text_contents


class BatchBudget(NamedTuple):
    """The size of a batch of texts.

    Attributes:
        tokens: maximum number of tokens, padding included.
        padding: maximum share of the tokens that may be padding.
    """

    tokens: int
    padding: float


# Less padding would be a little faster on an idle CPU but needs up to twice as many passes, and in each of them threads that
# share their cores with other processes wait for each other.
CPU_BUDGET, GPU_BUDGET = BatchBudget(4096, 0.1), BatchBudget(32768, 0.5)

# Tokens read from a text if neither the user nor the model's folder sets a maximum.
_MAX_TOKENS = 256

# transformers reports a limit above this for a tokenizer that has none.
_NO_LIMIT = 1_000_000


class TokenParams(TextParams):
    """Parameters that all encoders of tokens share."""

    max_tokens: Annotated[
        int | None, Field(ge=4, description="tokens read from each text; what the model's folder says if None")
    ] = None
    precision: Annotated[
        Literal["float32", "bfloat16", "float16"],
        Field(description="precision in which the model computes; the vectors are always float32"),
    ] = "float32"
    batch_tokens: Annotated[
        int | None, Field(ge=1, description="tokens per forward pass; chosen for the device if None")
    ] = None

    speed_params: ClassVar[frozenset[str]] = frozenset({"batch_tokens"})


class PretrainedTextParams(TokenParams):
    """Parameters that all text encoders with a model of the user's choice share; subclasses say if there is a default."""

    model: Annotated[str | None, Field(description="folder or Hugging Face id of the model")] = None
    revision: Annotated[str | None, Field(description="branch, tag or commit of a model id")] = None

    @field_validator("model")
    @classmethod
    def _from_anywhere(cls, model: str | None) -> str | None:
        """Make a folder absolute, so that a saved encoder finds it from any working directory."""
        folder = Path(model).expanduser() if model else None
        return str(folder.resolve()) if folder is not None and folder.is_dir() else model


class TokenEncoder(Encoder):
    """Base class of the encoders that read tokens; a subclass gives tokenizer, model and the use of the model's output."""

    libraries = ("torch", "transformers", "tokenizers")
    params: TokenParams

    @property
    @abstractmethod
    def model_folder(self) -> Path:
        """The local folder of the model."""

    @property
    @abstractmethod
    def _tokenizer(self) -> Any:
        """The tokenizer, loaded once."""

    @property
    @abstractmethod
    def _model(self) -> Any:
        """The model, loaded once."""

    @abstractmethod
    def _forward(self, ids: Tensor, lengths: Tensor | None) -> Tensor:
        """Return the vectors of a batch of texts.

        Args:
            ids: token ids, padded on the right, [k, w].
            lengths: number of tokens of each text, [k]; None if all texts have w.

        Returns:
            Vectors, [k, dim].
        """

    @property
    def _own_limit(self) -> int:
        """The maximum number of tokens that the folder sets; a very large number if it sets none."""
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
        """Return the token ids of each text, special tokens included, cut to the maximum number."""
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
        """The padding token of a batch. It is masked, so any token will do if the tokenizer has none."""
        known = self._tokenizer.pad_token_id, self._model.config.get_text_config().pad_token_id
        return next((int(token) for token in known if token is not None), 0)

    def contents(self, catalog: Catalog) -> Contents:
        """Hash the texts."""
        return text_contents(item_texts(catalog, self.params))

    @torch.inference_mode()
    def encode(self, catalog: Catalog) -> Encoded:
        """Encode texts; a text that is empty, or in which the tokenizer finds nothing, has the zero vector."""
        texts = item_texts(catalog, self.params)
        rows = np.array([row for row, text in enumerate(texts) if text], dtype=np.int64)
        tokens = self._tokens([texts[row] for row in rows]) if len(rows) else []
        lengths = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
        problems = {int(row): "the tokenizer finds nothing to read in its text" for row in rows[lengths == 0]}
        order = np.argsort(lengths, kind="stable")[int((lengths == 0).sum()) :]
        rows, lengths = rows[order], lengths[order]
        flat = np.fromiter(chain.from_iterable(tokens[place] for place in order), dtype=np.int64, count=lengths.sum())
        ends = np.cumsum(lengths)
        budget, padding = CPU_BUDGET if self._model.device.type == "cpu" else GPU_BUDGET
        parts = []
        for first, last in token_batches(lengths, self.params.batch_tokens or budget, padding):
            ids = flat[ends[first] - lengths[first] : ends[last - 1]]
            parts.append(self._batch(ids, lengths[first:last]))
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        present = np.zeros(len(texts), dtype=bool)
        if parts:  # copied from the device once per block, so that it does not wait for the host
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
        lengths: number of tokens of each text, ascending, [n].
        budget: maximum number of tokens of a batch, padding included; a longer text is a batch of its own.
        padding: maximum share of a batch that may be padding.

    Yields:
        (first, last + 1) of each batch.

    Examples:
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
    """Return the number of token positions of a model, None if it has no limit.

    RoBERTa and its relatives number positions from the one after the padding token's, so they have fewer than their
    configuration says.
    """
    for name, module in model.named_modules():
        padding = getattr(module, "padding_idx", None)
        if name.endswith("position_embeddings") and padding is not None:
            return int(module.num_embeddings) - int(padding) - 1
    limit = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return int(limit) if limit and limit > 0 else None
