"""Pretrained Hugging Face models: from a local folder or the hub, safely, with every failure said in one line."""

import json
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from embrec.errors import ConfigError, FeatureError, MissingExtraError
from embrec.features.weights import broken, first_line, hash_files

# In the order in which transformers takes them; an index names the shards beside it.
_WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json")
_TOKENIZER = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "*.model", "*.spm", "*.tiktoken")
_SETTINGS = ("config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")

# What a snapshot of a model consists of; left out are exports to other frameworks, which can be several times as large.
_DOWNLOADED = ("*.json", "*.txt", "*.model", "*.spm", "*.tiktoken", "*.safetensors")
_NOT_DOWNLOADED = ("onnx/*", "openvino/*", "coreml/*", "original/*")


def transformers(purpose: str) -> Any:
    """Return the module `transformers`, kept quiet.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import transformers
    except ImportError:
        raise MissingExtraError("transformers", "text", purpose) from None
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    return transformers


def model_folder(model: str, revision: str | None = None) -> Path:
    """Return the local folder of a model, which is fetched from the hub if it is no folder and not fetched yet.

    What was fetched before is taken as it is, so that vectors do not change because a model was changed at its source.

    Args:
        model: a folder, or a model id of the Hugging Face hub.
        revision: branch, tag or commit of a model id.

    Raises:
        ConfigError: a path that is no folder, or a revision of a folder.
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
    transformers("a model of the Hugging Face hub")  # which brings huggingface_hub
    from huggingface_hub import snapshot_download

    def snapshot(patterns: Iterable[str], **options: Any) -> Path:
        allow, ignore = list(patterns), list(_NOT_DOWNLOADED)
        return Path(
            snapshot_download(model, revision=revision, allow_patterns=allow, ignore_patterns=ignore, **options)
        )

    try:
        folder = snapshot(_DOWNLOADED, local_files_only=True)
        weight_files(folder)  # a fetch may have been interrupted
        return folder
    except Exception:  # not fetched yet, or not wholly
        pass
    try:
        folder = snapshot(_DOWNLOADED, etag_timeout=5)
        if not any(folder.rglob("*.safetensors")):
            folder = snapshot((*_DOWNLOADED, "pytorch_model*.bin"), etag_timeout=5)
    except Exception as error:  # the hub's, the network's and the disk's
        raise FeatureError(
            f"model {model!r} is no folder here and cannot be fetched from the Hugging Face hub ({first_line(error)}); "
            "copy it to this machine and give its folder: model=FOLDER"
        ) from None
    return folder


def weight_files(folder: Path) -> list[Path]:
    """Return the files of a folder that hold its weights, safetensors before pickles, shards after their index.

    Raises:
        FeatureError: there are none, or a shard is missing.
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
    """Return the files of a folder that hold its vocabulary.

    transformers makes a tokenizer of five words where there are none, so this has to be asked.

    Raises:
        FeatureError: there are none.
    """
    files = sorted({path for pattern in _TOKENIZER for path in folder.glob(pattern)})
    if not files:
        raise broken(folder, "tokenizer", FileNotFoundError(f"there is no {_TOKENIZER[0]}"))
    return files


def model_files(folder: Path) -> list[Path]:
    """Return every file of a text model on which its token vectors depend: weights, vocabulary and settings."""
    settings = [folder / name for name in _SETTINGS if (folder / name).is_file()]
    return [*weight_files(folder), *tokenizer_files(folder), *settings]


def hash_model(folder: Path, files: Iterable[Path]) -> str:
    """Return a hash of files under a folder, names and contents; see `hash_files`."""
    return hash_files({path.relative_to(folder).as_posix(): path for path in files})


def load_config(folder: Path) -> Any:
    """Return the configuration of the model in a folder.

    Raises:
        FeatureError: it is missing, damaged or of an unknown kind.
    """
    if not (folder / "config.json").is_file():
        raise FeatureError(f"{folder} holds no config.json, so no Hugging Face model; name the folder of one")
    return _load("AutoConfig", folder, "configuration")


def load_tokenizer(folder: Path) -> Any:
    """Return the tokenizer in a folder.

    Raises:
        FeatureError: it is missing or damaged.
    """
    tokenizer_files(folder)
    return _load("AutoTokenizer", folder, "tokenizer")


def load_model(folder: Path, loader: str = "AutoModel", **options: Any) -> Any:
    """Return the model in a folder, ready for inference on the GPU if there is one.

    Args:
        folder: of configuration and weights; code that it may hold is never run.
        loader: the class of transformers that reads it.
        options: of the loader.

    Raises:
        FeatureError: it is missing, damaged, of an unknown kind, or lacks some of its weights.
    """
    import torch

    model, missing = load_weights(folder, loader, **options)
    # Those of a pooler are not used, and many published models come without them.
    require_weights(folder, [name for name in missing if "pooler" not in name])
    return model.to("cuda" if torch.cuda.is_available() else "cpu")


def load_weights(folder: Path, loader: str = "AutoModel", **options: Any) -> tuple[Any, list[str]]:
    """Return the model in a folder in evaluation mode, and the names of the weights that its files do not have.

    transformers has put random numbers in place of those; see `require_weights`. The arguments are those of `load_model`.

    Raises:
        FeatureError: it is missing, damaged or of an unknown kind.
    """
    weight_files(folder)
    model, found = _load(loader, folder, "weights", output_loading_info=True, **options)
    return model.eval(), sorted(found["missing_keys"])


def require_weights(folder: Path, missing: list[str]) -> None:
    """Raise if weights that are needed are not there.

    Raises:
        FeatureError: there are such.
    """
    if missing:
        raise broken(folder, "weights", LookupError(f"{len(missing)} are missing, the first is {missing[0]}"))


def load_processor(folder: Path) -> Any:
    """Return the image processor of a model, in its Pillow form: torchvision's gives other pixels, and may not be there.

    Raises:
        FeatureError: the folder has none, or it needs more than Pillow.
    """
    plain = {"backend": "pil"} if int(version("transformers").partition(".")[0]) >= 5 else {"use_fast": False}
    return _load("AutoImageProcessor", folder, "image processor", **plain)


def _load(loader: str, folder: Path, what: str, **options: Any) -> Any:
    cls = getattr(transformers("a Hugging Face model"), loader)
    try:
        return cls.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **options)
    except Exception as error:  # transformers, tokenizers and safetensors raise many kinds for damaged files
        raise broken(folder, what, error) from None


def read_json(path: Path) -> Any:
    """Return the content of a JSON file of a model.

    Raises:
        FeatureError: it cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise broken(path, "settings", error) from None
