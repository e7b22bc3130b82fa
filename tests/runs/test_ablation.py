"""A source that falls silent: what it held is gone from every item, and nothing else is."""

import numpy as np
import pytest
import torch
from support.toys import N_ITEMS

from embrec.errors import RunError
from embrec.models.inputs import CatalogInputs
from embrec.models.tables import DenseTable, NoTable
from embrec.models.zoo.embrec import EmbRecConfig, build_embrec
from embrec.runs.ablation import matrix_without

GENERATOR = np.random.default_rng(0)
TABLES = {
    "words": DenseTable(GENERATOR.normal(size=(N_ITEMS, 7)).astype(np.float32)),
    "pictures": DenseTable(GENERATOR.normal(size=(N_ITEMS, 5)).astype(np.float32)),
    "nothing": DenseTable(np.zeros((N_ITEMS, 3), dtype=np.float32)),
}


def fusion(source="content", tables=TABLES):
    torch.manual_seed(0)
    known = torch.ones(N_ITEMS + 1, dtype=torch.bool)
    known[0] = False
    config = EmbRecConfig(source=source, features=tuple(tables), dim=4, units=8)
    model = build_embrec(config, CatalogInputs(tables, known))
    if source == "hybrid":
        torch.nn.init.normal_(model.items.identity.weight)
    return model.eval()


@pytest.mark.parametrize("source", ["content", "hybrid"])
def test_a_source_that_said_nothing_is_not_missed(source):
    model = fusion(source)
    before = model.catalog()
    assert torch.equal(matrix_without(model, TABLES, "nothing"), before)


def test_the_items_of_a_silent_source_are_all_alike_in_it_and_unchanged_in_the_others():
    model = fusion()
    before = model.catalog()
    after = matrix_without(model, TABLES, "words")
    assert torch.equal(after[:, 4:], before[:, 4:])
    assert not torch.equal(after[1:, :4], before[1:, :4])
    assert (after[1:, :4] == after[1, :4]).all()
    assert (after[0] == 0).all()


def test_a_silent_source_is_what_the_encoder_makes_of_zeros():
    model = fusion()
    features = {name: table.vectors[1:] for name, table in TABLES.items()}
    expected = model.items.encode(features | {"pictures": torch.zeros(N_ITEMS, 5)})
    assert torch.allclose(matrix_without(model, TABLES, "pictures")[1:], expected, atol=1e-6)


def test_the_weights_of_a_run_are_enough_of_a_model():
    """As a run is loaded: with the shapes of its sources only."""
    trained = fusion()
    loaded = fusion(tables={name: NoTable(table.dim) for name, table in TABLES.items()})
    loaded.load_state_dict(trained.state_dict())
    others = {name: table for name, table in TABLES.items() if name != "words"}
    assert torch.equal(matrix_without(loaded, others, "words"), matrix_without(trained, TABLES, "words"))


def test_only_a_source_of_the_model_can_fall_silent():
    with pytest.raises(RunError, match="reads no source 'sounds'"):
        matrix_without(fusion(), TABLES, "sounds")
