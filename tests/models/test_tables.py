"""Sparse and dense tables are the same table."""

import numpy as np
import torch
from scipy.sparse import csr_matrix

from embrec.models.tables import DenseTable, SparseTable


def test_sparse_table_projects_like_the_dense_one_with_equal_gradients():
    vectors = np.zeros((4, 3), dtype=np.float32)
    vectors[0, 1], vectors[2, 0], vectors[2, 2], vectors[3, 1] = 1.0, -2.0, 0.5, 3.0
    weight = torch.randn(5, 3, requires_grad=True)
    results, gradients = [], []
    for table in (DenseTable(vectors), SparseTable(csr_matrix(vectors))):
        projected = table.project(weight)
        (gradient,) = torch.autograd.grad((projected**2).sum(), weight)
        results.append(projected)
        gradients.append(gradient)
    assert results[0].shape == (5, 5)
    torch.testing.assert_close(results[0], results[1])
    torch.testing.assert_close(gradients[0], gradients[1])


def test_tables_are_no_weights():
    assert not DenseTable(np.ones((2, 3), dtype=np.float32)).state_dict()


def test_dropout_of_a_sparse_table_has_the_gradient_of_what_it_kept():
    vectors = np.random.default_rng(0).random((6, 4)).astype(np.float32)
    table = SparseTable(csr_matrix(vectors))
    weight = torch.eye(4, requires_grad=True)
    torch.manual_seed(0)
    kept = table.project(weight, share=0.5)
    share = (kept.detach()[1:] / torch.from_numpy(vectors)).round(decimals=4)
    assert set(share.flatten().tolist()) == {0.0, 2.0}
    upstream = torch.rand_like(kept)
    (gradient,) = torch.autograd.grad((kept * upstream).sum(), weight)
    torch.testing.assert_close(gradient, (kept.detach().T @ upstream).T)
