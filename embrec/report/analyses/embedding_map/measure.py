"""A map of queries and items in the plane, their scores, and the popularity bias of a model, after [weimann2022] Fig. 3.

[weimann2022] shows users and items by t-SNE, each side coloured by its scores with one point of the other side, and "identified
several regions of items that are recommended to the majority of randomly chosen users", without counting them. Here the bias is
counted: the share of users who have an item in their top tenth of the catalog (a tenth on average over items, for any model),
and its correlation with the popularity of the item in training.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.comparisons.tables import Table
from embrec.data.batches import batches_in_order
from embrec.data.everyone import learned_user
from embrec.data.sequences import target_sequences
from embrec.data.splits import Positions
from embrec.errors import ConfigError, RunError
from embrec.evaluation.lists import gini
from embrec.models.factors import Factors
from embrec.models.interface import SequenceModel
from embrec.progress import Progress, silent
from embrec.report.analyses.context import AnalysisContext

SAMPLE = 3000
TOP = 0.1  # share of the catalog, as in the "HR@10%" of [weimann2022]
FEWEST = 20  # queries that a map needs

_PERPLEXITY = 30
_BATCH = 256
_BLOCK = 1 << 24  # scores in memory at a time: 64 MB


@dataclass(frozen=True)
class Match:
    """The query and item that are marked red.

    Attributes:
        query: row of the query.
        user: user id.
        item: catalog row of the next item of that user.
        events: number of events before it.
        above: share of the other items that have a lower score than it for this user.
        rule: rule by which the user was selected.
    """

    query: int
    user: str
    item: int
    events: int
    above: float
    rule: str


@dataclass(frozen=True)
class Bias:
    """The popularity bias of a model.

    Attributes:
        share: share of the sampled users who have the item in their top tenth, [n]; NaN if the model cannot score the item.
        popularity: number of training events of each item, [n].
        correlation: Spearman correlation of `share` and `popularity` over the items that the model can score.
        nobody: share of these items that are in the top tenth of no user.
        majority: share of these items that are in the top tenth of more than half of the users.
        gini: Gini coefficient of the places of items in these top tenths.
    """

    share: NDArray[np.float64]
    popularity: NDArray[np.int64]
    correlation: float
    nobody: float
    majority: float
    gini: float


@dataclass(frozen=True)
class EmbeddingMap:
    """Queries and items in the plane, with their scores.

    Attributes:
        users: user index of each query, one query per user, [S].
        queries: coordinates of the queries, [S, 2].
        items: distinct catalog rows of the next items, [I].
        places: coordinates of the items, [I, 2].
        query_match: share of the other items that score lower than the red item, for each query, [S].
        item_match: share of the other items that score lower than each item for the red query, [I].
        match: the red query and item.
        bias: popularity bias of the model.
        left_out: number of sampled targets whose item the model cannot score.
    """

    users: NDArray[np.int64]
    queries: NDArray[np.float64]
    items: NDArray[np.int64]
    places: NDArray[np.float64]
    query_match: NDArray[np.float64]
    item_match: NDArray[np.float64]
    match: Match
    bias: Bias
    left_out: int

    def notes(self) -> list[str]:
        """Return remarks for readers of the map."""
        notes = [f"red dots: user {self.match.user} after {self.match.events:,} events, {self.match.rule}"]
        if self.left_out:
            notes.append(f"{self.left_out:,} targets are left out, because the model cannot score their items")
        return notes


@torch.inference_mode()
def locate(
    context: AnalysisContext,
    model: SequenceModel,
    *,
    user: str | None = None,
    sample: int = SAMPLE,
    seed: int = 0,
    progress: Progress = silent,
) -> EmbeddingMap:
    """Find where queries and items lie, and how they match; arguments and errors as of `analyze_map`."""
    model.eval()
    model = model.cached()
    factors = model.factors()
    if factors is None or factors.sparse:
        raise RunError(f"the scores of run {context.run.name!r} are no inner products, so there is nothing to draw")
    wanted = None if user is None else learned_user(context.run.category, context.dataset.interactions, user)
    targets = _sample(context.partition.test, sample, np.random.default_rng(seed), wanted, user)
    item = context.dataset.interactions.item[targets.events(context.dataset.interactions)].astype(np.int64)
    scorable = factors.scorable.cpu().numpy()[item + 1]
    if wanted is not None and not scorable[targets.user == wanted].all():
        raise ConfigError(f"the model cannot score the next item of user {user!r}; name another one, or none")
    targets, item = targets.select(scorable), item[scorable]
    if len(targets) < FEWEST:
        raise ConfigError(f"a map needs {FEWEST} users with a test target that can be scored; there are {len(targets)}")
    queries = _queries(context, model, targets)
    above, counts = shares_below(queries, factors, item, progress)
    match = _match(context, targets, item, above, wanted, seed)
    items = np.unique(item)
    progress("t-SNE", 0, 2)
    places = [plane(queries.numpy(), seed)]
    progress("t-SNE", 1, 2)
    places.append(plane(factors.items[torch.from_numpy(items + 1)].float().numpy(), seed))
    progress("t-SNE", 2, 2)
    return EmbeddingMap(
        users=targets.user,
        queries=places[0],
        items=items,
        places=places[1],
        query_match=matches_of_item(queries, factors, match.item),
        item_match=matches_of_query(queries[match.query], factors)[items],
        match=match,
        bias=_bias(counts, len(targets), factors, context.popularity),
        left_out=int((~scorable).sum()),
    )


def _sample(
    test: Positions, sample: int, generator: np.random.Generator, wanted: int | None, name: str | None
) -> Positions:
    """Sample users with a random target of each; the user that was asked for is included, with the last target."""
    shuffled = generator.permutation(len(test))
    users, first = np.unique(test.user[shuffled], return_index=True)
    rows = shuffled[first]
    chosen = np.sort(generator.choice(len(users), min(sample, len(users)), replace=False))
    if wanted is not None:
        own = np.flatnonzero(test.user == wanted)
        if not len(own):
            raise ConfigError(f"user {name!r} has no test target in this split; name another one, or none")
        place = int(np.searchsorted(users, wanted))
        rows[place] = own[test.position[own].argmax()]
        if place not in chosen:
            chosen[generator.integers(len(chosen))] = place
            chosen.sort()
    return test.select(rows[chosen])


def _queries(context: AnalysisContext, model: SequenceModel, targets: Positions) -> Tensor:
    """Return the query before each target, [S, d]."""
    sequences = target_sequences(context.log, targets, context.config.model.max_length)
    parts, order = [], []
    for rows, batch in batches_in_order(sequences, _BATCH):
        parts.append(model.queries(batch).dense.float().cpu())
        order.append(rows)
    return torch.cat(parts)[torch.from_numpy(np.argsort(np.concatenate(order)))]


def _blocks(queries: Tensor, factors: Factors) -> Iterator[tuple[slice, Tensor]]:
    """Yield rows of the queries and their scores of the catalog, -inf for items that cannot be scored, [B, n]."""
    items, scorable = factors.items[1:].float(), factors.scorable[1:]
    size = max(1, _BLOCK // len(items))
    for start in range(0, len(queries), size):
        rows = slice(start, start + size)
        yield rows, (queries[rows] @ items.T).masked_fill_(~scorable, -torch.inf)


def shares_below(
    queries: Tensor, factors: Factors, item: NDArray[np.int64], progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Compare the scores of each query.

    Returns:
        The share of the other items that score lower than the next item of each query, [S], and the number of queries that have
        each item in their top tenth, [n].
    """
    scored = int(factors.scorable[1:].sum())
    top = max(1, round(TOP * scored))
    above, counts = np.empty(len(queries)), torch.zeros(len(factors.items) - 1, dtype=torch.long)
    own = torch.from_numpy(item)
    for rows, scores in _blocks(queries, factors):
        bar = scores.kthvalue(scores.shape[1] - top + 1, dim=1, keepdim=True).values
        counts += (scores >= bar).sum(dim=0)
        above[rows] = _above(scores, scores.gather(1, own[rows, None]), scored)
        progress("match", min(rows.stop, len(queries)), len(queries))
    return above, counts.numpy()


def _above(scores: Tensor, one: Tensor, scored: int) -> NDArray[np.float64]:
    """Return the share of the other items that score lower than one score of each row, ties counting half, [B]."""
    lower = (scores < one).sum(dim=1) - (scores.shape[1] - scored)  # without items that cannot be scored
    tied = (scores == one).sum(dim=1) - 1
    share: NDArray[np.float64] = ((lower + tied / 2) / max(1, scored - 1)).double().numpy()
    return share


def matches_of_item(queries: Tensor, factors: Factors, item: int) -> NDArray[np.float64]:
    """Return the share of the other items that score lower than an item, for each query, [S]."""
    scored = int(factors.scorable[1:].sum())
    return np.concatenate([_above(scores, scores[:, item, None], scored) for _, scores in _blocks(queries, factors)])


def matches_of_query(query: Tensor, factors: Factors) -> NDArray[np.float64]:
    """Return the share of the other items that score lower than each item for one query, [n]."""
    from scipy import stats

    ((_, scores),) = _blocks(query[None], factors)
    scored = int(factors.scorable[1:].sum())
    below = stats.rankdata(scores[0].numpy()) - 1 - (scores.shape[1] - scored)
    return np.clip(below / max(1, scored - 1), 0, 1)


def _match(
    context: AnalysisContext,
    targets: Positions,
    item: NDArray[np.int64],
    above: NDArray[np.float64],
    wanted: int | None,
    seed: int,
) -> Match:
    if wanted is not None:
        row, rule = int(np.flatnonzero(targets.user == wanted)[0]), "asked for"
    else:
        eligible = np.flatnonzero(above >= 1 - TOP)
        rule = (
            f"drawn with seed {seed} from the {len(eligible):,} users whose next item is in the top {TOP:.0%} of theirs"
        )
        if not len(eligible):
            eligible, rule = (
                np.array([above.argmax()]),
                f"the best placed: no next item is in the top {TOP:.0%} of its user's",
            )
        row = int(np.random.default_rng(seed).choice(eligible))
    name = str(context.dataset.interactions.user_ids[targets.user[row]])
    return Match(row, name, int(item[row]), int(targets.position[row]), float(above[row]), rule)


def _bias(counts: NDArray[np.int64], users: int, factors: Factors, popularity: NDArray[np.int64]) -> Bias:
    from scipy import stats

    scorable = factors.scorable[1:].cpu().numpy()
    share = np.where(scorable, counts / users, np.nan)
    known, events = share[scorable], popularity[scorable]
    varies = len(np.unique(known)) > 1 and len(np.unique(events)) > 1
    return Bias(
        share=share,
        popularity=popularity,
        correlation=float(stats.spearmanr(known, events).statistic) if varies else float("nan"),
        nobody=float((known == 0).mean()),
        majority=float((known > 0.5).mean()),
        gini=gini(counts[scorable]),
    )


def plane(vectors: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """Return the t-SNE coordinates of vectors, [N, 2], with the usual parameters, initialised by PCA.

    Args:
        vectors: the vectors, [N, d].
        seed: seed of t-SNE.
    """
    from sklearn.manifold import TSNE

    perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
    embedded = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(vectors)
    return np.asarray(embedded, dtype=np.float64)


def as_numbers(context: AnalysisContext, found: EmbeddingMap) -> dict[str, Any]:
    """Return the content of the figure as plain values for the JSON file."""
    ids, match, bias = context.dataset.catalog.item_ids, found.match, found.bias
    names = context.dataset.interactions.user_ids
    return {
        "match": {**vars(match), "item": ids[match.item]},
        "top": TOP,
        "popularity bias": {
            "spearman": bias.correlation,
            "nobody": bias.nobody,
            "majority": bias.majority,
            "gini": bias.gini,
        },
        "queries": {
            "user": names[found.users].tolist(),
            "x": found.queries[:, 0].round(3),
            "y": found.queries[:, 1].round(3),
            "match": found.query_match.round(5),
        },
        "items": {
            "item": ids[found.items].tolist(),
            "x": found.places[:, 0].round(3),
            "y": found.places[:, 1].round(3),
            "match": found.item_match.round(5),
            "share of users": bias.share[found.items].round(5),
            "training events": bias.popularity[found.items],
        },
    }


def table(found: EmbeddingMap) -> Table:
    """Return a table of the popularity bias."""
    bias = found.bias
    return Table(
        "",
        ["what", "value"],
        [
            ["users sampled, one test target each", f"{len(found.users):,}"],
            [
                f"Spearman's correlation of training events and share of users with the item in their top {TOP:.0%}",
                f"{bias.correlation:+.3f}",
            ],
            [f"items in nobody's top {TOP:.0%}", f"{bias.nobody:.1%}"],
            [f"items in the top {TOP:.0%} of more than half of the users", f"{bias.majority:.1%}"],
            ["Gini of the places in these", f"{bias.gini:.3f}"],
        ],
    )
