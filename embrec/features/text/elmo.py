"""The ELMo encoder: contextual word vectors of a language model, averaged over each text."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from embrec.data.catalog import Catalog
from embrec.features.encoder import Contents, Encoded, Encoder
from embrec.features.text.saved_model import SavedModel, import_tensorflow, is_handle, quiet
from embrec.features.text.texts import TextParams, item_texts, text_contents


class ElmoParams(TextParams):
    """Parameters of `ElmoEncoder`; needs the extra `tfhub`."""

    speed_params: ClassVar[frozenset[str]] = frozenset({"batch_size"})

    model: Annotated[str, Field(min_length=1, description="TF-Hub handle, or the folder of a SavedModel")] = (
        "https://tfhub.dev/google/elmo/2"
    )
    batch_size: Annotated[int, Field(ge=1, description="texts per forward pass")] = 32

    @field_validator("model")
    @classmethod
    def _absolute(cls, model: str) -> str:
        """Make a folder absolute, so that a saved encoder finds it from any working directory."""
        return model if is_handle(model) else str(Path(model).expanduser().absolute())


class ElmoEncoder(Encoder):
    """ELMo from TensorFlow Hub or a local SavedModel: contextual word vectors averaged over layers and words, 1024-d.

    A bidirectional LSTM language model reads the whole text, so a word's vector depends on its neighbours. The vector of a
    text is the mean over its words of the mean of the module's three layers, as in [semikin2019]. Use it to repeat published
    results; `minilm` is smaller, faster and needs no TensorFlow.

    The module's own `default` output is the same mean, but the padding of a batch enters it. Here the mean is computed from
    the signature that takes words and their number, so a vector does not depend on the batch.

    Source: [peters2018].

    Examples:
        >>> ElmoEncoder(batch_size=8).params.model
        'https://tfhub.dev/google/elmo/2'
    """

    name = "elmo"
    extra: ClassVar[str] = "tfhub"
    libraries = ("tensorflow", "tensorflow-hub")

    params: ElmoParams

    def __init__(self, **params: Any) -> None:
        self.params = ElmoParams(**params)

    @cached_property
    def _saved_model(self) -> SavedModel:
        return SavedModel(self.params.model, "elmo:model=FOLDER")

    @cached_property
    def _module(self) -> Any:
        """The loaded module. It is kept because its signature alone would not keep its variables alive."""
        module = self._saved_model.load()
        signatures = getattr(module, "signatures", {})
        if "tokens" not in signatures:
            known = ", ".join(sorted(signatures)) or "none"
            raise self._saved_model.unusable(f"it has no signature 'tokens', as ELMo has; there are: {known}")
        inputs = signatures["tokens"].structured_input_signature[1]
        outputs = signatures["tokens"].structured_outputs
        for kind, name, names in (
            ("input", "tokens", inputs),
            ("input", "sequence_len", inputs),
            ("output", "elmo", outputs),
        ):
            if name not in names:
                raise self._saved_model.unusable(f"its signature 'tokens' has no {kind} {name!r}")
        return module

    @cached_property
    def dim(self) -> int:
        """The length of the module's vectors: 1024 for the published one."""
        return int(self._forward([["word"]]).shape[1])

    def contents(self, catalog: Catalog) -> Contents:
        """Hash the texts."""
        return text_contents(item_texts(catalog, self.params))

    def encode(self, catalog: Catalog) -> Encoded:
        """Encode texts in batches of similar length, which need little padding; an empty text has the zero vector.

        Raises:
            FeatureError: the module cannot be fetched, is damaged, or is not ELMo.
            MissingExtraError: TensorFlow is not installed.
        """
        words = [text.split() for text in item_texts(catalog, self.params)]
        lengths = np.array([len(text) for text in words], dtype=np.int64)
        vectors = np.zeros((len(words), self.dim), dtype=np.float32)
        order = np.argsort(lengths, kind="stable")[int((lengths == 0).sum()) :]
        for start in range(0, len(order), self.params.batch_size):
            rows = order[start : start + self.params.batch_size]
            vectors[rows] = self._forward([words[row] for row in rows])
        return Encoded(vectors, lengths > 0, {})

    def _forward(self, texts: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        signature = self._module.signatures["tokens"]
        tensorflow = import_tensorflow()
        lengths = np.array([len(words) for words in texts], dtype=np.int32)
        width = int(lengths.max())
        padded = [[*words, *[""] * (width - len(words))] for words in texts]
        try:
            with quiet():
                states = signature(
                    tokens=tensorflow.constant(padded, dtype=tensorflow.string),
                    sequence_len=tensorflow.constant(lengths),
                )["elmo"].numpy()  # [k, width, d]
        except Exception as error:  # TensorFlow raises many types
            raise self._saved_model.unusable(error) from None
        if states.ndim != 3 or states.shape[:2] != (len(texts), width):
            raise self._saved_model.unusable(
                f"{len(texts)} texts of {width} words gave an output of shape {states.shape}"
            )
        states = np.where(np.arange(width)[None, :, None] < lengths[:, None, None], states, 0)
        return (states.sum(axis=1) / lengths[:, None]).astype(np.float32)

    def weights_hash(self) -> str:
        """Hash the files of the module."""
        return self._weights_hash

    @cached_property
    def _weights_hash(self) -> str:
        return self._saved_model.weights_hash()
