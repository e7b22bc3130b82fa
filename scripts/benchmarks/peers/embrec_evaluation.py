"""Evaluates given scores with embrec; see `evaluation.py`."""

from collections.abc import Callable

import numpy as np
import torch
from clocked import TOP, Arrays, run

from embrec.evaluation.metrics import metric
from embrec.evaluation.ranks import CatalogScan, NotCandidates, Products
from embrec.models.factors import Factors, Queries

BATCH = 256


def prepare(arrays: Arrays) -> Callable[[], dict[str, float]]:
    """Return what evaluates once."""
    items = torch.nn.functional.pad(torch.from_numpy(arrays["items"]), (0, 0, 1, 0))
    candidate = np.ones(len(items), dtype=bool)
    candidate[0] = False
    queries, targets, seen = torch.from_numpy(arrays["queries"]), arrays["target"] + 1, arrays["seen"] + 1

    def evaluate() -> dict[str, float]:
        scan = CatalogScan(candidate, candidate, BATCH, torch.device("cpu"))
        products = Products(Factors(items, torch.from_numpy(candidate)), BATCH, scan.width)
        sums = dict.fromkeys((f"hr@{TOP}", f"ndcg@{TOP}", f"mrr@{TOP}"), 0.0)
        for start in range(0, len(queries), BATCH):
            rows = slice(start, start + BATCH)
            row = np.repeat(np.arange(len(targets[rows])), seen.shape[1])
            pairs = np.unique(row * len(items) + seen[rows].ravel())
            excluded = NotCandidates(pairs // len(items), pairs % len(items))
            standing, _ = scan(products(Queries(queries[rows])), targets[rows], excluded, keep=TOP)
            for name in sums:
                sums[name] += float(metric(name, standing).sum())
        return {name: value / len(queries) for name, value in sums.items()}

    return evaluate


if __name__ == "__main__":
    run("embrec", prepare)
