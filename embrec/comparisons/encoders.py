"""`compare_encoders`: the same model, training and split on each encoder and fusion."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from embrec.comparisons.engine import compare
from embrec.comparisons.provenance import settings_of
from embrec.comparisons.request import ComparisonRequest
from embrec.comparisons.results import Comparison, Row, Subject
from embrec.comparisons.variants import ClusterChoice, Variant, Variants, check_config
from embrec.data.catalog import Catalog
from embrec.data.splits import SplitConfig
from embrec.errors import ConfigError
from embrec.evaluation.silhouette import category_column
from embrec.features.category import specs_or_defaults
from embrec.features.registry import make_encoder, split_fusion
from embrec.parameters import parameter
from embrec.progress import Progress, silent
from embrec.runs.config import RunConfig
from embrec.runs.presets import build_config
from embrec.workspace import Category

METRICS = ("auc", "hr@10", "hr@50", "ndcg@10")

SUBJECT = Subject(
    name="encoders",
    interval="users",
    title="{label}, {targets:,} targets",
    label_of_all="all items",
    rows_key="encoders",
    figure_metrics=("auc", "hr@50"),
    costs=("dims", "non-zero", "encoding s", "items/s", "silhouette", "parameters", "epochs", "training s"),
    with_csv=False,
    remark="The encoders are those of the tables in `results.json`. The paper's Fig. 11 has others (ELMo, word2vec of "
    "Wiki-words-250, AlexNet), on other data and on validation targets.",
)


class EncoderVariants(Variants):
    """One configuration on several encoders.

    Args:
        encoders: names of encoders, or of fusions with commas between their sources.
        config: configuration of all runs, without features and seed.
        cluster_by: column of categories for the silhouette; see `category_column`.
        cluster_level: number of names of a category path that count; all if None.
    """

    subject = SUBJECT
    default_metrics = METRICS
    with_ablation = True

    def __init__(
        self,
        encoders: Sequence[str],
        config: RunConfig,
        cluster_by: str | None = None,
        cluster_level: int | None = None,
    ) -> None:
        self.names = tuple(encoders)
        self.split = config.split
        self._config, self._cluster_by, self._cluster_level = config, cluster_by, cluster_level

    def shared(self) -> dict[str, Any]:
        """Return the configuration without features and seed."""
        return settings_of(self._config)

    def identity(self) -> dict[str, Any]:
        """Return what names the comparison beside the data: the configuration alone."""
        return self.shared()

    def description(self) -> dict[str, Any]:
        """Return the configuration, for `results.json`."""
        return {"config": self.shared()}

    def variant(self, name: str) -> Variant:
        """Return the configuration on an encoder or fusion."""
        return Variant(self._config, split_fusion(name), {"encoder": name})

    def training(self, rows: Sequence[Row]) -> str:
        """Return sentences for the report on how all rows were trained."""
        training = self._config.training
        return (
            f"Epochs: {training.epochs} at most, the best by validation {training.select_by}. Warm items have training "
            "events, cold items have none."
        )

    def clusters(self, catalog: Catalog) -> ClusterChoice:
        """Return the categories that silhouettes are measured on."""
        return ClusterChoice(category_column(catalog, self._cluster_by), self._cluster_level)


def comparison_config(
    category: str,
    *,
    split: SplitConfig | None = None,
    preset: str | None = None,
    epochs: int | None = None,
    settings: Sequence[str] = (),
) -> RunConfig:
    """Return what all runs of a comparison of encoders share; their features and seeds are put in later.

    Args:
        category: the data set.
        split: division of the data; leave-one-out if None.
        preset: name of a preset.
        epochs: largest number of epochs.
        settings: texts such as `model.dim=256`; see `build_config`.

    Raises:
        ConfigError: a key is unknown, a value is not allowed, or a setting is what the comparison itself varies.
    """
    for key in (text.partition("=")[0].strip() for text in settings):
        if key in ("model.features", "training.seed"):
            raise ConfigError(
                f"{key} is what the comparison varies; give it by {parameter('encoders')} and {parameter('seeds')}"
            )
    options = {"model.features": ("each encoder",), "training.epochs": epochs}
    return build_config(category, split=split, preset=preset, options=options, settings=settings)


def compare_encoders(
    category: Category | str,
    encoders: Sequence[str] | None,
    config: RunConfig,
    *,
    seeds: int | Sequence[int] = 3,
    name: str | None = None,
    output: Path | None = None,
    reference: str | None = None,
    metrics: Sequence[str] = METRICS,
    cluster_by: str | None = None,
    cluster_level: int | None = None,
    command: str = "",
    on_choice: Callable[[str], None] = lambda _: None,
    progress: Progress = silent,
) -> Comparison:
    """Train the same model on each encoder with several seeds, and compare them with intervals and paired tests.

    Finished work is reused; see `ComparisonRequest`.

    Args:
        category: the prepared data, or its name.
        encoders: names of encoders, or fusions of several, separated by commas. Those that the comparison has from before
            stay in it. If None, those of the feature tables that are there, else those that suit the catalog.
        config: the configuration of every run; its features and seed are replaced (see `comparison_config`).
        seeds: seeds of the models that each encoder gets, or their number, with seeds from 0.
        name: name of the comparison; one for each configuration and data if None.
        output: folder of `results.json`, `table.md`, `figure.png` and `figure.svg`; that of the comparison if None.
        reference: encoder that the others are compared with; the first if None.
        metrics: names of what is measured.
        cluster_by: column of categories for the silhouette; see `category_column`.
        cluster_level: number of names of a category path that count; all if None.
        command: recorded as having made the report.
        on_choice: callback that receives one line about encoders that are chosen because none is named.
        progress: callback, called at every step.

    Raises:
        ConfigError: an encoder, a setting, a metric or a column is unknown, or none is named; raised before any work.
        MissingExtraError: packages of an encoder or of the figure are not installed; raised before any work.
        RunError: the comparison was begun with another configuration or other data, or every encoder failed.
    """
    request = ComparisonRequest(
        category,
        split=config.split,
        seeds=seeds,
        metrics=metrics,
        name=name,
        output=output,
        command=command,
        reference=None if reference is None else _checked(reference),
        on_choice=on_choice,
        progress=progress,
    )
    request.check(SUBJECT.name)
    if encoders is not None and not encoders:
        raise ConfigError("no encoder is named")
    asked = tuple(_checked(text) for text in encoders or ())
    if encoders is None:
        check_config(config, metrics)  # before the data are read
        asked = tuple(specs_or_defaults(request.folder, any_split=True, on_choice=on_choice))
    return compare(request, EncoderVariants(asked, config, cluster_by, cluster_level))


def _checked(text: str) -> str:
    """Return an encoder or fusion as the comparison names it.

    Raises:
        ConfigError: an encoder or one of its parameters is unknown.
    """
    specs = split_fusion(text)
    for spec in specs:
        make_encoder(spec)
    if len(set(specs)) < len(specs):
        raise ConfigError(f"fusion {text!r} names an encoder twice")
    return ",".join(specs)
