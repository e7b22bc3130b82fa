"""The recommender: an item encoder, a user vector, a sequence encoder and a scorer, put together."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from embrec.data.batches import Batch
from embrec.models.encoders.base import SequenceEncoder
from embrec.models.factors import Factors
from embrec.models.items import ItemEncoder
from embrec.models.scorers import FactorisedScorer
from embrec.models.users import NoUser


class TrainingSteps(NamedTuple):
    """The M valid steps of a batch.

    Attributes:
        queries: projected for the scorer, [M, d]; its d may be one more than that of item vectors (a bias).
        items: the vectors of the whole catalog, projected alike, [n + 1, d].
        targets: the tensor ids to be predicted, [M].
        row: the history of each step, [M].
    """

    queries: Tensor
    items: Tensor
    targets: Tensor
    row: Tensor


class SequenceRecommender(nn.Module):
    """Turns a history into a query and compares it with every item; what it is made of makes it one model or another.

    Args:
        items: gives the item vectors, the same for inputs and candidates.
        users: the user vector, if any.
        sequence: reads the history's item vectors.
        scorer: compares query and item.
        known: True for the items with training events, [n + 1]; the others are no candidates in training, and a model
            that is not inductive ranks them last.
        residual: add the vector of the last item read to the query, as a transformer's residual path does. Before it has
            learned anything such a model recommends what resembles the last item, which serves new items at once; the
            published model has no such path.
        query_layer: whether a dense layer turns the sequence's output [h] into the query [d]; without it the output is the
            query, so that h must be d.
    """

    known: Tensor

    def __init__(
        self,
        items: ItemEncoder,
        users: NoUser,
        sequence: SequenceEncoder,
        scorer: FactorisedScorer,
        known: Tensor,
        residual: bool = False,
        query_layer: bool = True,
    ) -> None:
        super().__init__()
        self.items = items
        self.users = users
        self.sequence = sequence
        self.scorer = scorer
        self.query: nn.Module = nn.Identity()
        if query_layer:
            self.query = nn.Linear(sequence.out_dim, items.out_dim)
            nn.init.xavier_uniform_(self.query.weight)
            nn.init.zeros_(self.query.bias)
        self.register_buffer("known", known.clone(), persistent=False)
        self.residual = nn.Parameter(torch.ones(())) if residual else None

    def item_matrix(self) -> Tensor:
        """Return the vectors of the whole catalog, row 0 zero, [n + 1, d]."""
        return self.items.all_items()

    def step_queries(self, batch: Batch, item_matrix: Tensor) -> Tensor:
        """Return the query after every step, not yet projected for the scorer, [B, L, d]."""
        x, hidden = self._read(batch, item_matrix)
        return self._query(hidden, x)

    def _read(self, batch: Batch, item_matrix: Tensor) -> tuple[Tensor, Tensor]:
        """Return the item vectors of the histories, [B, L, d], and what the sequence encoder makes of them, [B, L, h]."""
        x = nn.functional.embedding(batch.items, item_matrix)
        return x, self.sequence(x, batch.lengths, user=self.users(batch, item_matrix))

    def _query(self, hidden: Tensor, x: Tensor) -> Tensor:
        query: Tensor = self.query(hidden)
        return query if self.residual is None else query + self.residual * x

    def queries(
        self, batch: Batch, item_matrix: Tensor | None = None, at: tuple[Tensor, Tensor] | None = None
    ) -> Tensor:
        """Return the query of each whole history, or after given steps, projected for the scorer.

        Args:
            batch: B histories.
            item_matrix: what `item_matrix()` returned.
            at: row and step of each query, [M] and [M]; the last step of each row if None. Step -1 is before all events.

        Returns:
            [B, d], or [M, d].
        """
        matrix = self.item_matrix() if item_matrix is None else item_matrix
        x, hidden = self._read(batch, matrix)
        row, step = (torch.arange(len(x), device=x.device), batch.lengths - 1) if at is None else at
        last = row, step.clamp(min=0)
        after = self._query(hidden[last], x[last])  # at these steps alone: the layer costs a quarter of a GRU
        before_all = self.query(self.sequence.empty(1, after))
        return self.scorer.project_queries(torch.where(step[:, None] >= 0, after, before_all))

    def factors(self, item_matrix: Tensor | None = None) -> Factors:
        """Return the catalog's side of the scores: the score of an item is its vector's product with what `queries` returns.

        Args:
            item_matrix: what `item_matrix()` returned.
        """
        matrix = self.item_matrix() if item_matrix is None else item_matrix
        return Factors(self.scorer.project_items(matrix), self._scorable(len(matrix)), self.sequence.causal)

    def score(self, batch: Batch, candidates: Tensor | None = None, item_matrix: Tensor | None = None) -> Tensor:
        """Score items as what comes after each whole history.

        Args:
            batch: B histories.
            candidates: tensor ids, [B, C]; the whole catalog if None.
            item_matrix: what `item_matrix()` returned, to compute it once for many batches.

        Returns:
            [B, C], or [B, n + 1] with the padding column -inf. Items unknown to a model that is not inductive get -inf.
        """
        matrix = self.item_matrix() if item_matrix is None else item_matrix
        queries = self.queries(batch, matrix)
        items, scorable, _ = self.factors(matrix)
        if candidates is not None:
            scores = self.scorer(queries, nn.functional.embedding(candidates, items))
            return scores.masked_fill(~scorable[candidates], -torch.inf)
        return self.scorer(queries, items).masked_fill(~scorable, -torch.inf)

    def _scorable(self, size: int) -> Tensor:
        """Return which of `size` tensor ids may be recommended; those past `known` were added after training."""
        if not self.items.inductive:
            return nn.functional.pad(self.known, (0, size - len(self.known)))
        scorable = self.known.new_ones(size)
        scorable[0] = False
        return scorable

    def training_steps(self, batch: Batch) -> TrainingSteps:
        """Return what a loss of factorised scores needs; only valid steps, so that padding costs nothing."""
        matrix = self.item_matrix()
        row, step = batch.targets.nonzero(as_tuple=True)
        queries = self.scorer.project_queries(self.step_queries(batch, matrix)[row, step])
        return TrainingSteps(queries, self.scorer.project_items(matrix), batch.targets[row, step], row)

    def training_scores(self, batch: Batch, negatives: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Score each valid step's next item and the negatives [N] that all steps share.

        Returns:
            Positive scores [M], negative scores [M, N], and a mask [M, N] that is False where a negative is the step's own
            next item.
        """
        queries, items, targets, _ = self.training_steps(batch)
        positive = (queries * nn.functional.embedding(targets, items)).sum(dim=1)
        negative = queries @ nn.functional.embedding(negatives, items).T
        return positive, negative, negatives[None, :] != targets[:, None]
