"""Models that know users: the vector of a user is the same in training, evaluation, a loaded run and serving."""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from support.categories import SETTINGS, toy_category
from support.tiny_models import UserScorer
from torch import nn

import embrec
from embrec.data.splits import UserHoldout
from embrec.data.store import save_dataset
from embrec.errors import DataError, RunError
from embrec.evaluation.evaluator import evaluate
from embrec.models.config import ItemsConfig
from embrec.models.encoders.base import SequenceEncoder
from embrec.models.factorised import SequenceRecommender
from embrec.models.inputs import CatalogInputs
from embrec.models.items.build import build_items
from embrec.models.registry import MODELS, Registration, register
from embrec.models.users.base import UserVector
from embrec.runs.extras import load_extras
from embrec.runs.model import load_model
from embrec.runs.presets import build_config
from embrec.serving.scoring import score_by_user


class KnownUser(UserVector):
    """A trained vector of each user with training events, and one of all others in row 0."""

    inductive = True

    def __init__(self, users, dim):
        super().__init__()
        self.dim = dim
        self.weight = nn.Parameter(torch.randn(len(users) + 1, dim))
        numbers = torch.arange(1, len(users) + 1)
        self.register_buffer(
            "row", torch.cat([torch.where(users, numbers, 0), torch.zeros(1).long()]), persistent=False
        )

    def forward(self, batch, items):
        return self.weight[self.row[batch.user]]  # -1 is the last row: unknown


class GatedByUser(SequenceEncoder):
    """A running mean whose input gate reads the user's vector."""

    def __init__(self, dim):
        super().__init__()
        self.out_dim = dim
        self.gate = nn.Linear(2 * dim, dim)

    def forward(self, x, batch, user=None):
        gate = torch.sigmoid(self.gate(torch.cat([x, user[:, None].expand_as(x)], dim=2)))
        return (gate * x).cumsum(1) / torch.arange(1, x.shape[1] + 1)[:, None]


class KnownUsersConfig(ItemsConfig):
    """Of a model of users."""

    kind: Literal["known-users"] = "known-users"
    source: Literal["content", "id", "hybrid"] = "id"


def build(config: KnownUsersConfig, inputs: CatalogInputs) -> SequenceRecommender:
    items = build_items(config, inputs.tables, inputs.known)
    users, encoder = KnownUser(inputs.users, config.dim), GatedByUser(config.dim)
    return SequenceRecommender(items, users, encoder, UserScorer(), inputs.known)


@pytest.fixture(scope="module")
def kind():
    register(Registration("known-users", KnownUsersConfig, build, "a model of users", frozenset({"users"})))
    yield "known-users"
    MODELS.unregister("known-users")


def trained(category, kind, name, **options):
    options = {"model.kind": kind, "training.epochs": 1, "training.device": "cpu"} | options
    config = build_config(
        "toys", split=options.pop("split", None), options=options, settings=[SETTINGS[0], *SETTINGS[2:]]
    )
    return embrec.train(category, config, name).run


@pytest.fixture(scope="module")
def run(kind, tmp_path_factory):
    return trained(toy_category(tmp_path_factory.mktemp("users")), kind, "one")


def test_users_are_served_as_they_were_evaluated(run):
    dataset = embrec.load_dataset(run.category)
    log, ids = dataset.interactions, dataset.catalog.item_ids
    evaluation = embrec.evaluate_runs([run], keep=5)["one"]
    histories = [
        ids[log.item[log.user_ptr[user] : event]].tolist()
        for user, event in zip(evaluation.user, evaluation.event, strict=True)
    ]
    users = log.user_ids[evaluation.user].tolist()
    recommender = embrec.Recommender.load(run)
    answers = recommender.recommend(histories, 5, users=users)
    assert [[one.item for one in answer] for answer in answers] == [ids[row - 1].tolist() for row in evaluation.top]
    assert recommender.recommend(histories[3], 5, users=users[3]) == answers[3]
    assert recommender.recommend(histories, 5) != answers
    strangers = recommender.recommend(histories, 5, users=["nobody-knows", *[None] * (len(users) - 1)])
    assert strangers == recommender.recommend(histories, 5)
    table = score_by_user(recommender, dataset, 3)
    whole = [ids[log.history(user)].tolist() for user in range(3)]
    for user, answer in enumerate(recommender.recommend(whole, 3, users=log.user_ids[:3].tolist())):
        assert table.filter(table["user"] == log.user_ids[user])["item"].to_list() == [one.item for one in answer]


def test_names_of_users_have_the_form_of_the_histories(run):
    recommender = embrec.Recommender.load(run)
    with pytest.raises(DataError, match="there are 1 histories and 2 users"):
        recommender.recommend([["i00"]], users=["u00", "u01"])
    with pytest.raises(DataError, match="in the form of the histories"):
        recommender.recommend([["i00"]], users="u00")
    with pytest.raises(DataError, match="names of users are texts, such as '7'"):
        recommender.recommend([["i00"]], users=[7])


def test_users_without_training_events_are_unknown(kind, tmp_path):
    category = toy_category(tmp_path)
    run = trained(category, kind, "one", split=UserHoldout(valid=0.2, test=0.3))
    known = load_extras(run)["users"].numpy()
    dataset = embrec.load_dataset(category)
    partition = UserHoldout(valid=0.2, test=0.3)(dataset.interactions, len(dataset.catalog))
    train = partition.train.events(dataset.interactions)
    assert set(np.flatnonzero(known)) == set(dataset.interactions.user[train])
    model = load_model(run).model
    rank = evaluate(model, dataset.interactions, partition, partition.test, run.config().evaluation, max_length=50).rank
    with torch.no_grad():
        model.users.weight[1:][~torch.from_numpy(known)] = 100.0  # rows that nobody has
    again = evaluate(
        model, dataset.interactions, partition, partition.test, run.config().evaluation, max_length=50
    ).rank
    assert (rank == again).all()


def test_numbers_of_users_are_not_read_in_another_log(kind, tmp_path):
    category = toy_category(tmp_path)
    run = trained(category, kind, "one")
    dataset = embrec.load_dataset(category)
    other = replace(dataset.interactions, user_ids=dataset.interactions.user_ids[::-1].copy())
    save_dataset(category, replace(dataset, interactions=other))
    with pytest.raises(RunError, match="knows its users by their numbers in the log that it was trained on"):
        embrec.compare_runs([run], other_log=True)
