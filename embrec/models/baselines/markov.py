"""First-order Markov chain: recommends what most often came right after the last item.

Counting alone, yet stronger than many a trained model on sequences: one that does not beat it has learned no more of the order
of events than pairs. The transition graph of FPMC without its factorisation [rendle2010].
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from torch import Tensor

from embrec.data.batches import Batch
from embrec.data.interactions import Interactions
from embrec.data.splits import Partition
from embrec.models.baselines.base import FactorisedBaseline, steps_of
from embrec.models.baselines.registry import BaselineRegistration
from embrec.models.factors import Factors, Queries, SparsePart
from embrec.models.interface import Step

_EXACT = 1 << 23  # steps between 0 and what a float32 still holds exactly


class Markov(FactorisedBaseline):
    """Scores an item by how often it came right after the history's last item, over the training events of all users.

    Items with equal counts are ordered by their number of training events: a share below 1 is added to each count, so that
    popularity breaks ties and never outweighs a count. Where nothing is known to follow the last item, or there is none, all
    counts are 0 and items stand in the order of popularity.
    """

    def fit(self, interactions: Interactions, partition: Partition) -> None:
        """Count which item followed which among each user's training events."""
        events = partition.train.events(interactions)  # sorted by user and position
        user, item = interactions.user[events], interactions.item[events].astype(np.int64) + 1
        follows = user[1:] == user[:-1]
        size = len(partition.train_items) + 1
        pairs = (np.ones(int(follows.sum()), dtype=np.float32), (item[:-1][follows], item[1:][follows]))
        counts = csr_matrix(pairs, shape=(size, size))  # adds up repeated pairs
        highest = int(counts.data.max(initial=1))
        shares = popularity_shares(partition.training_counts(interactions), _EXACT // highest)
        self._followers = SparsePart("transitions", counts)
        self._shares = torch.from_numpy(np.concatenate([[0], shares]).astype(np.float32))

    def catalog(self) -> Tensor:
        """Return the shares of popularity, [n + 1, 1]."""
        return self._shares[:, None]

    def factors(self) -> Factors:
        """Return the shares as a dense product of one dimension and the counted transitions as a sparse one."""
        return super().factors()._replace(sparse=(self._followers,))

    def queries(self, batch: Batch, at: Step | None = None) -> Queries:
        """Return queries that select the transitions from the last item; see `SequenceModel.queries`."""
        row, step = steps_of(batch, at)
        last = batch.items[row, step.clamp(min=0)].numpy()
        any_item = (step >= 0).numpy()
        ptr = np.concatenate([[0], np.cumsum(any_item)])
        chosen = csr_matrix((np.ones(ptr[-1], dtype=np.float32), last[any_item], ptr), (len(last), len(self._shares)))
        return Queries(torch.ones(len(last), 1), (chosen,))


def popularity_shares(counts: NDArray[np.int64], steps: int) -> NDArray[np.float64]:
    """Return shares from 0 to below 1 in the order of counts, equal ones for equal counts, [n].

    Args:
        counts: number of events of each item, [n].
        steps: largest number of different shares; if there are more different counts, neighbours share one.

    >>> popularity_shares(np.array([5, 0, 5, 90]), steps=100).tolist()
    [0.25, 0.0, 0.25, 0.5]
    """
    levels, place = np.unique(counts, return_inverse=True)
    # A power of two, so that shares beside a count are exact floats.
    used = 1 << min(len(levels).bit_length(), max(steps, 1).bit_length() - 1)
    share: NDArray[np.float64] = (place if used >= len(levels) else place * used // len(levels)) / used
    return share


MARKOV = BaselineRegistration(
    "markov",
    lambda _: Markov(),
    title="The Markov chain",
    knows="which only counts what followed the last item",
    about="The Markov chain lists what most often came right after the last item, counted over training events.",
)
