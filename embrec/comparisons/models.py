"""`compare_models`: any models of the zoo side by side, under one protocol and with several seeds."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from embrec.comparisons.engine import compare
from embrec.comparisons.provenance import WITHOUT_EFFECT
from embrec.comparisons.request import ComparisonRequest, choose_features
from embrec.comparisons.results import Comparison, Row, Subject
from embrec.comparisons.store import earlier_identity
from embrec.comparisons.variants import Variant, Variants, check_config, check_settings
from embrec.errors import ConfigError
from embrec.evaluation.evaluator import EvaluationConfig
from embrec.features.registry import make_encoder, split_fusion
from embrec.models import registry
from embrec.names import unknown
from embrec.parameters import call, parameter
from embrec.runs.config import RunConfig
from embrec.runs.presets import build_config, lacks_features, load_preset, preset_names
from embrec.training.config import TrainingConfig

METRICS = ("ndcg@10", "hr@10", "auc")

SUBJECT = Subject(
    name="models",
    interval="users",
    costs=("parameters", "learning rate", "best epoch", "epochs", "training s"),
)

_VARIED = ("model.kind", "model.features", "training.seed")


class ModelSpec(NamedTuple):
    """A model as a comparison names it: `KIND` or `PRESET`, then `:KEY=VALUE,...` for settings of its own.

    Attributes:
        name: the text, without spaces.
        kind: kind of the model; None where a preset says it.
        preset: name of a preset, or several with plus signs between them; None for the defaults.
        settings: texts such as `model.layers=2`.
        features: specs of its own encoders; None for those that all models share.

    Examples:
        >>> ModelSpec.parse("sasrec:layers=2,learning_rate=1e-3").settings
        ('model.layers=2', 'training.learning_rate=1e-3')
        >>> ModelSpec.parse("embrec-office").preset
        'embrec-office'
        >>> ModelSpec.parse("gru4rec:preset=gru4rec,features=tfidf,minilm").features
        ('tfidf', 'minilm')
    """

    name: str
    kind: str | None
    preset: str | None
    settings: tuple[str, ...]
    features: tuple[str, ...] | None

    @classmethod
    def parse(cls, text: str) -> "ModelSpec":
        """Read a model.

        Raises:
            ConfigError: no model and no preset has the name, or a setting is not `KEY=VALUE` or not one of a single model.
        """
        name, _, rest = text.partition(":")
        name = name.strip()
        kind = name if name in registry.kinds() else None
        preset = None if kind else name
        settings, features, said = [], None, []
        for key, value in _pairs(text, rest):
            said.append(f"{key}={value}")
            if key == "preset":
                preset = value
            elif key in ("features", "model.features"):
                features = _specs(value)
            else:
                settings.append(f"{_dotted(key, kind or _kind_of(preset))}={value}")
        for part in (preset or "").split("+"):
            if preset is not None and part not in preset_names():
                if part == name:
                    raise ConfigError(
                        unknown("model", name, [*registry.kinds(), *preset_names()], most=len(registry.kinds()))
                        + f" (presets: {call('preset_names')})"
                    )
                raise ConfigError(f"model {text!r}: {unknown('preset', part, preset_names())}")
        for setting in settings:
            key = setting.partition("=")[0]
            if key.startswith("evaluation."):
                raise ConfigError(f"model {text!r}: all models are measured alike; set {key} for all of them")
            if key in _VARIED:
                raise ConfigError(f"model {text!r}: {key} is what the comparison itself sets; leave it out")
        return cls(f"{name}:{','.join(said)}" if said else name, kind, preset, tuple(settings), features)


@dataclass(frozen=True)
class _Shared:
    """The configurations of all models, from what they share and what each one has of its own.

    Attributes:
        request: category, features, split, epochs and settings of all.
    """

    request: ComparisonRequest

    def evaluation(self) -> EvaluationConfig:
        """Return how the targets of all models are ranked: the defaults, or what the settings of all say.

        Raises:
            ConfigError: a setting is not allowed.
        """
        settings = [text for text in self.request.settings if text.strip().startswith("evaluation.")]
        return build_config(self.request.folder.name, options={"model.source": "id"}, settings=settings).evaluation

    def reads(self, spec: ModelSpec) -> bool:
        """Return True if a model reads the feature tables that all models share."""
        options = {"model.kind": spec.kind, "model.features": spec.features}
        return lacks_features(options, [*self.request.settings, *spec.settings], spec.preset)

    def config(self, spec: ModelSpec) -> RunConfig:
        """Return the configuration of a model, ranked as its own preset says.

        Raises:
            ConfigError: a key is unknown or a value not allowed.
        """
        features = tuple(self.request.features) if self.reads(spec) else spec.features
        options = {"model.kind": spec.kind, "model.features": features or None, "training.epochs": self.request.epochs}
        try:
            return build_config(
                self.request.folder.name,
                split=self.request.split,
                preset=spec.preset,
                options=options,
                settings=[*self.request.settings, *spec.settings],
            )
        except ConfigError as error:
            raise ConfigError(f"model {spec.name!r}: {error}") from None


class ModelVariants(Variants):
    """Models of the zoo.

    Args:
        models: the requested ones, as `ModelSpec` names them.
        request: features, split, epochs and settings of all.
    """

    subject = SUBJECT
    default_metrics = METRICS

    def __init__(self, models: Sequence[str], request: ComparisonRequest) -> None:
        self.names = tuple(models)
        self.split = request.split
        self._request, self._shared = request, _Shared(request)

    def shared(self) -> dict[str, Any]:
        """Return what all models share, as plain values, without what changes no result."""
        request = self._request
        return {
            "features": list(request.features),
            "split": request.split.model_dump(),
            "epochs": request.epochs or "as each model says",
            "settings": [text for text in request.settings if text.partition("=")[0].strip() not in WITHOUT_EFFECT],
        }

    def variant(self, name: str) -> Variant:
        """Return the configuration of a model, ranked as all of them are."""
        spec = ModelSpec.parse(name)
        config = self._shared.config(spec).model_copy(update={"evaluation": self._shared.evaluation()})
        features = tuple(config.model.features)
        items = " ".join([config.model.source, ",".join(features)]).strip()
        return Variant(config, features, {"model": name, "items": items}, name)

    def training(self, rows: Sequence[Row]) -> str:
        """Return sentences for the report on how all rows were trained."""
        trainings = [row.config.training for row in rows if row.config is not None]
        epochs = " or ".join(dict.fromkeys(str(one.epochs) for one in trainings))
        chosen = " or ".join(dict.fromkeys(one.select_by for one in trainings))
        return (
            "Each model has the defaults of its kind, or the preset and the settings in its name. "
            f"Epochs: {epochs} at most, the best by validation {chosen}. Warm items have training events, cold items have "
            "none."
        )

    def notes(self, names: Sequence[str]) -> list[str]:
        """Return notes on presets whose own protocol is another one."""
        ours = self._shared.evaluation().words()
        theirs = {name: self._shared.config(ModelSpec.parse(name)).evaluation.words() for name in names}
        return [
            f"by the preset of {name} targets are {words}; here all models are measured alike"
            for name, words in theirs.items()
            if words != ours
        ]


def compare_models(request: ComparisonRequest, models: Sequence[str] | str | None = None) -> Comparison:
    """Train models of the zoo with several seeds under one protocol, and compare them with intervals and paired tests.

    A model is a kind with the defaults of a training, or a preset, with settings of its own behind a colon:

    - `sasrec`: the defaults of the kind.
    - `embrec-office`: a preset.
    - `sasrec:layers=2,dim=64`: settings of the model.
    - `gru4rec:loss=bpr-max,negatives.count=512`: settings of the model's training.
    - `gru4rec:preset=gru4rec`: a preset that has the name of a kind.
    - `embrec:source=hybrid,features=tfidf,minilm`: a source of items, and encoders of its own.

    Args:
        request: data, settings of all models, seeds and report. Its features are read by the models of content that name none
            of their own; if empty, those of the comparison that has its name already are. Settings of `model` must fit all
            models. It names no preset: each model has its own.
        models: those to compare, or one; all kinds with their defaults if None. Models that the comparison has from before
            stay in it.

    Returns:
        The comparison; `results.json`, `results.csv`, `table.md` and the figure are in its folder.

    Raises:
        ConfigError: a model, a setting or a metric is unknown, or none is named; raised before any work.
        MissingExtraError: packages of an encoder or of the figure are not installed; raised before any work.
        RunError: the comparison was begun with other settings or data, or every model failed.
    """
    models = [models] if isinstance(models, str) else models
    request.check(SUBJECT.name)
    if request.preset is not None:
        raise ConfigError(
            f"{parameter('preset')} cannot be given for all models; name it as a model, such as 'embrec-office'"
        )
    if request.name is not None and not request.features:  # those of the models that the comparison has already
        earlier = earlier_identity(request.folder.comparisons / request.name)
        request = replace(request, features=tuple(earlier.get("features", ())))
    specs = {spec.name: spec for spec in map(ModelSpec.parse, registry.kinds() if models is None else models)}
    if not specs:
        raise ConfigError("no model is named")
    check_settings(request.settings, _VARIED)
    own = [encoder for spec in specs.values() for encoder in spec.features or ()]
    for encoder in (*request.features, *own):
        make_encoder(encoder)
    shared = _Shared(request)

    def check(request: ComparisonRequest) -> None:
        variants = ModelVariants(list(specs), request)
        for name in specs:
            check_config(variants.variant(name).config, request.metrics or METRICS)

    request = choose_features(request, any(shared.reads(spec) for spec in specs.values()), check)
    return compare(request, ModelVariants(list(specs), request))


def _pairs(text: str, rest: str) -> list[tuple[str, str]]:
    """Return the settings behind a model's name, as (key, value); commas within a value join to it.

    Raises:
        ConfigError: one is not `KEY=VALUE`.
    """
    found: list[tuple[str, str]] = []
    open_brackets = 0
    for piece in rest.split(",") if rest.strip() else ():
        key, equals, value = piece.partition("=")
        if not open_brackets and equals and re.fullmatch(r"\s*\w[\w.]*\s*", key):
            found.append((key.strip(), value.strip()))
        elif found:
            found[-1] = (found[-1][0], f"{found[-1][1]},{piece.strip()}")
        else:
            raise ConfigError(
                f"model {text!r}: {piece.strip()!r} does not have the form key=value, such as sasrec:dim=64"
            )
        open_brackets += piece.count("[") - piece.count("]")
    return found


def _specs(value: str) -> tuple[str, ...]:
    """Return the encoders of a value such as `tfidf,minilm` or `[tfidf,minilm]`."""
    return split_fusion(value.removeprefix("[").removesuffix("]"))


def _dotted(key: str, kind: str) -> str:
    """Return the whole key of a setting: one of the model or of its training may be without its section."""
    if key.partition(".")[0] in ("model", "training", "evaluation"):
        return key
    first = key.partition(".")[0]
    in_model = first in registry.lookup(kind).config.model_fields
    return f"training.{key}" if not in_model and first in TrainingConfig.model_fields else f"model.{key}"


def _kind_of(preset: str | None) -> str:
    """Return the kind of model of a preset; the default one if the preset is unknown, which `build_config` refuses."""
    known = preset is not None and all(part in preset_names() for part in preset.split("+"))
    model: Mapping[str, Any] = load_preset(preset).get("model", {}) if preset is not None and known else {}
    return str(model.get("kind", registry.DEFAULT))
