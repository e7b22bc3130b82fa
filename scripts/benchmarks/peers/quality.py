"""How good recommendations are, by one function for all peers, so that no library's own metrics enter."""

import csv
from collections.abc import Mapping, Set
from pathlib import Path

import numpy as np
from errors import PeerError

from embrec.evaluation.ranking_metrics import HIT_RATE, NDCG


def quality(
    recommendations: Path, targets: Mapping[str, str], seen: Mapping[str, Set[str]], top: int
) -> dict[str, float]:
    """Return NDCG and the hit rate over all users; a target that is not recommended is a miss.

    Args:
        recommendations: CSV file with columns user, item, rank.
        targets: user -> item to be found.
        seen: user -> items that must not be recommended.
        top: how many recommendations count.

    Raises:
        PeerError: a user is given an item twice, two items of one rank, an item seen, or nothing.
    """
    lists: dict[str, dict[int, str]] = {user: {} for user in targets}
    with recommendations.open(newline="") as stream:
        for row in csv.DictReader(stream):
            user, item, rank = row["user"], row["item"], int(row["rank"])
            if item in seen[user]:
                raise PeerError(f"user {user} is recommended item {item}, which was seen")
            if rank in lists[user] or item in lists[user].values():
                raise PeerError(f"user {user} has two items of rank {rank}, or item {item} twice")
            lists[user][rank] = item
    if empty := [user for user, items in lists.items() if not items]:
        raise PeerError(f"{len(empty)} users are recommended nothing, such as {empty[0]}")
    ranks = np.full(len(targets), np.inf)
    for place, (user, target) in enumerate(targets.items()):
        ranks[place] = next((rank for rank, item in lists[user].items() if item == target), np.inf)
    return {
        f"ndcg@{top}": float(NDCG.values(ranks, ranks, top).mean()),
        f"hr@{top}": float(HIT_RATE.values(ranks, ranks, top).mean()),
    }
