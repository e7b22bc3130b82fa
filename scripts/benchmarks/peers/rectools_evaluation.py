"""Evaluates given scores with RecTools; see `evaluation.py`."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from clocked import TOP, Arrays, run
from rectools import Columns
from rectools.metrics import MRR, NDCG, HitRate, calc_metrics
from rectools.models.rank import Distance, TorchRanker
from scipy.sparse import csr_matrix


def prepare(arrays: Arrays) -> Callable[[], dict[str, float]]:
    """Return what evaluates once."""
    users = np.arange(len(arrays["queries"]))
    truth = pd.DataFrame({Columns.User: users, Columns.Item: arrays["target"]})
    seen = arrays["seen"]
    row = np.repeat(users, seen.shape[1])
    shape = (len(users), len(arrays["items"]))
    filtered = csr_matrix((np.ones(seen.size, dtype=np.float32), (row, seen.ravel())), shape=shape)
    metrics = {f"hr@{TOP}": HitRate(TOP), f"ndcg@{TOP}": NDCG(TOP, divide_by_achievable=True), f"mrr@{TOP}": MRR(TOP)}

    def evaluate() -> dict[str, float]:
        ranker = TorchRanker(Distance.DOT, "cpu", arrays["queries"], arrays["items"], batch_size=256)
        user, item, score = ranker.rank(users, k=TOP, filter_pairs_csr=filtered)
        lists = pd.DataFrame({Columns.User: user, Columns.Item: item, Columns.Score: score})
        lists[Columns.Rank] = lists.groupby(Columns.User, sort=False).cumcount() + 1
        return calc_metrics(metrics, lists, truth)

    return evaluate


if __name__ == "__main__":
    run("rectools", prepare)
