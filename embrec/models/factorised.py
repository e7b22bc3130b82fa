"""The factorised sequence recommender: an item encoder, a user vector, a sequence encoder and a scorer, composed."""

import torch
from torch import Tensor, nn

from embrec.data.batches import Batch
from embrec.models.encoders.base import SequenceEncoder
from embrec.models.factors import Factors, Queries, product_scores
from embrec.models.interface import Step, TrainingSteps
from embrec.models.item_based import ItemBasedModel
from embrec.models.items.base import ItemEncoder
from embrec.models.scorers.factorised import FactorisedScorer
from embrec.models.users.base import UserVector


class SequenceRecommender(ItemBasedModel):
    """Turns a history into a query and compares it with every item; its parts make it one model or another.

    Args:
        items: gives the item vectors, the same for inputs and candidates.
        users: gives the user vectors, if any, to the sequence encoder and the scorer.
        sequence: reads the history's item vectors; causal (one output per step) or pooled (one output per history).
        scorer: compares query and item.
        known: True for the items with training events, [n + 1]; the others are no candidates in training, and a model
            that is not inductive ranks them last.
        residual: add the vector of the last item read to the query, as a transformer's residual path does. Before it has
            learned anything such a model recommends what resembles the last item, which serves new items at once; the
            published model has no such path.
        query_layer: True for a dense layer that turns the sequence's output [h] into the query [d]; without it the output is
            the query, so that h must be d.
    """

    def __init__(
        self,
        items: ItemEncoder,
        users: UserVector,
        sequence: SequenceEncoder,
        scorer: FactorisedScorer,
        known: Tensor,
        residual: bool = False,
        query_layer: bool = True,
    ) -> None:
        super().__init__(items, known)
        self.users = users
        self.sequence = sequence
        self.scorer = scorer
        self.prefixes = sequence.pooled
        self.query: nn.Module = nn.Identity()
        if query_layer:
            self.query = nn.Linear(sequence.out_dim, items.out_dim)
            nn.init.xavier_uniform_(self.query.weight)
            nn.init.zeros_(self.query.bias)
        self.residual = nn.Parameter(torch.ones(())) if residual else None

    def _read(self, batch: Batch, matrix: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the histories' item vectors, [B, L, d], the encoder's outputs, [B, L, h] or [B, h], and the user vectors."""
        x = nn.functional.embedding(batch.items, matrix)
        user = self.users(batch, matrix)
        return x, self.sequence(x, batch, user), user

    def _query(self, hidden: Tensor, x: Tensor) -> Tensor:
        query: Tensor = self.query(hidden)
        return query if self.residual is None else query + self.residual * x

    def queries(self, batch: Batch, at: Step | None = None) -> Queries:
        """Return the query of each whole history, or after given steps, projected for the scorer; see `SequenceModel`.

        A pooled model has a query for the whole history only, so that `at` may name no other step than a row's last.
        """
        x, hidden, user = self._read(batch, self.catalog())
        row, step = (torch.arange(len(x), device=x.device), batch.lengths - 1) if at is None else at
        last = row, step.clamp(min=0)
        # At these steps alone: the layer costs a quarter of a GRU.
        after = self._query(hidden[row] if self.sequence.pooled else hidden[last], x[last])
        before_all = self.query(self.sequence.empty(1, after))
        query = torch.where(step[:, None] >= 0, after, before_all)
        return Queries(self.scorer.project_queries(query, None if user is None else user[row]))

    def factors(self) -> Factors:
        """Return the catalog's factor of the scores; see `SequenceModel`."""
        matrix = self.catalog()
        causal = self.sequence.causal and not self.sequence.pooled
        return Factors(self.scorer.project_items(matrix), self._scorable(len(matrix)), causal)

    def score(self, batch: Batch, candidates: Tensor | None = None) -> Tensor:
        """Score items as the one that follows each history; see `SequenceModel`."""
        model = self.cached()
        return product_scores(model.factors(), model.queries(batch), candidates)

    def _scorable(self, size: int) -> Tensor:
        """Return which of `size` tensor ids may be recommended; those past `known` were added after training."""
        if not self.items.inductive:
            return nn.functional.pad(self.known, (0, size - len(self.known)))
        scorable = self.known.new_ones(size)
        scorable[0] = False
        return scorable

    def training_steps(self, batch: Batch) -> TrainingSteps:
        """Return the valid steps of a batch, so that padding costs nothing.

        Raises:
            ValueError: the model is pooled and a history has a target before its last step.
        """
        matrix = self.catalog()
        row, step = batch.targets.nonzero(as_tuple=True)
        x, hidden, user = self._read(batch, matrix)
        if not self.sequence.pooled:
            queries = self._query(hidden, x)[row, step]
        else:
            if not torch.equal(step, batch.lengths[row] - 1):
                raise ValueError("a pooled encoder has one output per history: train it on a row for each prefix")
            queries = self._query(hidden[row], x[row, step])
        queries = self.scorer.project_queries(queries, None if user is None else user[row])
        return TrainingSteps(queries, self.scorer.project_items(matrix), batch.targets[row, step], row)
