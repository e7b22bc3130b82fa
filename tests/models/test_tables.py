"""Sparse and dense tables are the same table."""

import numpy as np
import torch
from scipy.sparse import csr_matrix

from embrec.models.tables import DenseTable, SparseTable, table_arrays, table_of_arrays


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


def test_a_table_put_together_from_shared_arrays_is_the_same_and_leaves_them_alone(recwarn):
    vectors = np.diag([1.0, -2.0, 0.5]).astype(np.float32)
    for table in (DenseTable(vectors), SparseTable(csr_matrix(vectors))):
        content = table_arrays(table)
        shared = {name: array.copy() for name, array in content.arrays.items()}
        for array in shared.values():
            array.setflags(write=False)  # as Ray's object store gives them
        again = table_of_arrays(content._replace(arrays=shared))
        weight = torch.randn(5, 3, requires_grad=True)
        torch.testing.assert_close(again.project(weight), table.project(weight))
        torch.testing.assert_close(again.dense(), table.dense())
        again.project(weight, share=0.5).sum().backward()
        assert again.dim == table.dim
        for name, buffer in again.named_buffers():
            assert np.shares_memory(buffer.numpy(), shared[name])
            np.testing.assert_array_equal(shared[name], content.arrays[name])
    assert not [one for one in recwarn if "not writable" in str(one.message)]


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
