"""Proposals of points of a search space, by the tree of Parzen estimators of HyperOpt or at random.

A proposal depends on the seed, its number and the results known so far, and on nothing else. An interrupted search therefore
continues as if it had not been interrupted.

Sources: [bergstra2011], [bergstra2012]; the library is [bergstra2013].
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import numpy as np

from embrec.distributions import Range
from embrec.errors import MissingExtraError
from embrec.parameters import call
from embrec.tuning.space import Space, number_labels

Algorithm = Literal["tpe", "random"]


class Proposals:
    """Proposes points of a space and learns from their losses.

    TPE models the density of good and of poor points, and proposes points where the ratio of the two is high. It needs some
    random points first. `"random"` is the baseline that a search should beat.

    Args:
        space: the search space.
        algorithm: "tpe", which learns from losses, or "random", which does not.
        seed: seed of the draws.
        random_first: number of random points before TPE uses the losses.

    Raises:
        MissingExtraError: HyperOpt is not installed.
    """

    def __init__(self, space: Space, algorithm: Algorithm = "tpe", *, seed: int = 0, random_first: int = 10) -> None:
        try:
            import hyperopt
        except ImportError:
            raise MissingExtraError("hyperopt", "tune", call("tune")) from None
        self.labels = number_labels(space)
        self.seed = seed
        expression = {key: _expression(hyperopt.hp, self.labels, key) for key in space.settings}
        self.domain = hyperopt.Domain(lambda point: point, expression)
        self.trials = hyperopt.Trials()
        self.suggest = (
            partial(hyperopt.tpe.suggest, n_startup_jobs=random_first) if algorithm == "tpe" else hyperopt.rand.suggest
        )

    def propose(self, number: int) -> dict[str, float]:
        """Return the point of trial `number`, counted from 1, and register it as running."""
        seed = int(np.random.default_rng([self.seed, number]).integers(2**31 - 1))
        (document,) = self.suggest([number], self.domain, self.trials, seed)
        self.trials.insert_trial_docs([document])
        self.trials.refresh()
        return {label: float(values[0]) for label, values in document["misc"]["vals"].items() if len(values)}

    def add(self, number: int, point: Mapping[str, float]) -> None:
        """Register a point that was not proposed here as trial `number`, such as one from the log or a starting point."""
        from hyperopt.base import JOB_STATE_NEW

        misc = {
            "tid": number,
            "cmd": ("domain_attachment", "FMinIter_Domain"),
            "idxs": {label: [number] if label in point else [] for label in self.labels},
            "vals": {label: [self._raw(label, point[label])] if label in point else [] for label in self.labels},
        }
        (document,) = self.trials.new_trial_docs([number], [None], [{"status": "new"}], [misc])
        document["state"] = JOB_STATE_NEW
        self.trials.insert_trial_docs([document])
        self.trials.refresh()

    def tell(self, number: int, loss: float | None) -> None:
        """Report the loss of trial `number`, smaller being better; None if the trial failed."""
        from hyperopt.base import JOB_STATE_DONE, JOB_STATE_ERROR

        document = next(one for one in self.trials.trials if one["tid"] == number)
        if loss is None or not math.isfinite(loss):
            document["state"], document["result"] = JOB_STATE_ERROR, {"status": "fail"}
        else:
            document["state"], document["result"] = JOB_STATE_DONE, {"loss": loss, "status": "ok"}
        self.trials.refresh()

    def _raw(self, label: str, value: float) -> float | int:
        return int(value) if isinstance(self.labels[label], int) else value


def _expression(hp: Any, labels: Mapping[str, Range | int], key: str) -> Any:
    """Return the HyperOpt expression of a setting."""
    what = labels[key]
    if isinstance(what, Range):
        return _range(hp, key, what)
    inner = [labels.get(f"{key}/{place}") for place in range(what)]
    options = [
        _range(hp, f"{key}/{place}", option) if isinstance(option, Range) else place
        for place, option in enumerate(inner)
    ]
    return hp.choice(key, options)


def _range(hp: Any, label: str, distribution: Range) -> Any:
    """Return the HyperOpt expression of a range.

    Integers are rounded later, so their range is wider by 0.5 at both ends: the end values are then as likely as the others.
    """
    margin = 0.5 if distribution.whole else 0.0
    low, high = distribution.low - margin, distribution.high + margin
    if distribution.logarithmic:
        return hp.loguniform(label, math.log(low), math.log(high))
    return hp.uniform(label, low, high)
