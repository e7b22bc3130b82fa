"""Searches of several categories, one after the other, each with all processors; and what they found, side by side."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from embrec.data.store import load_dataset
from embrec.errors import ConfigError, EmbrecError
from embrec.evaluation.metrics import cutoff
from embrec.evaluation.runs import evaluate_runs, protocol
from embrec.evaluation.statistics import MeanInterval, mean_interval
from embrec.progress import Progress, silent
from embrec.training.run import RunFolder
from embrec.tuning.plan import Plan
from embrec.tuning.search import SearchResult, check_search

# What is measured beside the objective.
METRICS = ("auc", "hr@50")


@dataclass(frozen=True)
class Found:
    """What the search of one category found.

    Attributes:
        result: of the search.
        popularity: metric -> the test value of the most popular items; empty where no model was trained.
        best: metric -> the mean test value of the models with the best settings, over seeds; likewise.
    """

    result: SearchResult
    popularity: Mapping[str, float]
    best: Mapping[str, MeanInterval]


def check_each(plans: Iterable[Plan]) -> None:
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
    """Rank the test targets with the runs of a search, beside popularity, under the runs' protocol.

    The objective comes first. Metrics that look further down than the catalog goes are left out.
    """
    if result.runs is None:
        return Found(result, {}, {})
    runs: list[RunFolder] = [one.run for one in result.runs.runs.values()]
    items = len(load_dataset(runs[0].category).catalog)
    wanted = dict.fromkeys([result.config.objective, *metrics])
    metrics = [metric for metric in wanted if (cutoff(metric) or 0) < items]
    evaluations = evaluate_runs(runs, ["pop"], protocol(runs[0], metrics=metrics), progress)
    values = {name: evaluation.metrics(metrics)["all"] for name, evaluation in evaluations.items()}
    return Found(
        result,
        {metric: values["pop"][metric] for metric in metrics},
        {metric: mean_interval([values[run.name][metric] for run in runs]) for metric in metrics},
    )
