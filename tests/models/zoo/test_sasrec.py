"""SASRec composes a transformer whose output is the query, between one set of item vectors."""

import pytest
import torch
from support.toys import toy_batch, toy_model

from embrec.errors import ConfigError
from embrec.models.inputs import CatalogInputs
from embrec.models.tables import DenseTable
from embrec.models.zoo.sasrec import SASRecConfig, build_sasrec


def test_the_query_is_the_transformers_output_over_scaled_items():
    model = toy_model("id", kind="sasrec", layers=2, heads=3)
    batch = toy_batch([3, 7, 2], [5])
    matrix = model.catalog()
    assert model.sequence.scale == 6**0.5
    torch.testing.assert_close(model.queries(batch).dense, model.sequence(matrix[batch.items], batch)[[0, 1], [2, 0]])


def test_the_order_of_events_matters():
    model = toy_model("id", kind="sasrec")
    one, other = model.queries(toy_batch([3, 7, 2], [7, 3, 2])).dense
    assert not torch.allclose(one, other)


def test_histories_as_long_as_the_model_reads_have_positions():
    model = toy_model("id", kind="sasrec", max_length=4)
    assert model.score(toy_batch([1, 2, 3, 4])).shape == (1, 21)


def test_heads_divide_the_vectors_of_all_sources_together():
    model = toy_model("content", kind="sasrec", heads=4)  # two sources of 6: 12
    assert model.sequence.heads == 4
    tables = {"a": DenseTable(torch.randn(20, 7).numpy()), "b": DenseTable(torch.randn(20, 3).numpy())}
    known = torch.ones(21, dtype=torch.bool)
    build_sasrec(SASRecConfig(features=("a", "b"), fc=False, heads=5), CatalogInputs(tables, known))
    with pytest.raises(ConfigError, match="4 heads do not divide item vectors of length 10"):
        build_sasrec(SASRecConfig(features=("a", "b"), fc=False, heads=4), CatalogInputs(tables, known))
