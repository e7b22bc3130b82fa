"""TensorFlow SavedModels, from a local folder or from TensorFlow Hub.

A local folder needs TensorFlow only; a handle (https://tfhub.dev/...) also needs tensorflow-hub and the network, unless the
module is in its cache (TFHUB_CACHE_DIR). Both the TensorFlow 2 format and the older TF-Hub format, in which elmo/2 is
published, can be read.
"""

import logging
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from embrec.errors import FeatureError, MissingExtraError
from embrec.features.weights import first_line, hash_files

_SCHEMES = ("https://", "http://")
ANSWER_SECONDS = 10.0  # a server that has not answered by then counts as unreachable


def is_handle(source: str) -> bool:
    """Return True if a source is a web address rather than a folder."""
    return source.startswith(_SCHEMES)


class SavedModel:
    """A TensorFlow Hub module: located at once, loaded on first use.

    Args:
        source: handle such as https://tfhub.dev/google/elmo/2, or a folder with `saved_model.pb`.
        option: spec that names a folder, for messages: `elmo:model=FOLDER`.

    Raises:
        FeatureError: the handle cannot be fetched, or the folder holds no SavedModel.
        MissingExtraError: tensorflow-hub is needed and not installed.
    """

    def __init__(self, source: str, option: str) -> None:
        self.source = source
        self.folder = _download(source, option) if is_handle(source) else Path(source)
        if not (self.folder / "saved_model.pb").is_file():
            problem = "it has no saved_model.pb" if self.folder.is_dir() else "there is no such folder"
            raise FeatureError(
                f"{self.folder} holds no SavedModel: {problem}; give the folder that a module was unpacked to ({option})"
            )

    def load(self) -> Any:
        """Return the loaded module.

        Raises:
            FeatureError: it is damaged or incomplete.
            MissingExtraError: TensorFlow is not installed.
        """
        tensorflow = import_tensorflow()
        tags: list[str] | None = (
            [] if (self.folder / "tfhub_module.pb").is_file() else None
        )  # the older format has no tags
        try:
            with quiet():
                return tensorflow.saved_model.load(str(self.folder), tags=tags)
        except Exception as error:  # TensorFlow and protobuf raise many types
            raise self.unusable(error) from None

    def unusable(self, reason: object) -> FeatureError:
        """Return the one-line error that says why the module cannot be used."""
        return FeatureError(
            f"{self.folder}: the SavedModel cannot be used ({first_line(reason)[:300]}); "
            "if it is the right module, download and unpack it again"
        )

    def weights_hash(self) -> str:
        """Return a hash of the graph, the variables and the assets (such as vocabularies)."""
        paths = [self.folder / "saved_model.pb"]
        for part in ("variables", "assets"):
            paths += [path for path in (self.folder / part).rglob("*") if path.is_file()]
        return hash_files({path.relative_to(self.folder).as_posix(): path for path in paths})


def _download(handle: str, option: str) -> Path:
    hub = _import_tensorflow_hub()
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(ANSWER_SECONDS)  # tensorflow-hub sets none
    try:
        with quiet():
            return Path(hub.resolve(handle))
    except Exception as error:  # of urllib, of TensorFlow's file systems, of the archive
        raise FeatureError(
            f"{handle} cannot be fetched ({first_line(error)}); "
            f"download and unpack the module elsewhere and give its folder: {option}"
        ) from None
    finally:
        socket.setdefaulttimeout(before)


def import_tensorflow() -> Any:
    """Import TensorFlow, quietly and without letting it reserve all GPU memory.

    Raises:
        MissingExtraError: it is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with quiet(), _without_native_messages():
            import tensorflow
    except ImportError:
        raise MissingExtraError("tensorflow", "tfhub", "a TensorFlow Hub encoder") from None
    for device in tensorflow.config.list_physical_devices("GPU"):
        try:
            tensorflow.config.experimental.set_memory_growth(device, True)
        except RuntimeError:  # the calling program already uses the GPU
            break
    return tensorflow


def _import_tensorflow_hub() -> Any:
    import_tensorflow()
    try:
        with quiet():
            import tensorflow_hub
    except ImportError:  # also if setuptools is 82 or later, without pkg_resources; the extra pins an older one
        raise MissingExtraError("tensorflow-hub", "tfhub", "a TensorFlow Hub handle") from None
    return tensorflow_hub


@contextmanager
def quiet() -> Iterator[None]:
    """Silence TensorFlow's Python warnings and log messages, which a user can do nothing about."""
    loggers = [logging.getLogger(name) for name in ("tensorflow", "absl")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for logger in loggers:
                logger.setLevel(logging.ERROR)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


@contextmanager
def _without_native_messages() -> Iterator[None]:
    """Discard output to file descriptor 2: TensorFlow's libraries print there on import, whatever their log level."""
    try:
        kept = os.dup(2)
    except OSError:  # there is no standard error
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
