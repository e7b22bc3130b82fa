"""Ranking metrics by name: what a metric is, which there are, and their values for targets that were ranked.

There is one relevant item for each target, so a metric is a function of where that item ranks among C candidates. It gives
one value for each target, which can be averaged over any slice and compared pairwise. Ranks count from 1 and may be fractional
where candidates tie.

The built-in metrics are in `embrec.evaluation.ranking_metrics`. To add one, write a subclass of `Metric` and register an
instance, with `register` or by an entry point of the group `embrec.metrics`:

    [project.entry-points."embrec.metrics"]
    precision = "my_package.metrics:PRECISION"
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from embrec.errors import ConfigError
from embrec.names import either, nearest
from embrec.registry import Registry

if TYPE_CHECKING:  # names of metrics are listed without what ranks by them, which needs torch
    from embrec.evaluation.ranks import Standing, Ties

Values = NDArray[np.float64]


class Metric(ABC):
    """A value for each target, from its rank.

    Attributes:
        name: how users call it, in lower case, such as `hr` of `hr@10`.
        cutoff: whether the name takes a K behind an @ sign: `hr@10`.
        lower_is_better: True if smaller values are better.
        counts_hits: True if it only asks whether the target is among the first, so that every target of few candidates is one.
        ties: the policy of ties that it always has; None for that of the evaluation.
        is_ratio: True if it makes sense to say that one value is several times another.
        note: what the list of known metrics says of it, in brackets.
    """

    name: ClassVar[str]
    cutoff: ClassVar[Literal["required", "optional", "none"]] = "none"
    lower_is_better: ClassVar[bool] = False
    counts_hits: ClassVar[bool] = False
    ties: "ClassVar[Ties | None]" = None
    is_ratio: ClassVar[bool] = True
    note: ClassVar[str] = ""

    @abstractmethod
    def values(self, rank: Values, candidates: Values, k: int | None = None) -> Values:
        """Return one value for each target, [T].

        Args:
            rank: rank of each target, from 1, [T].
            candidates: number of items that were ranked, the target among them, [T].
            k: the cutoff; None where the name has none.
        """

    def meaning(self, k: int | None = None) -> str:
        """Return what a mean of it says, in plain words."""
        return self.name if k is None else f"{self.name}@{k}"


METRICS: Registry[Metric] = Registry(
    "metric",
    {
        "hr": "embrec.evaluation.ranking_metrics:HIT_RATE",
        "recall": "embrec.evaluation.ranking_metrics:RECALL",
        "ndcg": "embrec.evaluation.ranking_metrics:NDCG",
        "mrr": "embrec.evaluation.ranking_metrics:MRR",
        "auc": "embrec.evaluation.ranking_metrics:AUC",
        "auc-strict": "embrec.evaluation.ranking_metrics:AUC_STRICT",
        "rank": "embrec.evaluation.ranking_metrics:RANK",
        "accuracy": "embrec.evaluation.ranking_metrics:ACCURACY",
    },
    "embrec.metrics",
    name_of=lambda metric: metric.name,
    accepts=lambda one: isinstance(one, Metric),
    expected="an instance of Metric",
)
_EXAMPLE = 10  # the K of examples in messages


def register(metric: Metric, *, replace: bool = False) -> Metric:
    """Add a metric for as long as the program runs; see `Registry.register`.

    >>> class ExpectedSearchLength(Metric):
    ...     "Number of items that a user reads in vain before the target."
    ...     name = "search-length"
    ...     lower_is_better = True
    ...     def values(self, rank, candidates, k=None):
    ...         return rank - 1
    >>> search_length = register(ExpectedSearchLength())
    >>> lower_is_better("search-length")
    True
    >>> METRICS.unregister("search-length")
    """
    return METRICS.register(metric, replace=replace)


def patterns() -> list[str]:
    """Return the names of all metrics, with @K where they take a cutoff.

    >>> patterns()[:2]
    ['hr@K', 'recall@K']
    """
    usable = METRICS.usable()
    at_k = [f"{name}@K" for name, metric in usable.items() if metric.cutoff != "none"]
    return at_k + [name for name, metric in usable.items() if metric.cutoff != "required"]


def _known() -> str:
    noted = {name: f"{name} ({metric.note})" for name, metric in METRICS.usable().items() if metric.note}
    return either(noted.get(name, name) for name in patterns())


def parse_metric(name: str) -> tuple[Metric, int | None]:
    """Return a metric and its K.

    Raises:
        ConfigError: the name is unknown.
    """
    kind, at, k = name.lower().partition("@")
    is_number = k.isdecimal() and int(k) > 0
    if kind in METRICS:
        metric = METRICS[kind]
        if metric.cutoff != "required" and not at:
            return metric, None
        if metric.cutoff != "none" and is_number:
            return metric, int(k)
    meant = nearest(kind, METRICS)
    example = meant
    if meant is not None and METRICS[meant].cutoff != "none" and (at or METRICS[meant].cutoff == "required"):
        example = f"{meant}@{k if is_number else _EXAMPLE}"
    raise ConfigError(
        f"unknown metric {name!r}{f'; did you mean {example!r}?' if example else ';'} use {_known()}, with a number for K"
    )


def cutoff(name: str) -> int | None:
    """Return the K of a metric's name, None where it has none.

    Raises:
        ConfigError: the name is unknown.
    """
    return parse_metric(name)[1]


def check_metrics(names: Sequence[str], candidates: int | None = None) -> None:
    """Check that metrics are known, and that none looks further down than there are candidates.

    Raises:
        ConfigError: one does not fit.
    """
    for name in names:
        k = cutoff(name)
        if k is not None and candidates is not None and k > candidates:
            raise ConfigError(
                f"metric {name!r} looks at the first {k:,} of only {candidates:,} candidates, so every target would be a hit; "
                "use a smaller K"
            )


def tells_apart(name: str, candidates: int) -> bool:
    """Return True if a metric of so many candidates can differ between models: hits among all of them cannot.

    Raises:
        ConfigError: the name is unknown.
    """
    metric, k = parse_metric(name)
    return not metric.counts_hits or (k or 1) < candidates


def counts_hits(name: str) -> bool:
    """Return True if a metric only asks whether the target is among the first; all of few candidates are hits."""
    return parse_metric(name)[0].counts_hits


def metric(name: str, standing: "Standing", ties: "Ties" = "mean") -> Values:
    """Return the values of a metric by name, one for each target, [T].

    Args:
        name: such as `hr@10`, `recall@20`, `ndcg@10`, `mrr@20`, `auc`, `auc-strict`, `mrr`, `rank` or `accuracy`.
        standing: the targets among their candidates.
        ties: how a target ranks among its equals (`auc-strict` is always pessimistic).

    Raises:
        ConfigError: the name is unknown.
    """
    found, k = parse_metric(name)
    return found.values(standing.rank(found.ties or ties), standing.candidates.astype(np.float64), k)


def lower_is_better(name: str) -> bool:
    """Return True if smaller values of the metric are better."""
    return parse_metric(name)[0].lower_is_better
