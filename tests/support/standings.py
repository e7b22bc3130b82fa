"""Standings of targets in given scores, for the tests of ranks and metrics."""

import numpy as np
import torch

from embrec.evaluation.ranks import CatalogScan, NotCandidates, Standing, WholeScores


def scan(scores, targets, excluded=(), keep=0):
    """Rank targets (tensor ids, from 1) in scores of the items [B, n]; `excluded` are pairs of row and tensor id."""
    scores = torch.as_tensor(np.asarray(scores, dtype=np.float32))
    padded = torch.cat([torch.full((len(scores), 1), torch.inf), scores], dim=1)
    everything = np.ones(padded.shape[1], dtype=bool)
    everything[0] = False
    pairs = np.array(sorted(excluded), dtype=np.int64).reshape(-1, 2)
    targets = np.asarray(targets, dtype=np.int64)
    own = pairs[:, 1] == targets[pairs[:, 0]]
    run = CatalogScan(everything, everything, len(scores), torch.device("cpu"))
    return run(WholeScores(padded), targets, NotCandidates(pairs[~own, 0], pairs[~own, 1]), keep=keep)


def standing_of(scores, targets, excluded=()) -> Standing:
    """The standing alone; see `scan`."""
    return scan(scores, targets, excluded)[0]


def standing_at(greater, candidates: int = 100) -> Standing:
    """Targets with so many candidates above them, and no ties."""
    greater = np.asarray(greater, dtype=np.int64)
    return Standing(
        greater, np.zeros_like(greater), np.full_like(greater, candidates), np.zeros(len(greater), dtype=bool)
    )
