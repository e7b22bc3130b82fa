"""Models that live in the tests only, one for each protocol of `embrec.models.interface`."""

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import nn

from embrec.models.encoders.base import SequenceEncoder
from embrec.models.factorised import SequenceRecommender
from embrec.models.factors import Factors, Queries, SparsePart, product_scores
from embrec.models.interface import ParameterGroup, Scores
from embrec.models.item_based import ItemBasedModel
from embrec.models.items.identity import IdEmbedding
from embrec.models.scorers.factorised import FactorisedScorer
from embrec.models.users.base import UserVector

DIM = 8


class GapScorer(ItemBasedModel):
    """A target-dependent scorer: an item related to the last one counts more the less time has passed.

    score(c) = v_last . v_c + w related(last, c) exp(-decay log(1 + gap)) + a kind(c)
    """

    def __init__(self, inputs):
        super().__init__(IdEmbedding(inputs.known, DIM), inputs.known)
        self.relations = inputs.relations
        self.register_buffer("kind", inputs.attributes["categories"].float(), persistent=False)
        self.related = nn.Parameter(torch.ones(()))
        self.decay = nn.Parameter(torch.tensor(0.1))
        self.of_kind = nn.Parameter(torch.zeros(()))

    def score(self, batch, candidates=None):
        rows = torch.arange(len(batch.items))
        step = (batch.lengths - 1).clamp(min=0)
        last = batch.items[rows, step]
        everything = torch.arange(len(self.catalog())) if candidates is None else candidates
        ids = everything.expand(len(last), -1) if everything.dim() == 1 else everything
        scores = self._scores(last, batch.query_time - batch.times[rows, step], ids)
        return scores.masked_fill(~self.known[ids], -torch.inf)

    def training_scores(self, batch, negatives):
        row, step = batch.targets.nonzero(as_tuple=True)
        target = batch.targets[row, step]
        ids = negatives.expand(len(row), -1) if negatives.dim() == 1 else negatives
        gap = batch.target_times[row, step] - batch.times[row, step]
        scores = self._scores(batch.items[row, step], gap, torch.cat([target[:, None], ids], dim=1))
        penalty = {"small weights": 0.01 * self.related**2}
        return Scores(scores[:, 0], scores[:, 1:], ids != target[:, None], penalty)

    def parameter_groups(self):
        own = [self.related, self.decay, self.of_kind]
        return [ParameterGroup(own, rate=2.0), ParameterGroup([self.items.weight], weight_decay=0.01)]

    def _scores(self, last, gap, ids):
        vectors = self.catalog()
        found = self.relations.lookup(last[:, None], ids)[:, :, 0, 0]  # [M, C]
        nearness = torch.exp(-nn.functional.softplus(self.decay) * torch.log1p(gap.clamp(min=0).float()))
        similar = (vectors[ids] @ vectors[last][:, :, None])[:, :, 0]
        return similar + self.related * found * nearness[:, None] + self.of_kind * self.kind[ids]


class Drift(ItemBasedModel):
    """A stateful scorer: every event moves the vectors of its user and its item towards each other."""

    users = 64

    def __init__(self, inputs):
        super().__init__(IdEmbedding(inputs.known, DIM), inputs.known)
        self.mix = nn.Linear(DIM, DIM, bias=False)
        self.register_buffer("user_state", torch.zeros(self.users + 1, DIM))
        self.register_buffer("item_state", torch.zeros(len(inputs.known), DIM))
        self.register_buffer("observed", torch.zeros((), dtype=torch.long))

    def reset(self):
        for state in (self.user_state, self.item_state, self.observed):
            state.zero_()

    def observe(self, events):
        vectors = self.catalog().detach()
        for user, item in zip(events.user.tolist(), events.item.tolist(), strict=True):
            place = user % self.users
            self.user_state[place] = torch.lerp(self.user_state[place], torch.tanh(self.mix(vectors[item])), 0.5)
            self.item_state[item] = torch.lerp(self.item_state[item], self.user_state[place], 0.1)
        self.observed += len(events)

    def score(self, batch, candidates=None):
        rows = torch.arange(len(batch.items))
        last = batch.items[rows, (batch.lengths - 1).clamp(min=0)]
        everything = torch.arange(len(self.known)) if candidates is None else candidates
        ids = everything.expand(len(last), -1) if everything.dim() == 1 else everything
        return self._scores(batch.user, last, ids).masked_fill(~self.known[ids], -torch.inf)

    def training_scores(self, batch, negatives):
        row, step = batch.targets.nonzero(as_tuple=True)
        target = batch.targets[row, step]
        ids = negatives.expand(len(row), -1) if negatives.dim() == 1 else negatives
        scores = self._scores(batch.user[row], batch.items[row, step], torch.cat([target[:, None], ids], dim=1))
        return Scores(scores[:, 0], scores[:, 1:], ids != target[:, None])

    def _scores(self, user, last, ids):
        vectors = self.catalog()
        of_user = self.user_state[torch.where(user >= 0, user % self.users, self.users)]  # the last one is nobody's
        query = self.mix(vectors[last]) + of_user
        return ((vectors[ids] + self.item_state[ids]) @ query[:, :, None])[:, :, 0]


class MeanPool(SequenceEncoder):
    """A pooled encoder: the mean of the history's item vectors, and the user's vector."""

    pooled = True

    def __init__(self, dim):
        super().__init__()
        self.out_dim = dim

    def forward(self, x, batch, user=None):
        valid = (torch.arange(x.shape[1]) < batch.lengths[:, None])[:, :, None]
        mean = (x * valid).sum(dim=1) / batch.lengths.clamp(min=1)[:, None]
        return mean if user is None else mean + user


class FirstItem(UserVector):
    """The vector of the first item of the history as the user's."""

    dim = DIM
    inductive = True

    def forward(self, batch, items):
        return items[batch.items[:, 0]]


class UserScorer(FactorisedScorer):
    """An inner product with the query, shifted by the user's vector."""

    def project_queries(self, queries, user=None):
        return super().project_queries(queries if user is None else queries + 0.5 * user)


def pooled_model(inputs):
    """A model with one query a history, whose encoder and scorer read a user vector."""
    items = IdEmbedding(inputs.known, DIM, standard_deviation=1.0)
    return SequenceRecommender(items, FirstItem(), MeanPool(DIM), UserScorer(), inputs.known)


class SumOfParts(ItemBasedModel):
    """A factorised model of three parts: a dense product, words shared with the last item, and counted transitions.

    The words of an item weigh less in a longer history, and each item has a weight of its own among its words.
    """

    def __init__(self, items, known, words, counts):
        super().__init__(items, known)
        self.words = words  # [n + 1, T]
        self.counts = counts  # [n + 1, n + 1]
        self.word_weights = torch.linspace(0.5, 1.5, words.shape[0])

    def factors(self):
        scorable = self.known.new_ones(len(self.catalog()))
        scorable[0] = False
        parts = (SparsePart("words", csr_matrix(self.words.T), self.word_weights), SparsePart("counts", self.counts))
        return Factors(self.catalog(), scorable, True, parts)

    def queries(self, batch, at=None):
        row, step = (torch.arange(len(batch.items)), batch.lengths - 1) if at is None else at
        last = (batch.items[row, step.clamp(min=0)] * (step >= 0)).numpy()
        weight = (1.0 / (2.0 + step.numpy())).astype(np.float32)
        words = csr_matrix(self.words[last].multiply(weight[:, None]))
        chosen = csr_matrix(
            (np.ones(len(last), dtype=np.float32), (np.arange(len(last)), last)), (len(last), self.size)
        )
        return Queries(self.catalog()[torch.from_numpy(last)], (words.astype(np.float32), chosen))

    @property
    def size(self):
        return self.counts.shape[0]

    def score(self, batch, candidates=None):
        return product_scores(self.factors(), self.queries(batch), candidates)

    def plain(self, history):
        """The scores after a history of tensor ids, added up by hand, [n + 1]."""
        last = history[-1] if history else 0
        vectors = self.catalog().double().numpy()
        of_words = self.words.toarray().astype(np.float64)
        of_words = (of_words[last] / (1 + len(history))) @ of_words.T * self.word_weights.double().numpy()
        return vectors @ vectors[last] + of_words + self.counts[last].toarray()[0]
