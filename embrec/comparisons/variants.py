"""The rows of a comparison of losses or negatives: what each trains with, and the configuration that this makes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from embrec.data.splits import SplitConfig
from embrec.errors import ConfigError
from embrec.names import there_are
from embrec.runs.config import RunConfig
from embrec.runs.presets import build_config, load_preset, preset_names, reads_tables

Count = int | Literal["all"]

PUBLISHED_NEGATIVES = "published-negatives"
_NO_PRESET = "none"
_RESULTS_DO_NOT_DEPEND_ON = ("training.device", "training.checkpoint_seconds")


class Footing(NamedTuple):
    """What a row trains with.

    Attributes:
        loss: its name.
        negatives: how many; None where the preset says how many.
        published: the negatives are those of the published code, with its defects.
    """

    loss: str
    negatives: Count | None = None
    published: bool = False

    @property
    def name(self) -> str:
        """What people, files and messages call it, such as `bpr, 1024, published`."""
        parts = [
            self.loss,
            *([] if self.negatives is None else [str(self.negatives)]),
            *(["published"] * self.published),
        ]
        return ", ".join(parts)

    @classmethod
    def of(cls, name: str) -> "Footing":
        """Return the footing that is called so."""
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
class Terms:
    """What all rows of a comparison share.

    Attributes:
        category: the data set.
        features: specs of the encoders that every model reads.
        split: how the data are divided.
        preset: of all losses; None for each loss its own, `none` for the defaults.
        epochs: at most; None for what the preset says.
        settings: texts such as `model.dim=256`, or `bpr:training.learning_rate=1e-3` for one loss alone.
        alpha: sampled negatives are drawn in proportion to popularity to this power; None for what the preset says.
        varied: keys that the comparison itself varies, so that no setting may.
    """

    category: str
    features: tuple[str, ...]
    split: SplitConfig
    preset: str | None = None
    epochs: int | None = None
    settings: tuple[str, ...] = ()
    alpha: float | None = None
    varied: tuple[str, ...] = ()

    def identity(self) -> dict[str, Any]:
        """Return all of it as plain values, without what changes no result."""
        kept = [text for text in self.settings if _key(text)[1] not in _RESULTS_DO_NOT_DEPEND_ON]
        return {
            "features": list(self.features),
            "split": self.split.model_dump(),
            "preset": self.preset or "that of each loss",
            "epochs": self.epochs or "as the preset says",
            "settings": kept,
            "alpha": self.alpha,
        }

    @property
    def read_tables(self) -> bool:
        """Whether the models read feature tables, by what all rows share."""
        preset = None if self.preset in (None, _NO_PRESET) else self.preset
        return reads_tables({}, [text for text in self.settings if not _key(text)[0]], preset)

    def check(self, losses: Sequence[str]) -> None:
        """Raise where a setting cannot be one of this comparison, or belongs to no loss of it.

        Raises:
            ConfigError: see above.
        """
        for text in self.settings:
            loss, key = _key(text)
            if key in ("model.features", "training.seed", *self.varied):
                raise ConfigError(f"{key} is what the options of the comparison say; leave it out of --set")
            if loss and loss not in losses:
                raise ConfigError(f"setting {text!r} is for a loss that is not compared{there_are(loss, losses)}")
            if loss and key.startswith("evaluation."):
                raise ConfigError(f"setting {text!r}: all losses are measured alike; leave out {loss}:")

    def config(self, footing: Footing) -> RunConfig:
        """Return the configuration of a row.

        Raises:
            ConfigError: a preset, loss, key or value is not allowed.
        """
        name = self.preset or (f"embrec-{footing.loss}" if f"embrec-{footing.loss}" in preset_names() else "embrec")
        presets = [] if name == _NO_PRESET else [name]
        training = load_preset(name).get("training", {}) if presets else {}
        if footing.published:
            presets.append(PUBLISHED_NEGATIVES)
        options: dict[str, Any] = {
            "model.features": self.features or None,
            "training.epochs": self.epochs,
            "evaluation.seen": "keep",
        }
        if _loss(training) != footing.loss:
            options["training.loss"] = footing.loss
        if footing.loss == "cosine":
            options |= {"model.fc": False, "model.metric": "cosine", "training.negatives": {"count": "all"}}
        elif not footing.published:
            options["training.negatives.exclude"] = "own"
        if footing.negatives is not None:
            options["training.negatives.count"] = footing.negatives
            options["training.negatives.alpha"] = self.alpha if footing.negatives != "all" else None
        mine = [text.partition(":")[2] if loss else text for text in self.settings for loss, _ in [_key(text)]
                if loss in ("", footing.loss)]  # fmt: skip
        return build_config(
            self.category, split=self.split, preset="+".join(presets) or None, options=options, settings=mine
        )


def _key(setting: str) -> tuple[str, str]:
    """Return the loss that a setting is for, or "" for all, and its key."""
    name = setting.partition("=")[0].strip()
    loss, colon, key = name.partition(":")
    return (loss.strip(), key.strip()) if colon else ("", name)


def _loss(training: dict[str, Any]) -> str:
    loss = training.get("loss", "cross-entropy")
    return str(loss["name"] if isinstance(loss, dict) else loss)
