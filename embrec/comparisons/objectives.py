"""Objectives: losses with their negatives, the variants of comparisons of losses and of negatives."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple

from embrec.comparisons.engine import compare
from embrec.comparisons.provenance import WITHOUT_EFFECT
from embrec.comparisons.request import ComparisonRequest, choose_features
from embrec.comparisons.results import Comparison, Row
from embrec.comparisons.variants import Variant, Variants, check_config, check_settings
from embrec.errors import ConfigError
from embrec.features.registry import make_encoder
from embrec.names import there_are
from embrec.runs.config import RunConfig
from embrec.runs.presets import build_config, lacks_features, load_preset, preset_names

Count = int | Literal["all"]

METRICS = ("auc", "hr@50")
PUBLISHED_NEGATIVES = "published-negatives"
_NO_PRESET = "none"


class LossVariant(NamedTuple):
    """A loss and its negatives.

    Attributes:
        loss: its name.
        negatives: their number; None for that of the preset.
        published: True for the negatives of the published code, with its defects.
    """

    loss: str
    negatives: Count | None = None
    published: bool = False

    @property
    def name(self) -> str:
        """The name of the variant, such as `bpr, 1024, published`."""
        parts = [
            self.loss,
            *([] if self.negatives is None else [str(self.negatives)]),
            *(["published"] * self.published),
        ]
        return ", ".join(parts)

    @classmethod
    def of(cls, name: str) -> "LossVariant":
        """Return the objective of a name."""
        loss, *rest = name.split(", ")
        published = rest[-1:] == ["published"]
        counts = rest[:-1] if published else rest
        return cls(loss, read_count(counts[0]) if counts else None, published)


def read_count(text: str) -> Count:
    """Return a number of negatives.

    Raises:
        ConfigError: the text is neither a number above 0 nor `all`.
    """
    text = text.strip()
    if text == "all":
        return "all"
    if not text.isdecimal() or int(text) == 0:
        raise ConfigError(f"number of negatives {text!r} is neither a number above 0 nor all; such as 1024,4096,all")
    return int(text)


@dataclass(frozen=True)
class SharedSettings:
    """What all objectives of a comparison share.

    Attributes:
        request: category, features, split, preset, epochs and settings.
        varied: dotted keys that the comparison itself varies, so that no setting may.
        alpha: sampled negatives are drawn in proportion to popularity to this power; None for that of the preset.
    """

    request: ComparisonRequest
    varied: tuple[str, ...] = ()
    alpha: float | None = None

    def identity(self) -> dict[str, Any]:
        """Return all of it as plain values, without what changes no result."""
        request = self.request
        return {
            "features": list(request.features),
            "split": request.split.model_dump(),
            "preset": request.preset or "that of each loss",
            "epochs": request.epochs or "as the preset says",
            "settings": [text for text in request.settings if _key(text)[1] not in WITHOUT_EFFECT],
            "alpha": self.alpha,
        }

    @property
    def reads_tables(self) -> bool:
        """True if the models read feature tables, by what all rows share."""
        preset = None if self.request.preset in (None, _NO_PRESET) else self.request.preset
        return lacks_features({}, [text for text in self.request.settings if not _key(text)[0]], preset)

    def check(self, losses: Sequence[str]) -> None:
        """Raise if a setting cannot be one of this comparison, or is for a loss that is not compared.

        Raises:
            ConfigError: see above.
        """
        check_settings(self.request.settings, ("model.features", "training.seed", *self.varied))
        for text in self.request.settings:
            loss, key = _key(text)
            if loss and loss not in losses:
                raise ConfigError(f"setting {text!r} is for a loss that is not compared{there_are(loss, losses)}")
            if loss and key.startswith("evaluation."):
                raise ConfigError(f"setting {text!r}: all losses are measured alike; leave out {loss}:")

    def config(self, objective: LossVariant) -> RunConfig:
        """Return the configuration of a row.

        Raises:
            ConfigError: a preset, loss, key or value is not allowed.
        """
        request, loss = self.request, objective.loss
        name = request.preset or (f"embrec-{loss}" if f"embrec-{loss}" in preset_names() else "embrec")
        presets = [] if name == _NO_PRESET else [name]
        training = load_preset(name).get("training", {}) if presets else {}
        if objective.published:
            presets.append(PUBLISHED_NEGATIVES)
        options: dict[str, Any] = {
            "model.features": tuple(request.features) or None,
            "training.epochs": request.epochs,
            "evaluation.seen": "keep",
        }
        if _loss(training) != loss:
            options["training.loss"] = loss
        if loss == "cosine":
            options |= {"model.fc": False, "model.metric": "cosine", "training.negatives": {"count": "all"}}
        elif not objective.published:
            options["training.negatives.exclude"] = "own"
        if objective.negatives is not None:
            options["training.negatives.count"] = objective.negatives
            options["training.negatives.alpha"] = self.alpha if objective.negatives != "all" else None
        return build_config(
            request.folder.name,
            split=request.split,
            preset="+".join(presets) or None,
            options=options,
            settings=[_setting(text) for text in request.settings if _key(text)[0] in ("", loss)],
        )


class ObjectiveVariants(Variants):
    """Objectives of one model; see `LossVariants` and `NegativesVariants`.

    Args:
        objectives: the requested ones.
        shared: what all of them share.
        notes: notes on variants that were left out.
    """

    default_metrics: ClassVar[Sequence[str]] = METRICS

    def __init__(self, objectives: Sequence[LossVariant], shared: SharedSettings, notes: Sequence[str] = ()) -> None:
        self.names = tuple(objective.name for objective in objectives)
        self.split = shared.request.split
        self._shared, self._notes = shared, list(notes)

    def shared(self) -> dict[str, Any]:
        """Return what all objectives share, as plain values."""
        return self._shared.identity()

    def variant(self, name: str) -> Variant:
        """Return the configuration of an objective."""
        objective = LossVariant.of(name)
        config = self._shared.config(objective)
        # All negatives are the default, so that runs with them serve comparisons of losses and of negatives alike.
        label = objective._replace(negatives=None) if objective.negatives == "all" else objective
        labels = {
            "loss": objective.loss,
            "negatives": _count(config),
            "protocol": "published" if objective.published else "corrected",
        }
        return Variant(config, tuple(self._shared.request.features), labels, label.name)

    def columns(self, rows: Sequence[Row]) -> tuple[str, ...]:
        """Return the labels that tell rows apart in tables: the protocol only where both stand side by side."""
        return ("loss", "negatives", *(["protocol"] if _both_protocols(rows) else []))

    def notes(self, names: Sequence[str]) -> list[str]:
        """Return notes on variants that were left out from the start."""
        if "cosine" in names and any(LossVariant.of(name).published for name in names):
            return [*self._notes, "loss cosine has no negatives, so that there is no row of the published code's"]
        return self._notes

    def training(self, rows: Sequence[Row]) -> str:
        """Return sentences for the report on item vectors, preset, epochs and negatives."""
        terms = self.shared()
        configs = [row.config for row in rows if row.config is not None]
        drawn = next((config.training.negatives for config in configs if config.training.negatives.sampled), None)
        text = (
            f"Item vectors: {', '.join(self._shared.request.features) or 'none'}. Preset: {terms['preset']}. "
            f"Epochs: {terms['epochs']}, the best by validation {configs[0].training.select_by}. "
            "Negatives leave out the items of the user's own history"
        )
        if drawn is not None:
            text += (
                f"; a sample is drawn anew at each step, by popularity to the power of {drawn.alpha:g}, and shared by the "
                "batch"
            )
        if _both_protocols(rows):
            text += (
                ". Published: as in the published code they leave out the next items of the whole batch, and batches and "
                "draws are the same in every epoch"
            )
        return f"{text}."


def compare_objectives(
    kind: type[ObjectiveVariants], objectives: Sequence[LossVariant], shared: SharedSettings, notes: Sequence[str] = ()
) -> Comparison:
    """Check what is asked, choose the encoders where none is named, and compare objectives.

    Args:
        kind: the way to compare.
        objectives: the requested ones.
        shared: what all of them share.
        notes: notes on variants that were left out.

    Raises:
        ConfigError: a loss, a setting, a preset or a metric is unknown, or none is named; raised before any work.
        MissingExtraError: packages of an encoder or of the figure are not installed; raised before any work.
        RunError: the comparison was begun with other settings or data, or every objective failed.
    """
    request = shared.request
    request.check(kind.subject.name)
    if not objectives:
        raise ConfigError("no loss is named")
    for spec in request.features:
        make_encoder(spec)
    shared.check([objective.loss for objective in objectives])

    def check(request: ComparisonRequest) -> None:
        for objective in objectives:
            config = replace(shared, request=request).config(objective)
            check_config(config, request.metrics or kind.default_metrics)

    request = choose_features(request, shared.reads_tables, check)
    return compare(request, kind(objectives, replace(shared, request=request), notes))


def with_published(objectives: Sequence[LossVariant]) -> list[LossVariant]:
    """Return each objective followed by its published form, where its loss has negatives."""
    both = [one for objective in objectives for one in (objective, objective._replace(published=True))]
    return [one for one in both if not (one.published and one.loss == "cosine")]


def _both_protocols(rows: Sequence[Row]) -> bool:
    return any(row.labels["protocol"] == "published" for row in rows)


def _count(config: RunConfig) -> str:
    """Return the number of negatives at a step: a number, `all` or `none`."""
    training = config.training
    return "none" if training.loss.needs == "nothing" else str(training.negatives.count)


def _key(setting: str) -> tuple[str, str]:
    """Return the loss that a setting is for, or "" for all, and its key."""
    name = setting.partition("=")[0].strip()
    loss, colon, key = name.partition(":")
    return (loss.strip(), key.strip()) if colon else ("", name)


def _setting(text: str) -> str:
    """Return a setting without the loss that it is for."""
    return text.partition(":")[2] if _key(text)[0] else text


def _loss(training: dict[str, Any]) -> str:
    loss = training.get("loss", "cross-entropy")
    return str(loss["name"] if isinstance(loss, dict) else loss)
