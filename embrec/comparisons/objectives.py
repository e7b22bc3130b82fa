"""Comparisons of losses and of negatives under one protocol, with several seeds, as in [semikin2019] Fig. 12 and 13."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from embrec.comparisons.baselines import beside_comparison
from embrec.comparisons.figures import require_matplotlib, save_figure
from embrec.comparisons.objective_figures import draw_objectives
from embrec.comparisons.objective_results import ObjectiveComparison, Row, Subject, references
from embrec.comparisons.objective_tables import objective_markdown
from embrec.comparisons.provenance import circumstances, data_hash, identity_hash, require_validation, seed_numbers
from embrec.comparisons.results import Measurements, measure
from embrec.comparisons.runner import Bench, Side, Work
from embrec.comparisons.store import ComparisonFolder
from embrec.comparisons.variants import Count, Footing, Terms
from embrec.data.splits import LeaveOneOut, SplitConfig
from embrec.data.store import load_dataset
from embrec.errors import ConfigError
from embrec.evaluation.cautions import shown_metrics
from embrec.evaluation.evaluator import protocol_for
from embrec.evaluation.metrics import cutoff
from embrec.features.category import specs_or_defaults
from embrec.features.registry import make_encoder
from embrec.files import check_output_folder, write_json, write_text
from embrec.locks import together
from embrec.names import did_you_mean, listed
from embrec.progress import Progress, silent
from embrec.runs.local import choose_device
from embrec.runs.planning import UNKNOWN_TABLE
from embrec.workspace import Category, check_name

METRICS = ("auc", "hr@50")
LOSSES = ("cross-entropy", "bpr", "bpr-max", "cosine")
LOSSES_WITH_NEGATIVES = LOSSES[:3]
COUNTS: tuple[Count, ...] = (1024, 2048, 4096, 8192, 16384, 32768, "all")


def compare_losses(
    category: Category,
    features: Sequence[str],
    losses: Sequence[str] = LOSSES,
    *,
    published: bool = False,
    split: SplitConfig | None = None,
    preset: str | None = None,
    epochs: int | None = None,
    settings: Sequence[str] = (),
    seeds: int | Sequence[int] = 3,
    name: str | None = None,
    output: Path | None = None,
    reference: str | None = None,
    metrics: Sequence[str] = METRICS,
    command: str = "",
    on_choice: Callable[[str], None] = lambda _: None,
    progress: Progress = silent,
) -> ObjectiveComparison:
    """Train the same model with each loss and several seeds, and say what differs ([semikin2019] Fig. 12).

    Nothing that is there already is done again: feature tables, finished runs (of this comparison or another one), and their
    rankings. Killed and repeated, it ends with the same report. A loss that fails does not take the others with it.

    Args:
        category: the prepared data.
        features: specs of the encoders that every model reads; tables that are missing are built. If there is none and the
            models read content: those of the feature tables that fit the split, else those that suit the catalog.
        losses: their names. Those that the comparison has from before stay in it.
        published: beside each loss with the user's own items left out of the negatives, also train it with the negatives of
            the published code: the batch's next items left out, batches and draws the same in every epoch.
        split: how the data are divided; leave-one-out if None.
        preset: of all losses; if None, each loss has its own, such as `embrec-bpr`. `none` for the defaults.
        epochs: at most; as the preset says if None.
        settings: texts such as `model.dim=256`, or `bpr:training.learning_rate=1e-3` for one loss alone.
        seeds: of the models, or how many, with seeds from 0.
        name: of the comparison; one for each terms and data if None.
        output: folder of `results.json`, `results.csv`, `table.md`, `figure.png` and `figure.svg`; that of the comparison
            if None.
        reference: the loss that the others are compared with; the first if None.
        metrics: what is measured.
        command: what is recorded as having made the report.
        on_choice: told in one line which encoders are meant where none is named.
        progress: told of every step.

    Raises:
        ConfigError: a loss, a setting, a preset or a metric is unknown, or nothing is asked for; nothing is done then.
        MissingExtraError: packages of an encoder or of the figure are not installed; nothing is done then.
        RunError: the comparison was begun on other terms or data, or every loss failed.
    """
    footings = [Footing(loss) for loss in dict.fromkeys(losses)]
    if published:
        footings = _with_published(footings)
    terms = Terms(
        category.name, tuple(features), split or LeaveOneOut(), preset, epochs, tuple(settings),
        varied=("training.loss", "training.loss.name"),
    )  # fmt: skip
    asked = None if reference is None else Footing(reference)
    return _compare(
        "losses", category, terms, footings, [], seeds, name, output, asked, metrics, command, on_choice, progress
    )


def compare_negatives(
    category: Category,
    features: Sequence[str],
    losses: Sequence[str] = LOSSES_WITH_NEGATIVES,
    counts: Sequence[Count] = COUNTS,
    *,
    published: bool = False,
    alpha: float = 1.0,
    split: SplitConfig | None = None,
    preset: str | None = None,
    epochs: int | None = None,
    settings: Sequence[str] = (),
    seeds: int | Sequence[int] = 3,
    name: str | None = None,
    output: Path | None = None,
    metrics: Sequence[str] = METRICS,
    command: str = "",
    on_choice: Callable[[str], None] = lambda _: None,
    progress: Progress = silent,
) -> ObjectiveComparison:
    """Train the same model with different numbers of negatives, for each loss, and say what differs ([semikin2019] Fig. 13).

    All negatives are always among the counts, and what each loss's other counts are compared with. Counts above the number
    of training items are left out, which the report notes. The other arguments, errors and promises are those of
    `compare_losses`.

    Args:
        losses: those that are ranked against negatives.
        counts: of negatives, drawn anew at each step and shared by the batch; the user's own items do not count.
        published: beside each row also train it with the negatives of the published code.
        alpha: negatives are drawn in proportion to popularity to this power; 1, as [semikin2019], or 0 for uniform.
    """
    if "cosine" in losses:
        raise ConfigError("loss cosine has no negatives to vary; choose other losses")
    for wanted in metrics:
        cutoff(wanted)  # before the data are read
    items = _training_items(category, split or LeaveOneOut())
    fitting: list[Count] = sorted({count for count in counts if count != "all" and count <= items})
    notes = [
        f"{count:,} negatives are left out: only {items:,} items have training events"
        for count in sorted({count for count in counts if count != "all" and count > items})
    ]
    footings = [Footing(loss, count) for loss in dict.fromkeys(losses) for count in [*fitting, "all"]]
    if published:
        footings = _with_published(footings)
    terms = Terms(
        category.name, tuple(features), split or LeaveOneOut(), preset, epochs, tuple(settings), alpha,
        varied=("training.loss", "training.loss.name", "training.negatives",
                *(f"training.negatives.{key}" for key in ("count", "alpha", "exclude", "frozen"))),
    )  # fmt: skip
    return _compare(
        "negatives", category, terms, footings, notes, seeds, name, output, None, metrics, command, on_choice, progress
    )


def _training_items(category: Category, split: SplitConfig) -> int:
    dataset = load_dataset(category)
    return int(split(dataset.interactions, len(dataset.catalog)).train_items.sum())


def _with_published(footings: Sequence[Footing]) -> list[Footing]:
    """Put the published form of each row behind it, where its loss has negatives."""
    both = [one for footing in footings for one in (footing, footing._replace(published=True))]
    return [one for one in both if not (one.published and one.loss == "cosine")]


def _compare(
    subject: Subject,
    category: Category,
    terms: Terms,
    footings: Sequence[Footing],
    notes: Sequence[str],
    seeds: int | Sequence[int],
    name: str | None,
    output: Path | None,
    reference: Footing | None,
    metrics: Sequence[str],
    command: str,
    on_choice: Callable[[str], None],
    progress: Progress,
) -> ObjectiveComparison:
    require_matplotlib()
    if output is not None:
        check_output_folder(output)
    numbers = seed_numbers(seeds)
    if not footings:
        raise ConfigError("no loss is named")
    for spec in terms.features:
        make_encoder(spec)
    terms.check([footing.loss for footing in footings])
    check_name("comparison", name or subject)
    if not terms.features and terms.read_tables:
        _check(replace(terms, features=(UNKNOWN_TABLE,)), footings, metrics)
        terms = replace(terms, features=tuple(specs_or_defaults(category, terms.split, on_choice=on_choice)))
    _check(terms, footings, metrics)
    dataset = load_dataset(category)
    partition = terms.split(dataset.interactions, len(dataset.catalog))
    identity = {"subject": subject, **terms.identity(), "data": {"hash": data_hash(dataset)}}
    name = name or f"{subject}-{terms.split.kind}-{identity_hash(identity)}"
    path = category.comparisons / check_name("comparison", name)
    folder = ComparisonFolder.open(path, identity, [footing.name for footing in footings], numbers)
    rows = {row: Footing.of(row) for row in folder.sides}
    if reference is not None and reference not in rows.values():
        raise ConfigError(
            f"--reference {reference.name!r} is not among what is compared{did_you_mean(reference.name, rows)} "
            f"(there: {listed(rows)})"
        )
    sides = {row: Side(terms.features, terms.config(footing), _label(footing)) for row, footing in rows.items()}
    if any(footing.published for footing in rows.values()) and "cosine" in rows:
        notes = [*notes, "loss cosine has no negatives, so that there is no row of the published code's"]
    for side in sides.values():
        protocol_for(side.config.evaluation, len(dataset.catalog), side.config.training.select_by)
    with folder.work(category):
        bench = Bench(category, dataset, partition, folder, progress, knockouts=False)
        work = bench.work(sides)
        beside = references([footing for row, footing in rows.items() if row in work], reference)
        wanted, metrics = metrics, shown_metrics(metrics, next(iter(work.values())).evaluations[0])
        measured = _measure(work, beside, metrics)
        slices = next(iter(work.values())).evaluations[0].slices()
        comparison = ObjectiveComparison(
            subject=subject,
            name=name,
            category=category.name,
            features=terms.features,
            seeds=folder.seeds,
            metric_names=tuple(metrics),
            targets={label: int(members.sum()) for label, members in slices.items() if members.any()},
            rows=tuple(
                Row(footing, sides[footing.name].config, work[footing.name].runs, measured[footing.name], best.name)
                for footing, best in beside.items()
            ),
            failures=bench.failures,
            notes=tuple(notes),
            description={"terms": terms.identity(), **circumstances(dataset, partition, category, command)},
            folder=output or path,
            baselines=beside_comparison(
                category, dataset, partition, sides[next(iter(work))].config,
                {row: [source.table for source in one.sources] for row, one in work.items()},
                {row: one.evaluations for row, one in work.items()},
                wanted, next(iter(beside.values())).name, progress,
            ),
        )  # fmt: skip
        _write(comparison)
        return comparison


def _check(terms: Terms, footings: Iterable[Footing], metrics: Sequence[str]) -> None:
    """Raise what is wrong with any row, before anything is done."""
    for footing in footings:
        config = terms.config(footing)
        for wanted in (*metrics, config.training.select_by):
            cutoff(wanted)
        require_validation(config)
        choose_device(config.training.device)


def _label(footing: Footing) -> str:
    """Return what the names of a row's runs begin with; all negatives are what the presets say anyway."""
    return (footing._replace(negatives=None) if footing.negatives == "all" else footing).name


def _measure(work: dict[str, Work], beside: dict[Footing, Footing], metrics: Sequence[str]) -> dict[str, Measurements]:
    """Measure each row, and compare it with its reference."""
    measured: dict[str, Measurements] = {}
    for best in dict.fromkeys(beside.values()):
        group = [footing.name for footing, its in beside.items() if its == best]
        measured |= measure({name: work[name].evaluations for name in group}, metrics, best.name)
    return measured


def _write(comparison: ObjectiveComparison) -> None:
    """Write the report; the numbers last, for they say that the rest is there."""
    folder = comparison.folder
    with together(folder):
        save_figure(lambda: draw_objectives(comparison), folder)
        write_text(folder / "table.md", objective_markdown(comparison))
        write_text(folder / "results.csv", comparison.as_csv())
        write_json(folder / "results.json", comparison.as_dict())
