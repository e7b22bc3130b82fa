"""Models that keep more of an item than its vector score new items by it: attributes, and the feature tables themselves."""

from typing import Literal

import numpy as np
import pytest
import torch
from support.categories import SETTINGS, toy_category

import embrec
from embrec.data.attributes import Attribute, renumbered
from embrec.features.category import build_features
from embrec.features.finding import find_table
from embrec.models.config import ItemsConfig
from embrec.models.inputs import CatalogInputs
from embrec.models.interface import Scores
from embrec.models.item_based import ItemBasedModel
from embrec.models.items.build import build_items
from embrec.models.registry import MODELS, Registration, register
from embrec.models.tables import NoTable
from embrec.runs.model import load_model
from embrec.runs.presets import build_config


class WordsConfig(ItemsConfig):
    """Of the model below."""

    kind: Literal["words-and-kinds"] = "words-and-kinds"


class WordsAndKinds(ItemBasedModel):
    """Shared words with the last item, read from the table itself, and 10 for another item of its kind."""

    def __init__(self, config, inputs):
        super().__init__(build_items(config, inputs.tables, inputs.known), inputs.known)
        (table,) = inputs.tables.values()
        self.register_buffer("words", table.dense().clone(), persistent=False)
        self.register_buffer("kind", inputs.attributes["categories"], persistent=False)
        self.weight = torch.nn.Parameter(torch.ones(()))

    def encode_items(self, features):
        return torch.cat([super().encode_items(features), *features.values()], dim=1)

    def extended(self, vectors, attributes):
        model = super().extended(vectors[:, : self.items.out_dim], attributes)
        model.words = torch.cat([self.words, vectors[:, self.items.out_dim :]])
        model.kind = torch.cat([self.kind, attributes["categories"]])
        return model

    def score(self, batch, candidates=None):
        last = batch.items.gather(1, (batch.lengths[:, None] - 1).clamp(min=0))[:, 0]
        ids = torch.arange(len(self.known)) if candidates is None else candidates
        return self._scores(last, ids.expand(len(last), -1)).masked_fill(ids == 0, -torch.inf)

    def training_scores(self, batch, negatives):
        row, step = batch.targets.nonzero(as_tuple=True)
        target = batch.targets[row, step]
        ids = torch.cat([target[:, None], negatives.expand(len(row), -1)], dim=1)
        scores = self._scores(batch.items[row, step], ids) + 0 * self.catalog().sum()
        return Scores(scores[:, 0], scores[:, 1:], ids[:, 1:] != target[:, None])

    def _scores(self, last, ids):
        shared = (self.words[ids] @ self.words[last][:, :, None])[:, :, 0]
        return self.weight * shared + 10.0 * (self.kind[ids] == self.kind[last][:, None])


def build(config: WordsConfig, inputs: CatalogInputs) -> WordsAndKinds:
    return WordsAndKinds(config, inputs)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    reads = frozenset({"attributes", "features"})
    register(Registration("words-and-kinds", WordsConfig, build, "words and kinds", reads))
    category = toy_category(tmp_path_factory.mktemp("new"))
    list(build_features(category, ["tfidf"]))
    options = {"model.kind": "words-and-kinds", "model.features": ["tfidf"], "training.epochs": 1}
    config = build_config(
        "toys", options=options, settings=[SETTINGS[0], "training.negatives=4", "training.device=cpu"]
    )
    yield embrec.train(category, config, "one").run
    MODELS.unregister("words-and-kinds")


def test_a_run_keeps_the_tables_that_its_model_reads(run):
    dataset = embrec.load_dataset(run.category)
    (name,) = run.config().model.features
    table = find_table(run.category, name, dataset.catalog, np.ones(len(dataset.catalog), dtype=bool))
    np.testing.assert_array_equal(load_model(run).model.words[1:].numpy(), table.vectors)


def test_a_run_keeps_no_table_for_the_others():
    with pytest.raises(TypeError, match=r'reads=frozenset\(\{"features"\}\)'):
        NoTable(3).dense()


def test_new_items_are_scored_by_their_attributes_and_tables(run):
    recommender = embrec.Recommender.load(run)
    twin = recommender.catalog.frame.row(4, named=True)
    items = [{**twin, "item": "twin"}, {**twin, "item": "other", "categories": "Never > Seen"}]
    larger = recommender.with_items(items)
    scores = {one.item: one.score for one in larger.recommend(["i08"], 60, exclude_seen=False)}
    assert scores["twin"] == pytest.approx(scores["i04"], abs=1e-5)
    same_kind = recommender.catalog.frame["categories"][4] == recommender.catalog.frame["categories"][8]
    assert same_kind
    assert scores["other"] == pytest.approx(scores["i04"] - 10, abs=1e-5)
    before = {one.item: one.score for one in recommender.recommend(["i08"], 60, exclude_seen=False)}
    assert {item: scores[item] for item in before} == pytest.approx(before)


def test_numbers_of_names_are_those_of_the_training():
    lists = np.array([[0, 0, 0], [0, 1, 0], [0, 1, 1]], dtype=bool)
    found = renumbered(Attribute(lists, ("blue", "red")), ("green", "red"))
    assert found.tolist() == [[False] * 3, [False] * 3, [False, False, True]]
    prices = np.array([0, 2.5, np.nan], dtype=np.float32)
    np.testing.assert_array_equal(renumbered(Attribute(prices), ()), prices)
