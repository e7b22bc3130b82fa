"""Loading of pretrained Hugging Face models from a local folder or the hub, safely and with one-line errors."""

import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from embrec.errors import ConfigError, FeatureError, MissingExtraError
from embrec.features.weights import broken, first_line, hash_files

# In the order in which transformers looks for them; an index lists the shards beside it.
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
_TOKENIZER = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "*.model", "*.spm", "*.tiktoken")
_SETTINGS = ("config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")

# Files of a model's snapshot; exports to other frameworks, which can be several times as large, are left out.
_DOWNLOADED = ("*.json", "*.txt", "*.model", "*.spm", "*.tiktoken", "*.safetensors")
_NOT_DOWNLOADED = ("onnx/*", "openvino/*", "coreml/*", "original/*")


def transformers(purpose: str) -> Any:
    """Import transformers, with warnings and progress bars off.

    Args:
        purpose: what needs it, for the message.

    Raises:
        MissingExtraError: transformers is not installed.
    """
    try:
        import transformers
    except ImportError:
        raise MissingExtraError("transformers", "text", purpose) from None
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def model_folder(model: str, revision: str | None = None) -> Path:
    """Return the local folder of a model, fetching it from the hub if necessary.

    A model that was fetched before is used as it is, so that vectors do not change when the model changes on the hub.

    Args:
        model: local folder, or model id of the Hugging Face hub.
        revision: branch, tag or commit of a model id; the default branch if None.

    Raises:
        ConfigError: the folder does not exist, or a revision is given for a folder.
        FeatureError: the model cannot be fetched.
        MissingExtraError: `transformers` is not installed.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        if revision is not None:
            raise ConfigError(f"{folder}: a folder has no revision {revision!r}; give a revision to a model id only")
        return folder
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise ConfigError(
            f"{model}: no such folder; give the folder of a Hugging Face model (model=FOLDER) or a model id"
        )
    transformers("a model of the Hugging Face hub")  # transformers installs huggingface_hub
    from huggingface_hub import snapshot_download

    def snapshot(patterns: Iterable[str], **options: Any) -> Path:
        allow, ignore = list(patterns), list(_NOT_DOWNLOADED)
        return Path(
            snapshot_download(model, revision=revision, allow_patterns=allow, ignore_patterns=ignore, **options)
        )

    try:
        folder = snapshot(_DOWNLOADED, local_files_only=True)
        weight_files(folder)  # raises if an earlier fetch was interrupted
        return folder
    except Exception:  # not fetched yet, or only in part
        pass
    try:
        folder = snapshot(_DOWNLOADED, etag_timeout=5)
        if not any(folder.rglob("*.safetensors")):
            folder = snapshot((*_DOWNLOADED, "pytorch_model*.bin"), etag_timeout=5)
    except Exception as error:  # errors of the hub, the network and the disk
        raise FeatureError(
            f"model {model!r} is no folder here and cannot be fetched from the Hugging Face hub ({first_line(error)}); "
            "copy it to this machine and give its folder: model=FOLDER"
        ) from None
    return folder


def weight_files(folder: Path) -> list[Path]:
    """Return the weights files of a folder; safetensors are preferred to pickles, and shards follow their index.

    Raises:
        FeatureError: there are no weights, or a shard is missing.
    """
    for name in _WEIGHTS:
        path = folder / name
        if not path.is_file():
            continue
        if path.suffix != ".json":
            return [path]
        try:
            shards = sorted(set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values()))
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise broken(path, "list of weights", error) from None
        missing = [shard for shard in shards if not (folder / shard).is_file()]
        if missing:
            raise broken(folder, "weights", FileNotFoundError(f"there is no {missing[0]}"))
        return [path, *(folder / shard for shard in shards)]
    raise broken(folder, "weights", FileNotFoundError(f"there is no {_WEIGHTS[0]}"))


def tokenizer_files(folder: Path) -> list[Path]:
    """Return the vocabulary files of a folder.

    Without such files transformers would silently make a tokenizer of five words, so they are required here.

    Raises:
        FeatureError: there are no vocabulary files.
    """
    files = sorted({path for pattern in _TOKENIZER for path in folder.glob(pattern)})
    if not files:
        raise broken(folder, "tokenizer", FileNotFoundError(f"there is no {_TOKENIZER[0]}"))
    return files


def model_files(folder: Path) -> list[Path]:
    """Return all files that the token vectors of a text model depend on: weights, vocabulary and settings."""
    settings = [folder / name for name in _SETTINGS if (folder / name).is_file()]
    return [*weight_files(folder), *tokenizer_files(folder), *settings]


def hash_model(folder: Path, files: Iterable[Path]) -> str:
    """Return a hash of the names and contents of files in a folder; see `hash_files`."""
    return hash_files({path.relative_to(folder).as_posix(): path for path in files})


def load_config(folder: Path) -> Any:
    """Load the configuration of the model in a folder.

    Raises:
        FeatureError: the configuration is missing, damaged or of an unknown type.
    """
    if not (folder / "config.json").is_file():
        raise FeatureError(f"{folder} holds no config.json, so no Hugging Face model; give the folder of one")
    return _load("AutoConfig", folder, "configuration")


def load_tokenizer(folder: Path) -> Any:
    """Load the tokenizer in a folder.

    Raises:
        FeatureError: the tokenizer is missing or damaged.
    """
    tokenizer_files(folder)
    return _load("AutoTokenizer", folder, "tokenizer")


def load_model(folder: Path, loader: str = "AutoModel", **options: Any) -> Any:
    """Load the model in a folder in evaluation mode, on the GPU if there is one.

    Args:
        folder: folder of configuration and weights; code in it is never run.
        loader: class of transformers that loads the model.
        options: further arguments of the loader.

    Raises:
        FeatureError: the model is missing, damaged, of an unknown type, or lacks some weights.
    """
    import torch

    model, missing = load_weights(folder, loader, **options)
    # The weights of a pooler are not used, and many published models lack them.
    require_weights(folder, [name for name in missing if "pooler" not in name])
    return model.to("cuda" if torch.cuda.is_available() else "cpu")


def load_weights(folder: Path, loader: str = "AutoModel", **options: Any) -> tuple[Any, list[str]]:
    """Load the model in a folder in evaluation mode, and return it with the names of missing weights.

    transformers initialises missing weights at random; see `require_weights`. The arguments are those of `load_model`.

    Raises:
        FeatureError: the model is missing, damaged or of an unknown type.
    """
    weight_files(folder)
    model, found = _load(loader, folder, "weights", output_loading_info=True, **options)
    return model.eval(), sorted(found["missing_keys"])


def require_weights(folder: Path, missing: list[str]) -> None:
    """Raise if required weights are missing.

    Args:
        folder: folder of the model, for the message.
        missing: names of the missing weights.

    Raises:
        FeatureError: there are missing weights.
    """
    if missing:
        raise broken(folder, "weights", LookupError(f"{len(missing)} are missing, the first is {missing[0]}"))


def load_processor(folder: Path) -> Any:
    """Load the image processor of a model, in the variant that uses Pillow.

    The variant that uses torchvision gives other pixels, and torchvision may not be installed.

    Raises:
        FeatureError: the folder has no image processor, or it needs more than Pillow.
    """
    plain = {"backend": "pil"} if int(version("transformers").partition(".")[0]) >= 5 else {"use_fast": False}
    return _load("AutoImageProcessor", folder, "image processor", **plain)


def _load(loader: str, folder: Path, what: str, **options: Any) -> Any:
    cls = getattr(transformers("a Hugging Face model"), loader)
    try:
        return cls.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **options)
    except Exception as error:  # transformers, tokenizers and safetensors raise many types for damaged files
        raise broken(folder, what, error) from None


def read_json(path: Path) -> Any:
    """Read a JSON file of a model.

    Raises:
        FeatureError: the file cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise broken(path, "settings", error) from None
