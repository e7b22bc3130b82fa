import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import random as sparse_random

from embrec.data.relations import Relations
from embrec.models.inputs import CatalogInputs
from embrec.models.tables import DenseTable, SparseTable

N_ITEMS = 6
PAIRS = {"next": (np.array([1, 2, 6]), np.array([2, 3, 1])), "also": (np.array([1]), np.array([5]))}


def inputs(**changes) -> CatalogInputs:
    return CatalogInputs(
        **{
            "tables": {
                "dense": DenseTable(np.arange(N_ITEMS * 2, dtype=np.float32).reshape(N_ITEMS, 2)),
                "sparse": SparseTable(sparse_random(N_ITEMS, 5, 0.4, "csr", dtype=np.float32, random_state=0)),
            },
            "known": torch.tensor([False] + [True] * N_ITEMS),
            "relations": Relations.from_pairs(N_ITEMS, PAIRS),
            "attributes": {"price": torch.arange(N_ITEMS + 1.0), "brand": torch.tensor([0, 1, 1, 2, 0, 2, 1])},
            "vocabularies": {"brand": ("Acme", "Zen")},
            "context": ("rating",),
            "users": torch.tensor([True, False, True]),
            "user_hashes": torch.tensor([7, -8, 9]),
            "tables_kept": True,
        }
        | changes
    )


def test_inputs_come_back_from_plain_arrays():
    given = inputs()
    found = pickle.loads(pickle.dumps(given.arrays())).inputs(given.tables)
    assert found.extras_fingerprint == given.extras_fingerprint
    assert torch.equal(found.known, given.known)
    assert found.n_items == N_ITEMS
    assert torch.equal(found.users, given.users)
    assert torch.equal(found.user_hashes, given.user_hashes)
    assert found.tables_kept
    for name, table in given.tables.items():
        assert torch.equal(found.tables[name].dense(), table.dense())
    assert list(given.select(["sparse"]).tables) == ["sparse"]
    with pytest.raises(KeyError):
        given.select(["other"])


@pytest.mark.parametrize(
    "changes",
    [
        {"relations": None},
        {"relations": Relations.from_pairs(N_ITEMS, {**PAIRS, "also": (np.array([1]), np.array([4]))})},
        {"attributes": {"price": torch.ones(N_ITEMS + 1)}},
        {"vocabularies": {"brand": ("Acme", "Zero")}},
        {"context": ()},
        {"relations": Relations.from_pairs(N_ITEMS, {"before": PAIRS["next"], "also": PAIRS["also"]})},
        {"users": torch.tensor([True, True, True])},
        {"user_hashes": torch.tensor([7, -8, 10])},
    ],
)
def test_the_fingerprint_tells_extras_apart(changes):
    given = inputs()
    assert inputs().extras_fingerprint == given.extras_fingerprint
    assert replace(given, **changes).extras_fingerprint != given.extras_fingerprint


def test_models_that_read_tables_alone_have_no_extras():
    plain = CatalogInputs(inputs().tables, inputs().known)
    assert not plain.has_extras
    assert plain.extras_fingerprint == ""


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6), st.integers(0, 9))
def test_relations_are_looked_up_in_tensors_as_in_arrays(rows, events, candidates, seed):
    generator = np.random.default_rng(seed)
    relations = Relations.from_pairs(
        N_ITEMS,
        {name: tuple(generator.integers(1, N_ITEMS + 1, (2, generator.integers(0, 12)))) for name in ("one", "two")},
    )
    heads = generator.integers(0, N_ITEMS + 1, (rows, events))
    tails = generator.integers(0, N_ITEMS + 1, (rows, candidates))
    expected = relations.lookup(heads, tails)
    found = relations.lookup(torch.from_numpy(heads), torch.from_numpy(tails))
    assert found.shape == (rows, candidates, events, 2)
    assert np.array_equal(found.numpy(), expected)
