"""What to try next: HyperOpt's tree of Parzen estimators, or chance, over a search space.

Source: [bergstra2011]. Each proposal depends on the seed, its number and
what is known when it is made, and on nothing else, so that a search that was interrupted goes on as it would have gone.
"""

import math
from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

import numpy as np

from embrec.distributions import Range
from embrec.errors import MissingExtraError
from embrec.tuning.space import Space, number_labels

Algorithm = Literal["tpe", "random"]


class Proposals:
    """Proposes points of a space, and is told how good they were.

    Args:
        space: where points come from.
        algorithm: "tpe" learns from what it is told, "random" does not.
        seed: of the draws.
        random_first: how many points are drawn by chance before the first is learned.

    Raises:
        MissingExtraError: HyperOpt is not installed.
    """

    def __init__(self, space: Space, algorithm: Algorithm = "tpe", *, seed: int = 0, random_first: int = 10) -> None:
        try:
            import hyperopt
        except ImportError:
            raise MissingExtraError("hyperopt", "tune", "embrec tune") from None
        self.labels = number_labels(space)
        self.seed = seed
        expression = {key: _expression(hyperopt.hp, self.labels, key) for key in space.settings}
        self.domain = hyperopt.Domain(lambda point: point, expression)
        self.trials = hyperopt.Trials()
        self.suggest = (
            partial(hyperopt.tpe.suggest, n_startup_jobs=random_first) if algorithm == "tpe" else hyperopt.rand.suggest
        )

    def propose(self, number: int) -> dict[str, float]:
        """Return the point to try as trial `number`, counted from 1; it counts as running from now on."""
        seed = int(np.random.default_rng([self.seed, number]).integers(2**31 - 1))
        (document,) = self.suggest([number], self.domain, self.trials, seed)
        self.trials.insert_trial_docs([document])
        self.trials.refresh()
        return {label: float(values[0]) for label, values in document["misc"]["vals"].items() if len(values)}

    def add(self, number: int, point: Mapping[str, float]) -> None:
        """Take note that a point was tried, or is being tried, as trial `number`, though it was not proposed here."""
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
        """Tell how trial `number` ended: with a loss, of which less is better, or None if it failed."""
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
    """Return HyperOpt's form of a setting."""
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
    """Return HyperOpt's form of a range; whole numbers are rounded later, so that both ends are as likely as the others."""
    margin = 0.5 if distribution.whole else 0.0
    low, high = distribution.low - margin, distribution.high + margin
    if distribution.logarithmic:
        return hp.loguniform(label, math.log(low), math.log(high))
    return hp.uniform(label, low, high)
