"""Maps of queries and items: scores and bias against plain loops, and the selection of users."""

import json

import numpy as np
import pytest
import torch
from scipy import stats
from support.toys import N_ITEMS, toy_batch, toy_model

from embrec.errors import ConfigError, DataError
from embrec.models.factors import Factors, Queries
from embrec.progress import silent
from embrec.report.analyses.context import AnalysisContext
from embrec.report.analyses.embedding_map import measure as embedding_map
from embrec.report.analyses.embedding_map.analyze import analyze_map
from embrec.report.analyses.embedding_map.measure import locate, matches_of_item, matches_of_query, shares_below, table
from embrec.runs.model import load_model


@pytest.fixture(scope="module")
def context(toys):
    return AnalysisContext.open(toys["prefixes"])


@pytest.fixture(scope="module")
def ranker(toys):
    return load_model(toys["prefixes"]).model


@pytest.fixture
def flat(monkeypatch):
    """t-SNE takes seconds, and what it does is not ours to test: the first two dimensions in its place."""
    monkeypatch.setattr(embedding_map, "plane", lambda vectors, seed: vectors[:, :2].astype(np.float64))


@pytest.mark.parametrize("block", [1, 50, 1 << 20])
@pytest.mark.parametrize("unknown", [(), (3, 5)])
def test_places_in_the_catalog_are_those_of_a_loop(monkeypatch, block, unknown):
    monkeypatch.setattr(embedding_map, "_BLOCK", block)
    model = toy_model(source="id", unknown=unknown)
    batch = toy_batch([1, 2, 4], [7, 8], [9], [2, 2])
    own = np.array([0, 6, 11, 19])
    with torch.inference_mode():
        queries, factors = model.queries(batch).dense, model.factors()
        scores = model.score(batch)[:, 1:].numpy()
        above, counts = shares_below(queries, factors, own, silent)
        of_item, of_query = matches_of_item(queries, factors, 6), matches_of_query(queries[1], factors)
    others = [item for item in range(N_ITEMS) if item + 1 not in unknown]

    def share(row, item):
        return np.mean([scores[row, other] < scores[row, item] for other in others if other != item])

    assert above == pytest.approx([share(row, item) for row, item in enumerate(own)])
    assert of_item == pytest.approx([share(row, 6) for row in range(4)])
    assert of_query == pytest.approx([share(1, item) if item in others else 0 for item in range(N_ITEMS)])
    best = [max(others, key=lambda item, row=row: scores[row, item]) for row in range(4)]
    second = [sorted(others, key=lambda item, row=row: -scores[row, item])[1] for row in range(4)]
    assert counts.tolist() == np.bincount([*best, *second], minlength=N_ITEMS).tolist()  # a tenth of 20 or 18 is 2


@pytest.mark.usefixtures("flat")
def test_a_tenth_of_the_users_have_an_item_in_their_top_tenth_on_average(context, ranker):
    found = locate(context, ranker, sample=100)
    assert len(found.users) == 100
    assert len(np.unique(found.users)) == 100
    assert np.nanmean(found.bias.share) == pytest.approx(0.1)
    known = ~np.isnan(found.bias.share)
    expected = stats.spearmanr(found.bias.share[known], context.popularity[known]).statistic
    assert found.bias.correlation == pytest.approx(expected)
    assert (found.bias.share[known] == 0).mean() == pytest.approx(found.bias.nobody)


@pytest.mark.usefixtures("flat")
def test_a_model_that_offers_everybody_the_most_popular_items_is_found_out(context, ranker):
    class Popular:
        """Scores by popularity, whoever asks."""

        def catalog(self):
            return torch.from_numpy(np.pad(context.popularity, (1, 0)).astype(np.float32))[:, None]

        def factors(self):
            return Factors(self.catalog(), torch.arange(len(self.catalog())) > 0)

        def queries(self, batch):
            return Queries(torch.ones(len(batch.items), 1))

        def cached(self):
            return self

        def eval(self):
            return self

    popular = Popular()
    embedding = locate(context, popular, sample=100).bias
    assert embedding.correlation > 0.4  # four items have all places, the others none: ties hide the rest
    assert embedding.majority == pytest.approx(0.1)
    assert embedding.nobody == pytest.approx(0.9)
    assert embedding.gini == pytest.approx(0.9)
    assert locate(context, ranker, sample=100).bias.gini < 0.9


@pytest.mark.usefixtures("flat")
def test_the_default_pair_is_drawn_from_those_that_rank_high(context, ranker):
    found = locate(context, ranker, seed=2)
    assert found.match.above >= 0.9
    assert found.match.rule.startswith("drawn with seed 2 from the ")
    log = context.dataset.interactions
    user = log.user_index(found.match.user)
    assert found.users[found.match.query] == user
    assert log.history(user)[found.match.events] == found.match.item
    assert found.query_match[found.match.query] == pytest.approx(found.match.above)
    assert found.item_match[found.items.tolist().index(found.match.item)] == pytest.approx(found.match.above)
    names = {locate(context, ranker, seed=seed).match.user for seed in range(8)}
    assert len(names) > 2


@pytest.mark.usefixtures("flat")
def test_a_user_who_is_asked_for_is_shown_at_the_last_target(context, ranker):
    log = context.dataset.interactions
    tested = np.unique(context.partition.test.user)
    for user in tested[[0, 70, -1]]:
        found = locate(context, ranker, user=str(log.user_ids[user]), sample=30)
        assert len(np.unique(found.users)) == 30
        assert found.match.events == log.lengths[user] - 1
        assert (found.match.user, found.match.rule) == (log.user_ids[user], "asked for")
    untested = next(user for user in range(log.n_users) if user not in tested)
    with pytest.raises(ConfigError, match="has no test target in this split"):
        locate(context, ranker, user=str(log.user_ids[untested]))
    with pytest.raises(DataError, match="no user 'nobody'"):
        locate(context, ranker, user="nobody")
    with pytest.raises(ConfigError, match="a map needs 20 users with a test target that can be scored; there are 19"):
        locate(context, ranker, sample=19)


@pytest.mark.usefixtures("flat")
def test_targets_that_the_model_cannot_score_are_left_out(context, ranker):
    forgetful = ranker.with_items(ranker.items)
    known = ranker.factors().scorable.clone()
    known[1:11] = False
    forgetful.factors = lambda: ranker.factors()._replace(scorable=known)
    found = locate(context, forgetful)
    assert found.left_out > 0
    assert found.items.min() >= 10
    assert np.isnan(found.bias.share[:10]).all()
    assert not np.isnan(found.bias.share[10:]).any()
    assert np.nanmean(found.bias.share) == pytest.approx(0.1)
    assert "targets are left out, because the model cannot score their items" in found.notes()[1]


def test_a_map_is_drawn_and_written_and_the_same_again(toys, tmp_path):
    _, found, folder = analyze_map(toys["prefixes"], sample=60, output=tmp_path, command="it")
    numbers = json.loads((folder / "map.json").read_text())
    assert numbers["popularity bias"]["spearman"] == pytest.approx(found.bias.correlation)
    assert len(numbers["queries"]["x"]) == len(numbers["queries"]["user"]) == 60
    assert len(numbers["items"]["item"]) == len(found.items)
    assert (folder / "map.png").stat().st_size > 30_000
    assert len(table(found).rows) == 5
    first = (folder / "map.json").read_bytes()
    again = analyze_map(toys["prefixes"], sample=60, output=tmp_path, command="it")[1]
    assert (folder / "map.json").read_bytes() == first
    assert again.match == found.match
