"""Encoders by name, and encoder specs: short texts that give name, parameters and transforms.

A spec is an encoder's name, `:key=value` for each parameter, and `+transform` for each transform of its vectors, with
parameters of its own: `tfidf:max_features=2000+svd:dim=125+l2`.
"""

import json
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from embrec.errors import ConfigError, FeatureError
from embrec.features.chain import Chain
from embrec.features.encoder import Encoder, EncoderParams
from embrec.features.transforms import TRANSFORMS, Transform
from embrec.names import there_are, unknown
from embrec.validation import explain

# Module paths rather than classes, so that TF-IDF does not import a transformer.
ENCODERS: dict[str, str] = {
    "tfidf": "embrec.features.text.tfidf:TfidfEncoder",
    "word2vec": "embrec.features.text.word_vectors:WordVectorEncoder",
    "elmo": "embrec.features.text.elmo:ElmoEncoder",
    "minilm": "embrec.features.text.transformer:MiniLMEncoder",
    "bert": "embrec.features.text.transformer:BertEncoder",
    "clip-text": "embrec.features.text.clip:ClipTextEncoder",
    "efficientnet-lite0": "embrec.features.image.efficientnet_lite:EfficientNetLiteEncoder",
    "torchvision": "embrec.features.image.torchvision_models:TorchvisionEncoder",
    "vision": "embrec.features.image.vision:VisionEncoder",
    "clip": "embrec.features.image.clip:ClipEncoder",
    "vectors": "embrec.features.vectors.encoder:VectorsEncoder",
}

_NEXT_TRANSFORM = re.compile(rf"\+(?=(?:{'|'.join(TRANSFORMS)})(?:[:+]|$))")
_NEXT_PARAMETER = re.compile(r":(?=[a-z_]+=)")


class EncoderSpecPart(NamedTuple):
    """One encoder or transform of a spec: its name and the parameters that were given."""

    name: str
    params: dict[str, Any]


class EncoderSpec(NamedTuple):
    """A parsed encoder spec.

    Attributes:
        encoder: name and parameters of the encoder.
        transforms: names and parameters of the transforms, in order of application.
    """

    encoder: EncoderSpecPart
    transforms: tuple[EncoderSpecPart, ...]

    @classmethod
    def parse(cls, text: str) -> "EncoderSpec":
        """Parse a spec.

        Args:
            text: spec such as `tfidf:max_features=2000+svd:dim=125`; see the module's description.

        Raises:
            ConfigError: the encoder or a transform is unknown, or a parameter has no value.

        Examples:
            >>> EncoderSpec.parse("tfidf:max_features=2000+svd:dim=125+l2").transforms
            (EncoderSpecPart(name='svd', params={'dim': '125'}), EncoderSpecPart(name='l2', params={}))
        """
        encoder, *transforms = map(_part, _NEXT_TRANSFORM.split(text.strip()))
        if encoder.name not in ENCODERS:
            name, plus, rest = encoder.name.partition("+")
            if plus and name in ENCODERS:
                wrong = rest.partition(":")[0]
                raise ConfigError(f"unknown transform {wrong!r} in {text!r}{there_are(wrong, TRANSFORMS)}")
            raise ConfigError(unknown("encoder", encoder.name, sorted(ENCODERS)))
        return cls(encoder, tuple(transforms))

    @property
    def full_name(self) -> str:
        """The names without parameters, such as `tfidf+svd`."""
        return "+".join(part.name for part in (self.encoder, *self.transforms))

    def with_params(self, params: Mapping[str, Any]) -> "EncoderSpec":
        """Return this spec with further parameters for the encoder; where both give one, the spec wins."""
        return EncoderSpec(EncoderSpecPart(self.encoder.name, {**params, **self.encoder.params}), self.transforms)


def _part(text: str) -> EncoderSpecPart:
    name, *pairs = _NEXT_PARAMETER.split(text)
    if ":" in name:
        raise ConfigError(f"{text!r} does not have the form name:key=value, such as tfidf:max_features=2000")
    params: dict[str, Any] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        params[key] = None if value.lower() in ("none", "null") else value
    return EncoderSpecPart(name, params)


def split_fusion(text: str) -> tuple[str, ...]:
    """Return the specs of a fusion, which are separated by commas.

    Examples:
        >>> split_fusion("tfidf+svd:dim=125,minilm")
        ('tfidf+svd:dim=125', 'minilm')
    """
    names = "|".join(map(re.escape, ENCODERS))
    return tuple(spec.strip() for spec in re.split(rf",(?=\s*(?:{names})\s*(?:[:+,]|$))", text))


def make_encoder(spec: str | EncoderSpec, params: Mapping[str, Any] | None = None) -> Encoder:
    """Make an encoder from its spec.

    Args:
        spec: encoder spec such as `tfidf` or `tfidf:max_features=2000+svd`; see `EncoderSpec.parse`.
        params: further parameters of the encoder.

    Raises:
        ConfigError: the encoder or a transform is unknown, or a parameter is unknown or out of range.
        MissingExtraError: a package that the encoder needs is not installed.

    Examples:
        >>> encoder = make_encoder("tfidf:max_features=2000+l2")
        >>> encoder.full_name
        'tfidf+l2'
        >>> encoder.params.max_features
        2000
    """
    spec = (EncoderSpec.parse(spec) if isinstance(spec, str) else spec).with_params(params or {})
    encoder: Encoder = _make("encoder", spec.encoder, encoder_class(spec.encoder.name))
    transforms: list[Transform] = [_make("transform", part, _transform(part.name)) for part in spec.transforms]
    return Chain(encoder, transforms) if transforms else encoder


def encoder_class(name: str) -> Any:
    """Return the class of an encoder, importing its module."""
    module, _, cls = ENCODERS[name].partition(":")
    return getattr(import_module(module), cls)


def _transform(name: str) -> Any:
    if name not in TRANSFORMS:
        raise ConfigError(unknown("transform", name, TRANSFORMS))
    return TRANSFORMS[name]


def _make(kind: str, part: EncoderSpecPart, cls: Any) -> Any:
    try:
        return cls(**part.params)
    except ValidationError as error:
        message = explain(error, _params_model(cls), noun="parameter")
        raise ConfigError(f"{kind} {part.name!r}: {message}") from None


def _params_model(cls: Any) -> type[EncoderParams]:
    model: type[EncoderParams] = get_type_hints(cls)["params"]
    return model


def default_params(name: str) -> dict[str, Any]:
    """Return the defaults of an encoder's or transform's parameters, as plain values; required ones are left out.

    Args:
        name: name of an encoder or a transform.

    Raises:
        ConfigError: there is no encoder or transform of that name.

    Examples:
        >>> default_params("pca")
        {'dim': 128}
    """
    cls = TRANSFORMS[name] if name in TRANSFORMS else encoder_class(EncoderSpec.parse(name).encoder.name)
    fields = _params_model(cls).model_fields
    return {key: to_jsonable_python(field.get_default()) for key, field in fields.items() if not field.is_required()}


def list_encoders() -> list[tuple[str, str, str]]:
    """Return (name, description, required extra) of every encoder and transform."""
    rows = []
    for name in sorted(ENCODERS):
        cls = encoder_class(name)
        rows.append((name, _first_line(cls), f"embrec[{cls.extra}]" if cls.extra else "-"))
    return rows + [(f"+{name}", _first_line(cls), "-") for name, cls in TRANSFORMS.items()]


def list_parameters(name: str) -> list[tuple[str, str, str]]:
    """Return (name, default, description) of each parameter of an encoder or a transform.

    Args:
        name: name of an encoder or a transform; the latter also with its `+`.

    Raises:
        ConfigError: there is no encoder or transform of that name.
    """
    name = name.removeprefix("+")
    cls = TRANSFORMS[name] if name in TRANSFORMS else encoder_class(EncoderSpec.parse(name).encoder.name)
    rows = []
    for key, field in _params_model(cls).model_fields.items():
        default = "required" if field.is_required() else str(field.default)
        rows.append((key, default, field.description or ""))
    return rows


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").partition("\n")[0]


def load_encoder(folder: Path) -> Encoder:
    """Load an encoder that `Encoder.save` wrote to a folder, ready to encode.

    Args:
        folder: folder of the encoder, such as `FeatureTable.encoder_folder`.

    Raises:
        FeatureError: the folder holds no encoder, a damaged one, or one of an incompatible version.
        MissingExtraError: a package that the encoder needs is not installed.
    """
    try:
        description = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
        steps = description.get("transforms", [])
        parts = [EncoderSpecPart(part["name"], part["params"]) for part in (description, *steps)]
        written = [part["version"] for part in (description, *steps)]
        encoder = make_encoder(EncoderSpec(_known(parts[0]), tuple(parts[1:])))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ConfigError) as error:
        raise _unusable(folder, error) from None
    if written[0] in encoder.reads_versions:
        encoder.as_version(written[0])
    current = [encoder.version, *(step.version for step in getattr(encoder, "transforms", ()))]
    if current != written:
        raise FeatureError(
            f"{folder}: encoder {encoder.full_name!r} version {written} cannot be used by this version of "
            f"embrec ({current}); build the features and train again"
        )
    try:
        encoder.load_state(folder)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise _unusable(folder, error) from None
    return encoder


def _known(part: EncoderSpecPart) -> EncoderSpecPart:
    if part.name not in ENCODERS:
        raise ConfigError(unknown("encoder", part.name, sorted(ENCODERS)))
    return part


def _unusable(folder: Path, error: Exception) -> FeatureError:
    return FeatureError(f"{folder} holds no usable encoder ({error}); build the features and train again")
