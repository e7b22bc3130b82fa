"""The engine of all comparisons that train: variants x seeds x metrics x slices, resumable, and the report of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from embrec.comparisons.baselines import rank_baselines
from embrec.comparisons.figures import draw, save_figure
from embrec.comparisons.measurements import Measurements, measure, measure_against
from embrec.comparisons.provenance import circumstances, data_hash, identity_hash
from embrec.comparisons.request import ComparisonRequest
from embrec.comparisons.results import Comparison, Row
from embrec.comparisons.runner import Runner, VariantResult
from embrec.comparisons.silhouettes import SilhouetteCache
from embrec.comparisons.store import ComparisonFolder
from embrec.comparisons.tables import markdown
from embrec.comparisons.variants import Variant, Variants, check_config
from embrec.data.prepared import open_split
from embrec.errors import ConfigError
from embrec.evaluation.cautions import shown_metrics
from embrec.evaluation.evaluator import protocol_for
from embrec.files import write_json, write_text
from embrec.locks import together
from embrec.names import did_you_mean, listed
from embrec.parameters import parameter
from embrec.workspace import check_name


def compare(request: ComparisonRequest, variants: Variants) -> Comparison:
    """Train, evaluate and compare the variants, and write the report; see `ComparisonRequest` for what is reused.

    Args:
        request: category, seeds, metrics, reference, name and output of the comparison.
        variants: what is compared.

    Raises:
        ConfigError: the request, a variant or the reference is not valid, or does not fit the data; raised before any work.
        MissingExtraError: the figure cannot be drawn; raised before any work.
        RunError: the comparison was begun with another configuration or other data, or every variant failed.
    """
    request.check(variants.subject.name)
    wanted = request.metrics or variants.default_metrics
    for one in variants.names:
        check_config(variants.variant(one).config, wanted)
    category, split = request.folder, variants.split
    data = open_split(category, split)
    clusters = variants.clusters(data.catalog)
    identity = {**variants.identity(), "data": {"hash": data_hash(data.dataset)}}
    name = request.name or f"{variants.subject.name}-{split.kind}-{identity_hash(identity)}"
    path = category.comparisons / check_name("comparison", name)
    folder = ComparisonFolder.open(path, identity, variants.names, request.seed_numbers)
    every = {one: variants.variant(one) for one in folder.variants}
    _check_reference(request.reference, variants.subject.name, every)
    for variant in every.values():
        protocol_for(variant.config.evaluation, len(data.catalog), variant.config.training.select_by)
    with folder.work(category):
        silhouettes = SilhouetteCache(data.catalog, clusters, folder)
        runner = Runner(category, split, data, folder, silhouettes, request.progress, variants.with_ablation)
        results = runner.run(every)
        references = variants.references(list(results), request.reference)
        first = next(iter(results))
        shown = shown_metrics(wanted, results[first].evaluations[0])
        rows = _rows(every, results, references, shown)
        slices = results[first].evaluations[0].slices()
        config = every[first].config
        comparison = Comparison(
            subject=variants.subject,
            name=name,
            category=category.name,
            seeds=folder.seeds,
            columns=variants.columns(rows),
            metric_names=tuple(shown),
            targets={label: int(members.sum()) for label, members in slices.items() if members.any()},
            rows=rows,
            split=split,
            protocol=config.evaluation,
            folder=request.output or path,
            failures=runner.failures,
            notes=tuple(variants.notes(folder.variants)),
            training=variants.training(rows),
            description={
                **variants.description(),
                **circumstances(data.dataset, data.partition, category, request.command),
            },
            baselines=rank_baselines(
                category, split, data, config, results, wanted, references[first], request.progress
            ),
            clusters=silhouettes.clusters(),
            evaluations={one: result.evaluations for one, result in results.items()},
        )
        write_report(comparison, request.output or path)
        return comparison


def _check_reference(reference: str | None, subject: str, variants: Mapping[str, Variant]) -> None:
    """Raise if the reference is none of the variants.

    Raises:
        ConfigError: see above.
    """
    if reference is not None and reference not in variants:
        raise ConfigError(
            f"{parameter('reference', reference)} is not among the {subject} that are compared"
            f"{did_you_mean(reference, variants)} (there: {listed(variants)})"
        )


def write_report(comparison: Comparison, folder: Path) -> None:
    """Write figure, tables and numbers; `results.json` last, for its presence says that the rest is there."""
    with together(folder):
        save_figure(lambda: draw(comparison), folder)
        write_text(folder / "table.md", markdown(comparison))
        if comparison.subject.with_csv:
            write_text(folder / "results.csv", comparison.as_csv())
        write_json(folder / "results.json", comparison.as_dict())


def _rows(
    variants: Mapping[str, Variant],
    results: Mapping[str, VariantResult],
    references: Mapping[str, str],
    metrics: Sequence[str],
) -> tuple[Row, ...]:
    """Return the rows of the variants that were measured."""
    evaluations = {name: result.evaluations for name, result in results.items()}
    measured = measure_against(evaluations, references, metrics)
    return tuple(
        Row(
            name=name,
            labels=variants[name].labels,
            runs=result.runs,
            metrics=measured[name],
            reference=references[name],
            config=variants[name].config,
            sources=result.sources,
            silhouette=result.silhouette,
            without=_without(result, metrics),
        )
        for name, result in results.items()
    )


def _without(result: VariantResult, metrics: Sequence[str]) -> dict[str, Measurements]:
    """Return the metrics of a fusion with each of its sources zeroed, compared with the whole of it."""
    if not result.without:
        return {}
    beside = measure({"": result.evaluations, **result.without}, metrics, "")
    return {table: beside[table] for table in result.without}
