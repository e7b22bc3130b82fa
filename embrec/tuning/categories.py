"""Searches of several categories, one after the other, each with all processors; and what they found, side by side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from embrec.data.store import catalog_size
from embrec.errors import ConfigError, EmbrecError
from embrec.evaluation.metrics import cutoff, lower_is_better
from embrec.evaluation.statistics import MeanInterval, mean_interval
from embrec.progress import Progress, silent
from embrec.runs.evaluate import protocol
from embrec.runs.folder import RunFolder
from embrec.runs.with_baselines import beside_baselines
from embrec.tuning.plan import SearchPlan
from embrec.tuning.search import SearchResult, check_search

# What is measured beside the objective.
METRICS = ("auc", "hr@50")


@dataclass(frozen=True)
class Found:
    """What the search of one category found.

    Attributes:
        result: of the search.
        metrics: those that were measured, the objective of the search first; none where no model was trained.
        best: metric -> the mean test value of the models with the best settings, over seeds.
        baselines: baseline -> metric -> its test value, the best by the objective first.
        lines: what the search brought over the best baseline, and what must be said of the figures.
    """

    result: SearchResult
    metrics: tuple[str, ...] = ()
    best: Mapping[str, MeanInterval] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def check_each(plans: Iterable[SearchPlan]) -> None:
    """Refuse searches before the first of them begins: the mistake in the last one is not to be found the next morning.

    Raises:
        ConfigError: one cannot be begun; the message says of which category, and why.
    """
    for plan in plans:
        try:
            check_search(plan.category, plan.config, plan.name)
        except EmbrecError as error:
            raise ConfigError(f"{plan.category.name}: {error} (no search was begun)") from None


def search_each(
    searches: Mapping[str, Callable[[], SearchResult]], progress: Progress = silent
) -> tuple[dict[str, Found], dict[str, Exception]]:
    """Search one category after the other; one that fails does not take the others with it.

    Args:
        searches: category -> its search.
        progress: told of every step of the measuring.

    Returns:
        Category -> what was found, and category -> why it failed.
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
    """Rank the test targets with the runs of a search, beside the baselines, under the runs' protocol.

    Metrics that look further down than the catalog goes, or cannot tell models apart, are left out.

    Args:
        result: of the search.
        metrics: what is measured beside the objective.
        progress: told of every batch.
    """
    if result.runs is None:
        return Found(result)
    runs: list[RunFolder] = [one.run for one in result.runs.runs.values()]
    items = catalog_size(runs[0].category)
    names = dict.fromkeys((result.config.objective, *metrics))
    config = protocol(runs[0], metrics=[name for name in names if (cutoff(name) or 0) < items])
    name = result.folder.name
    beside = beside_baselines({name: runs}, config=config, progress=progress)
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
