"""`embrec compare encoders`: the same model, budget and split on each encoder and fusion, measured side by side."""

from collections.abc import Callable, Sequence
from pathlib import Path

from embrec.comparisons.baselines import beside_comparison
from embrec.comparisons.figures import require_matplotlib, write_figures
from embrec.comparisons.provenance import (
    circumstances,
    data_hash,
    identity_hash,
    require_validation,
    seed_numbers,
    settings_of,
)
from embrec.comparisons.results import Comparison, EncoderResult, Measurements, measure
from embrec.comparisons.runner import Bench, Side, Work
from embrec.comparisons.store import ComparisonFolder
from embrec.comparisons.tables import markdown
from embrec.data.splits import SplitConfig
from embrec.data.store import load_dataset
from embrec.errors import ConfigError
from embrec.evaluation.cautions import shown_metrics
from embrec.evaluation.evaluator import protocol_for
from embrec.evaluation.metrics import cutoff
from embrec.evaluation.silhouette import category_column
from embrec.features.category import specs_or_defaults
from embrec.features.registry import make_encoder, split_fusion
from embrec.files import check_output_folder, write_json, write_text
from embrec.locks import together
from embrec.names import did_you_mean, listed
from embrec.progress import Progress, silent
from embrec.runs.config import RunConfig
from embrec.runs.local import choose_device
from embrec.runs.presets import build_config
from embrec.workspace import Category, check_name

METRICS = ("auc", "hr@10", "hr@50", "ndcg@10")


def comparison_config(
    category: str,
    *,
    split: SplitConfig | None = None,
    preset: str | None = None,
    epochs: int | None = None,
    settings: Sequence[str] = (),
) -> RunConfig:
    """Return what all runs of a comparison share; their features and seeds are put in later.

    Args:
        category: the data set.
        split: how it is divided; leave-one-out if None.
        preset: name of a preset.
        epochs: at most.
        settings: texts such as `model.dim=256`; see `build_config`.

    Raises:
        ConfigError: a key is unknown, a value is not allowed, or a setting is what the comparison itself varies.
    """
    for key in (text.partition("=")[0].strip() for text in settings):
        if key in ("model.features", "training.seed"):
            raise ConfigError(f"{key} is what a comparison varies; use --encoder and --seeds")
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
    """Train the same model on each encoder with several seeds, and say what differs.

    Nothing that is there already is done again: feature tables, finished runs (of this comparison or another one), and their
    rankings. Killed and repeated, it ends with the same report. An encoder that fails does not take the others with it.

    Args:
        category: the prepared data, or its name.
        encoders: names of encoders, or fusions of several, separated by commas. Those that the comparison has from before
            stay in it. If None, those of the feature tables that are there, else those that suit the catalog.
        config: how every run is trained; its features and seed are replaced (see `comparison_config`).
        seeds: of the models that each encoder gets, or how many, with seeds from 0.
        name: of the comparison; one for each configuration and data if None.
        output: folder of `results.json`, `table.md`, `figure.png` and `figure.svg`; that of the comparison if None.
        reference: the encoder that the others are compared with; the first if None.
        metrics: what is measured.
        cluster_by: column of categories for the silhouette; see `category_column`.
        cluster_level: how many names of a category path count; all if None.
        command: what is recorded as having made the report.
        on_choice: told in one line which encoders are meant where none is named.
        progress: told of every step.

    Raises:
        ConfigError: an encoder, a setting, a metric or a column is unknown, or nothing is asked for; nothing is done then.
        MissingExtraError: packages of an encoder or of the figure are not installed; nothing is done then.
        RunError: the comparison was begun with another configuration or other data, or every encoder failed.
    """
    category = Category.of(category)
    require_matplotlib()
    if output is not None:
        check_output_folder(output)
    numbers = seed_numbers(seeds)
    if encoders is not None and not encoders:
        raise ConfigError("no encoder is named")
    asked = tuple(_checked(text) for text in encoders or ())
    for wanted in (*metrics, config.training.select_by):
        cutoff(wanted)
    require_validation(config)
    choose_device(config.training.device)
    reference = None if reference is None else _checked(reference)
    check_name("comparison", name or "encoders")
    if encoders is None:
        asked = tuple(specs_or_defaults(category, any_split=True, on_choice=on_choice))
    dataset = load_dataset(category)
    partition = config.split(dataset.interactions, len(dataset.catalog))
    column = category_column(dataset.catalog, cluster_by)
    identity = {**settings_of(config), "data": {"hash": data_hash(dataset)}}
    name = name or f"encoders-{config.split.kind}-{identity_hash(identity)}"
    path = category.comparisons / check_name("comparison", name)
    folder = ComparisonFolder.open(path, identity, asked, numbers)
    if reference is not None and reference not in folder.sides:
        raise ConfigError(
            f"--reference {reference!r} is not among the encoders that are compared"
            f"{did_you_mean(reference, folder.sides)} (there: {listed(folder.sides)})"
        )
    protocol_for(config.evaluation, len(dataset.catalog), config.training.select_by)
    with folder.work(category):
        bench = Bench(category, dataset, partition, folder, progress, column, cluster_level)
        measured = bench.work({encoder: Side(split_fusion(encoder), config) for encoder in folder.sides})
        base = reference if reference in measured else next(iter(measured))
        wanted_metrics, metrics = metrics, shown_metrics(metrics, measured[base].evaluations[0])
        of_test = measure({encoder: work.evaluations for encoder, work in measured.items()}, metrics, base)
        slices = measured[base].evaluations[0].slices()
        comparison = Comparison(
            name=name,
            category=category.name,
            seeds=folder.seeds,
            reference=base,
            metric_names=tuple(metrics),
            targets={label: int(members.sum()) for label, members in slices.items() if members.any()},
            clusters=bench.clusters(),
            encoders=tuple(
                EncoderResult(encoder, work.sources, work.runs, work.silhouette, of_test[encoder], _without(work, metrics))
                for encoder, work in measured.items()
            ),
            failures=bench.failures,
            description={"config": settings_of(config), **circumstances(dataset, partition, category, command)},
            folder=output or path,
            baselines=beside_comparison(
                category, dataset, partition, config,
                {encoder: [source.table for source in work.sources] for encoder, work in measured.items()},
                {encoder: work.evaluations for encoder, work in measured.items()},
                wanted_metrics, base, progress,
            ),
        )  # fmt: skip
        _write(comparison)
        return comparison


def _checked(text: str) -> str:
    """Return an encoder or fusion as it will be called, or raise what is wrong with it."""
    specs = split_fusion(text)
    for spec in specs:
        make_encoder(spec)
    if len(set(specs)) < len(specs):
        raise ConfigError(f"fusion {text!r} names an encoder twice")
    return ",".join(specs)


def _without(work: Work, metrics: Sequence[str]) -> dict[str, Measurements]:
    """Measure a fusion with each of its sources silent, beside the whole of it."""
    if not work.without:
        return {}
    beside = measure({"": work.evaluations, **work.without}, metrics, "")
    return {table: beside[table] for table in work.without}


def _write(comparison: Comparison) -> None:
    """Write the report; the numbers last, for they say that the rest is there."""
    folder = comparison.folder
    with together(folder):
        write_figures(comparison, folder)
        write_text(folder / "table.md", markdown(comparison))
        write_json(folder / "results.json", comparison.as_dict())
