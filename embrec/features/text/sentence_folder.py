"""Settings of a sentence encoder's folder: a sentence-transformers folder or a plain Hugging Face model.

A sentence-transformers folder [reimers2019] lists its modules in `modules.json`: a transformer, a pooling of its token vectors,
then any number of Dense and Normalize modules. Any other module is refused rather than ignored, because ignoring it would give
different vectors.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embrec.errors import FeatureError
from embrec.features.huggingface import load_config, model_files, read_json, weight_files
from embrec.features.weights import broken

_POOLINGS = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens",
    "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}
_FIELD = "sentence_embedding"
_SENTENCE_SETTINGS = "config_sentence_transformers.json"


@dataclass(frozen=True)
class SentenceFolder:
    """The settings of a sentence encoder's folder.

    Attributes:
        folder: the folder itself.
        transformer: folder of the transformer and its tokenizer, often the same.
        pooling: names of the poolings, as in sentence-transformers; several are concatenated.
        pools_prompt: True if the tokens of the prompt are pooled too.
        heads: layers after the pooling, in order: the folder of a Dense module, or None for normalisation to unit length.
        max_tokens: maximum number of tokens read from a text; None if the folder sets none.
        lowercase: True if texts are lower-cased first.
        prompt: text put before each text.
        truncate: number of leading entries of a vector that are kept; None for all.
        dim: length of a vector.
        files: files that the vectors depend on.
    """

    folder: Path
    transformer: Path
    pooling: tuple[str, ...]
    pools_prompt: bool
    heads: tuple[Path | None, ...]
    max_tokens: int | None
    lowercase: bool
    prompt: str
    truncate: int | None
    dim: int
    files: tuple[Path, ...]


def read_folder(folder: Path, pooling: str | None = None) -> SentenceFolder:
    """Read the settings of a model's folder.

    A folder without `modules.json` gets mean pooling, or the last token if the model generates text.

    Args:
        folder: folder of a Hugging Face or sentence-transformers model.
        pooling: pooling that replaces the folder's own; None to follow the folder.

    Raises:
        FeatureError: the folder is incomplete or damaged, or needs a module or setting that is not supported.
    """
    try:
        return _read(folder, pooling)
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # JSON of another shape than expected
        raise broken(folder, "settings", error) from None


def _read(folder: Path, pooling: str | None) -> SentenceFolder:
    modules, listing = _modules(folder)
    transformer = folder / modules[0][1]
    config = load_config(transformer)
    pools = {"pooling_mode": "lasttoken" if _generates_text(config) else "mean"}
    if len(modules) > 1:
        pools = read_json(folder / modules[1][1] / "config.json")
    own_settings = _sentence_settings(transformer)
    settings = _optional(own_settings)
    _check_transformer(transformer, settings)
    general = _optional(folder / _SENTENCE_SETTINGS)
    names = (pooling,) if pooling is not None else _pooling_names(folder, pools)
    width = len(names) * int(config.get_text_config().hidden_size)
    heads: list[Path | None] = []
    files = [*listing, *model_files(transformer), *_present(own_settings)]
    files += _present(folder / _SENTENCE_SETTINGS)
    for kind, place in modules[1:]:
        files += _present(folder / place / "config.json")
        if kind == "Dense":
            heads.append(folder / place)
            files += weight_files(folder / place)
            width = _dense_width(folder / place, width)
        elif kind == "Normalize":
            heads.append(None)
    own, truncate = settings.get("max_seq_length"), general.get("truncate_dim")
    return SentenceFolder(
        folder=folder,
        transformer=transformer,
        pooling=names,
        pools_prompt=bool(pools.get("include_prompt", True)),
        heads=tuple(heads),
        max_tokens=None if own is None else int(own),
        lowercase=bool(settings.get("do_lower_case", False)),
        prompt=(general.get("prompts") or {}).get(general.get("default_prompt_name")) or "",
        truncate=None if truncate is None else int(truncate),
        dim=width if truncate is None else min(width, int(truncate)),
        files=tuple(files),
    )


def _sentence_settings(transformer: Path) -> Path:
    """Return the path of the transformer's settings; early versions named the file after the type of model."""
    path = transformer / "sentence_bert_config.json"
    return path if path.is_file() else next(iter(sorted(transformer.glob("sentence_*_config.json"))), path)


def _modules(folder: Path) -> tuple[list[tuple[str, str]], list[Path]]:
    """Return (type, subfolder) of each module, and the file that lists them if there is one."""
    path = folder / "modules.json"
    if not path.is_file():
        return [("Transformer", "")], []
    modules = [(str(module["type"]), str(module["path"])) for module in read_json(path)]
    kinds = [kind.rpartition(".")[2] if kind.startswith("sentence_transformers.") else kind for kind, _ in modules]
    if kinds[:2] != ["Transformer", "Pooling"]:
        raise FeatureError(
            f"{path}: only a Transformer followed by a Pooling is supported, but it begins with {', '.join(kinds[:2])}"
        )
    for kind in kinds[2:]:
        if kind not in ("Dense", "Normalize", "Dropout"):
            raise FeatureError(
                f"{path}: the module {kind} is not supported; of what follows the pooling, Dense and Normalize are"
            )
    return [(kind, place) for kind, (_, place) in zip(kinds, modules, strict=True)], [path]


def _generates_text(config: Any) -> bool:
    architectures = getattr(config, "architectures", None) or [""]
    return architectures[0].endswith("ForCausalLM") and getattr(config, "is_causal", True)


def _pooling_names(folder: Path, settings: dict[str, Any]) -> tuple[str, ...]:
    mode = settings.get("pooling_mode")
    if mode is None:  # written before sentence-transformers 5.2; the order is that of the concatenation
        mode = [name for name, key in _POOLINGS.items() if settings.get(key)] or "mean"
    names = (mode,) if isinstance(mode, str) else tuple(mode)
    unknown = [name for name in names if name not in _POOLINGS]
    if unknown:
        raise FeatureError(f"{folder}: the pooling {unknown[0]!r} is not supported; {', '.join(_POOLINGS)} are")
    return names


def _check_transformer(folder: Path, settings: dict[str, Any]) -> None:
    task = settings.get("transformer_task", "feature-extraction")
    text = (settings.get("modality_config") or {}).get("text", {"method": "forward"})
    if task != "feature-extraction" or text.get("method") != "forward" or settings.get("query_expansion"):
        raise FeatureError(
            f"{folder}: its sentence_bert_config.json needs more than token vectors, which is not supported"
        )
    if "message" in (settings.get("modality_config") or {}):
        raise FeatureError(f"{folder}: it reads chat messages, which are not supported; use a plain encoder")


def _optional(path: Path) -> dict[str, Any]:
    settings: dict[str, Any] = read_json(path) if path.is_file() else {}
    return settings


def _present(path: Path) -> list[Path]:
    return [path] if path.is_file() else []


def _dense_width(folder: Path, width: int) -> int:
    """Return the output length of a Dense module.

    Raises:
        FeatureError: its input length is not `width`, or it has a setting that is not supported.
    """
    settings = read_json(folder / "config.json")
    for key, plain in (("module_input_name", _FIELD), ("module_output_name", _FIELD), ("use_residual", False)):
        if (settings.get(key) or plain) != plain:
            raise FeatureError(f"{folder}: a Dense module with {key} = {settings[key]!r} is not supported")
    taken, given = int(settings["in_features"]), int(settings["out_features"])
    if taken != width:
        raise FeatureError(f"{folder}: the Dense module takes {taken} numbers, but the pooling gives {width}")
    return given
