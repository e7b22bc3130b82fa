"""Variants: what the rows of a comparison train, and the interface that each way to compare implements."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from embrec.comparisons.results import Row, Subject
from embrec.data.catalog import Catalog
from embrec.data.splits import SplitConfig
from embrec.errors import ConfigError
from embrec.evaluation.metrics import cutoff
from embrec.parameters import call, parameter
from embrec.runs.config import RunConfig
from embrec.runs.local import choose_device


@dataclass(frozen=True)
class Variant:
    """One row of a comparison: a way to train a model.

    Attributes:
        config: the configuration of its runs, whose features and seed are replaced.
        features: specs of the encoders that the model reads.
        labels: column -> value: what tells the row apart in tables.
        run_label: first part of the names of its runs, before those of the feature tables.
    """

    config: RunConfig
    features: tuple[str, ...]
    labels: Mapping[str, str]
    run_label: str = ""


@dataclass(frozen=True)
class ClusterChoice:
    """Categories of items for silhouettes.

    Attributes:
        column: column of the catalog; None where it has no categories.
        level: number of names of a category path that count; all if None.
    """

    column: str | None
    level: int | None


class Variants(ABC):
    """The variants of one way to compare: their names, what each of them trains, and the words of the report.

    A new way to compare is a subclass in a file of its own; `embrec.comparisons.engine.compare` does the rest.

    Attributes:
        subject: name of what is compared, and form of the report.
        default_metrics: measured where the request names none.
        with_ablation: also measure fusions with each of their sources zeroed.
        names: the variants that this request names.
        split: division of the data, the same for all variants.
    """

    subject: ClassVar[Subject]
    default_metrics: ClassVar[Sequence[str]]
    with_ablation: ClassVar[bool] = False
    names: tuple[str, ...]
    split: SplitConfig

    @abstractmethod
    def shared(self) -> dict[str, Any]:
        """Return what all variants share, as plain values: a comparison goes on only with the same."""

    @abstractmethod
    def variant(self, name: str) -> Variant:
        """Return the variant of a name, a requested one or one that the comparison has from before.

        Raises:
            ConfigError: the name, a preset, a setting or a value is not allowed.
        """

    def identity(self) -> dict[str, Any]:
        """Return what names the comparison beside the data; see `shared`."""
        return {"subject": self.subject.name, **self.shared()}

    def description(self) -> dict[str, Any]:
        """Return what all variants share, for `results.json`."""
        return {"terms": self.shared()}

    def references(self, names: Sequence[str], asked: str | None) -> dict[str, str]:
        """Return the variant that each one is compared with: one for all, unless a subclass says otherwise.

        Args:
            names: variants that were measured.
            asked: the requested reference, if any; it may have failed.
        """
        reference = asked if asked is not None and asked in names else names[0]
        return dict.fromkeys(names, reference)

    def columns(self, rows: Sequence[Row]) -> tuple[str, ...]:
        """Return the labels that tell rows apart in tables."""
        return tuple(rows[0].labels)

    def training(self, rows: Sequence[Row]) -> str:
        """Return sentences for the report on how all rows were trained."""
        return ""

    def notes(self, names: Sequence[str]) -> list[str]:
        """Return notes on variants that were left out from the start.

        Args:
            names: all variants of the comparison.
        """
        return []

    def clusters(self, catalog: Catalog) -> ClusterChoice | None:
        """Return the categories that silhouettes are measured on; None for no silhouettes.

        Raises:
            ConfigError: the catalog has no such column.
        """
        return None


def check_config(config: RunConfig, metrics: Sequence[str]) -> None:
    """Raise what is wrong with the configuration of a variant, before any data are read.

    Args:
        config: configuration of a variant.
        metrics: names of what is measured.

    Raises:
        ConfigError: a metric or the device is unknown, or the epoch is not chosen by validation.
    """
    for name in (*metrics, config.training.select_by):
        cutoff(name)
    if not config.training.validates:
        raise ConfigError(
            f"training.learn_from is {config.training.learn_from!r}, but a comparison chooses epochs by validation; leave it "
            f"out, or train the runs with it and use {call('compare_runs')}"
        )
    choose_device(config.training.device)


def check_settings(settings: Sequence[str], varied: Sequence[str]) -> None:
    """Raise if a setting is what the comparison itself varies.

    Args:
        settings: texts such as `model.dim=256`.
        varied: dotted keys that no setting may have.

    Raises:
        ConfigError: see above.
    """
    for key in (text.partition("=")[0].strip().rpartition(":")[2].strip() for text in settings):
        if key in varied:
            raise ConfigError(f"{key} is set by parameters of the comparison; leave it out of {parameter('settings')}")
