"""Evaluates given scores with RePlay; see `evaluation.py`."""

from collections.abc import Callable

import torch
from clocked import TOP, Arrays, run
from replay.metrics.torch_metrics_builder import TorchMetricsBuilder

BATCH = 256


def prepare(arrays: Arrays) -> Callable[[], dict[str, float]]:
    """Return what evaluates once."""
    queries, items = torch.from_numpy(arrays["queries"]), torch.from_numpy(arrays["items"])
    target, seen = torch.from_numpy(arrays["target"]), torch.from_numpy(arrays["seen"])

    def evaluate() -> dict[str, float]:
        builder = TorchMetricsBuilder(["recall", "ndcg", "mrr"], [TOP])
        builder.reset()
        for start in range(0, len(queries), BATCH):
            rows = slice(start, start + BATCH)
            scores = queries[rows] @ items.T
            scores.scatter_(1, seen[rows], -torch.inf)
            builder.add_prediction(scores.topk(TOP, dim=1).indices, target[rows, None])
        found = builder.get_metrics()
        return {
            f"hr@{TOP}": found[f"recall@{TOP}"],
            f"ndcg@{TOP}": found[f"ndcg@{TOP}"],
            f"mrr@{TOP}": found[f"mrr@{TOP}"],
        }

    return evaluate


if __name__ == "__main__":
    run("replay-rec", prepare)
