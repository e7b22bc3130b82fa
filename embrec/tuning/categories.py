"""Searches of several categories, run one after the other, and their test results beside the baselines."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from embrec.data.store import catalog_size
from embrec.errors import ConfigError, EmbrecError
from embrec.evaluation.metrics import cutoff, lower_is_better
from embrec.evaluation.statistics import MeanInterval, mean_interval
from embrec.progress import Progress, silent
from embrec.runs.evaluate import protocol
from embrec.runs.folder import RunFolder
from embrec.runs.with_baselines import evaluate_with_baselines
from embrec.tuning.plan import SearchPlan
from embrec.tuning.search import SearchResult, check_search

# Metrics that are measured beside the objective.
METRICS = ("auc", "hr@50")


@dataclass(frozen=True)
class Found:
    """Test results of the search of one category.

    Attributes:
        result: the finished search.
        metrics: measured metrics, the objective first; empty if no model was trained.
        best: metric -> mean test value over seeds of the models with the best settings, with its interval.
        baselines: baseline -> metric -> test value, the best baseline by the objective first.
        lines: sentences about the gain over the best baseline, and warnings about the figures.
    """

    result: SearchResult
    metrics: tuple[str, ...] = ()
    best: Mapping[str, MeanInterval] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def check_each(plans: Iterable[SearchPlan]) -> None:
    """Check all searches before the first one runs, so that a mistake in the last one is not found hours later.

    Args:
        plans: the searches, one for each category.

    Raises:
        ConfigError: a search cannot start; the message names its category and the reason.
    """
    for plan in plans:
        try:
            check_search(plan.category, plan.config, plan.name)
        except EmbrecError as error:
            raise ConfigError(f"{plan.category.name}: {error} (no search was begun)") from None


def search_each(
    searches: Mapping[str, Callable[[], SearchResult]], progress: Progress = silent
) -> tuple[dict[str, Found], dict[str, Exception]]:
    """Search one category after the other; a failed search does not stop the others.

    Args:
        searches: category -> function that runs its search.
        progress: callback for the progress of the evaluation.

    Returns:
        Category -> results of its search, and category -> error of its search.
    """
    found: dict[str, Found] = {}
    failures: dict[str, Exception] = {}
    for category, search in searches.items():
        try:
            found[category] = measured(search(), progress=progress)
        except (EmbrecError, OSError) as error:
            failures[category] = error
    return found, failures


def measured(result: SearchResult, metrics: Sequence[str] = METRICS, progress: Progress = silent) -> Found:
    """Evaluate the runs of a search and the baselines on the test targets, under the protocol of the runs.

    A metric is left out if its cutoff exceeds the size of the catalog, or if it has the same value for every model.

    Args:
        result: a finished search.
        metrics: metrics beside the objective.
        progress: callback for the progress of the evaluation.
    """
    if result.runs is None:
        return Found(result)
    runs: list[RunFolder] = [one.run for one in result.runs.runs.values()]
    items = catalog_size(runs[0].category)
    names = dict.fromkeys((result.config.objective, *metrics))
    config = protocol(runs[0], metrics=[name for name in names if (cutoff(name) or 0) < items])
    name = result.folder.name
    beside = evaluate_with_baselines({name: runs}, config=config, progress=progress)
    values = {one: [seed.metrics(beside.metrics)["all"] for seed in seeds] for one, seeds in beside.evaluations.items()}
    first = beside.metrics[0]
    order = sorted(beside.baselines, key=lambda one: values[one][0][first], reverse=not lower_is_better(first))
    return Found(
        result,
        beside.metrics,
        {metric: mean_interval([seed[metric] for seed in values[name]]) for metric in beside.metrics},
        {one: {metric: values[one][0][metric] for metric in beside.metrics} for one in order},
        (*beside.lines, *(f"warning: {warning}" for warning in beside.warnings)),
    )
