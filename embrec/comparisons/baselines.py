"""Baselines beside a comparison: models that learn nothing, ranked on the same targets."""

from collections.abc import Mapping, Sequence

from embrec.comparisons.measurements import measure
from embrec.comparisons.results import Baselines
from embrec.comparisons.runner import VariantResult
from embrec.data.prepared import PreparedSplit
from embrec.data.splits import SplitConfig
from embrec.errors import EmbrecError
from embrec.evaluation.cautions import cautions, shown_metrics
from embrec.evaluation.evaluator import Evaluation
from embrec.evaluation.verdict import verdict_lines, verdicts
from embrec.models.baselines.registry import BASELINES
from embrec.progress import Progress
from embrec.runs.baselines import evaluate_baselines
from embrec.runs.config import RunConfig
from embrec.workspace import Category


def rank_baselines(
    category: Category,
    split: SplitConfig,
    data: PreparedSplit,
    config: RunConfig,
    results: Mapping[str, VariantResult],
    metrics: Sequence[str],
    reference: str,
    progress: Progress,
) -> Baselines:
    """Rank the test targets by the baselines, and test the variants of a comparison against the best of them.

    A baseline of content reads each set of feature tables that some variant reads. A baseline that cannot be computed is left
    out with a note.

    Args:
        category: the folder that the tables lie in.
        split: division of the log.
        data: the data of the category, divided.
        config: configuration of any variant: evaluation and the metric that chooses epochs are the same for all.
        results: variant -> its tables and evaluations.
        metrics: names of the metrics.
        reference: variant that the baselines are compared with.
        progress: callback, called at every batch.
    """
    found: dict[str, Evaluation] = {}
    notes: list[str] = []
    tables_of = {variant: tuple(source.table for source in result.sources) for variant, result in results.items()}
    distinct = {tables: variant for variant, tables in reversed(list(tables_of.items())) if tables}
    usable = BASELINES.usable()
    wanted: list[tuple[str, str, tuple[str, ...]]] = [
        (kind, kind, ()) for kind, baseline in usable.items() if not baseline.reads_content
    ]
    for kind in (kind for kind, baseline in usable.items() if baseline.reads_content):
        for tables, variant in reversed(list(distinct.items())):
            name = kind if len(distinct) == 1 else f"{kind} ({variant.replace(',', ', ')})"
            wanted.append((name, kind, tables))
    for name, kind, tables in wanted:
        try:
            (found[name],) = evaluate_baselines(
                category,
                split,
                data,
                [kind],
                tables,
                config.evaluation,
                progress=progress,
            ).values()
        except EmbrecError as error:
            notes.append(f"the baseline {name} is left out: {error}")
    evaluations = {variant: result.evaluations for variant, result in results.items()}
    alone = {name: [one] for name, one in found.items()}
    shown = shown_metrics(metrics, evaluations[reference][0])
    measured = measure({reference: evaluations[reference], **alone}, shown, reference)
    every = {**evaluations, **alone}
    against = verdicts(every, list(found), (config.training.select_by, *shown))
    return Baselines(
        {name: measured[name] for name in found},
        tuple(verdict_lines(against)),
        tuple(cautions(every, metrics)),
        tuple(notes),
    )
