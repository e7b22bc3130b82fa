"""Text modules of TensorFlow Hub, such as Wiki-words-250: word vectors with built-in tokenisation.

These modules split a text on spaces, look up every word, and divide the sum of the vectors by the square root of their number
(combiner sqrtn). The combiners mean and idf are computed here, from the module's vectors of single words.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embrec.features.text.saved_model import SavedModel, import_tensorflow, is_handle, quiet
from embrec.features.text.vocabulary import WordVectors

_TEXTS_AT_A_TIME = 1024


def is_hub_module(source: str) -> bool:
    """Return True if a source of word vectors is a TF-Hub handle or a folder, rather than a file."""
    return is_handle(source) or Path(source).is_dir()


class HubVectors(WordVectors):
    """Word vectors of a TF-Hub module that maps strings to vectors.

    Args:
        source: handle such as https://tfhub.dev/google/Wiki-words-250/2, or the folder of its SavedModel.

    Raises:
        FeatureError: the handle cannot be fetched, or the folder holds no SavedModel.
    """

    def __init__(self, source: str) -> None:
        self._saved_model = SavedModel(source, "word2vec:vectors=FOLDER")

    @cached_property
    def _module(self) -> Any:
        module = self._saved_model.load()
        if not callable(module):
            raise self._saved_model.unusable("it cannot be called with texts, as Wiki-words-250 can")
        return module

    @cached_property
    def dim(self) -> int:
        """The length of the module's vectors."""
        return int(self._call(["word"]).shape[1])

    def sentences(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the module's own vectors of whole texts, [k, dim].

        Raises:
            FeatureError: the module is damaged, or does not map texts to vectors.
        """
        blocks = [self._call(texts[at : at + _TEXTS_AT_A_TIME]) for at in range(0, len(texts), _TEXTS_AT_A_TIME)]
        return np.concatenate([np.empty((0, self.dim), dtype=np.float32), *blocks])

    def _call(self, texts: Sequence[str]) -> NDArray[np.float32]:
        module, tensorflow = self._module, import_tensorflow()
        try:
            with quiet():
                vectors = module(tensorflow.constant(list(texts), dtype=tensorflow.string)).numpy()
        except Exception as error:  # TensorFlow raises many types
            raise self._saved_model.unusable(error) from None
        if vectors.ndim != 2 or len(vectors) != len(texts) or vectors.dtype != np.float32:
            raise self._saved_model.unusable(f"{len(texts)} texts gave {vectors.dtype} {vectors.shape}")
        return vectors

    def resolve(self, token: str) -> tuple[str, ...]:
        """Return the token itself: the module has a vector for every word (rare words share one)."""
        return (token,)

    def vectors(self, words: Sequence[str]) -> NDArray[np.float32]:
        """Return the module's vectors of the words, each taken as a text of its own, [k, dim]."""
        return self.sentences(words)

    def weights_hash(self) -> str:
        """Hash the files of the module."""
        return self._weights_hash

    @cached_property
    def _weights_hash(self) -> str:
        return self._saved_model.weights_hash()
