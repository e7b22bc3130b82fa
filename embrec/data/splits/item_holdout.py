"""Item hold-out split: evaluation with items that training never saw."""

from typing import Annotated, Literal

import numpy as np
from pydantic import ConfigDict, Field

from embrec.data.interactions import Interactions
from embrec.data.splits.leave_one_out import leave_one_out
from embrec.data.splits.partition import Partition
from embrec.data.times import first_times
from embrec.validation import Checked


class ItemHoldout(Checked):
    """Leave-one-out without some items in training, to measure how new items are ranked.

    Events of held-out items are removed from training and validation, as targets and from histories. In the test, held-out
    items are candidates like all others and part of the histories, as in production.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["item-holdout"] = "item-holdout"
    fraction: Annotated[float, Field(gt=0, lt=1, description="share of the items to hold out")] = 0.1
    choose: Annotated[
        Literal["random", "newest"], Field(description="which: a random sample, or those seen first most recently")
    ] = "random"
    seed: Annotated[int, Field(ge=0, description="of the random choice")] = 0

    def __call__(self, interactions: Interactions, n_items: int) -> Partition:
        """Divide the log; see `Split`."""
        seen = np.unique(interactions.item)
        count = max(1, round(self.fraction * len(seen)))
        if self.choose == "random":
            chosen = np.random.default_rng(self.seed).choice(seen, size=count, replace=False)
        else:
            chosen = seen[np.argsort(first_times(interactions, n_items)[seen], kind="stable")[-count:]]
        hidden = np.zeros(n_items, dtype=bool)
        hidden[chosen] = True
        return leave_one_out(interactions, hidden)
