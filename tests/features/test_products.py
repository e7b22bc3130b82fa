"""Tests of reproducible matrix products: the same bits in every batch and on every processor."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embrec.features.products import steady_product


def draw(seed, *shape, spread=1.0):
    generator = np.random.default_rng(seed)
    return (generator.normal(size=shape) * np.exp(spread * generator.normal(size=shape))).astype(np.float32)


@pytest.mark.parametrize("dim", [1, 2, 59, 384, 5000, 8193])
@pytest.mark.parametrize("spread", [0, 2])
def test_they_are_as_near_to_the_truth_as_single_precision(dim, spread):
    vectors, matrix = draw(1, 40, dim, spread=spread), draw(2, dim, 17, spread=spread)
    truth = vectors.astype(np.float64) @ matrix.astype(np.float64)
    size = np.linalg.norm(vectors.astype(np.float64), axis=1)[:, None] * np.linalg.norm(
        matrix.astype(np.float64), axis=0
    )
    error = np.abs(steady_product(vectors, matrix) - truth) / size
    assert error.max() < 2.0**-22
    assert steady_product(vectors, matrix).dtype == np.float32


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 200), st.integers(1, 40), st.integers(1, 70), st.data())
def test_a_vector_does_not_depend_on_those_beside_it(seed, dim, width, count, data):
    matrix, others = draw(seed, dim, width), draw(seed + 1, count, dim)
    place = data.draw(st.integers(0, count - 1))
    vector = draw(seed + 2, dim)
    others[place] = vector
    alone = steady_product(vector[None], matrix)
    np.testing.assert_array_equal(steady_product(others, matrix)[place], alone[0])
    np.testing.assert_array_equal(steady_product(np.asfortranarray(others), np.asfortranarray(matrix))[place], alone[0])


def test_many_rows_are_those_of_few():
    vectors, matrix = draw(3, 2500, 30), draw(4, 30, 5)
    whole = steady_product(vectors, matrix)
    np.testing.assert_array_equal(
        np.concatenate([steady_product(vectors[:7], matrix), steady_product(vectors[7:], matrix)]), whole
    )


def test_zero_stays_zero_and_what_is_not_finite_is_not_made_so():
    vectors = np.array([[0, 0], [np.nan, 1], [np.inf, 1], [1, 1]], dtype=np.float32)
    product = steady_product(vectors, np.array([[1, 0], [2, 0]], dtype=np.float32))
    assert not product[0].any()
    assert not np.isfinite(product[1:3, 0]).any()
    assert product[3].tolist() == [3, 0]
    assert steady_product(vectors[:0], np.zeros((2, 3), dtype=np.float32)).shape == (0, 3)
    tiny = np.array([[1e-44, 1e-30]], dtype=np.float32)
    np.testing.assert_allclose(steady_product(tiny, np.eye(2, dtype=np.float32) * 1e30), [[0, 1]], atol=1e-7)


def test_every_kind_of_processor_gives_the_same_bits():
    """OpenBLAS and NumPy take the routines of other processors where they are told to."""
    code = """
import hashlib, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from test_products import draw
from embrec.features.products import steady_product
from embrec.features.transforms import L2
product = steady_product(draw(1, 300, 384), draw(2, 384, 100))
print(hashlib.sha256(product.tobytes() + L2().apply(product).tobytes()).hexdigest())
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONWARNINGS": "ignore"}
    switches = ({}, {"OPENBLAS_CORETYPE": "Haswell"}, {"OPENBLAS_CORETYPE": "Nehalem", "OMP_NUM_THREADS": "2"})
    seen = {
        subprocess.run(
            [sys.executable, "-c", code, str(Path(__file__).parent)],
            env=environment | switch,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for switch in switches
    }
    assert len(seen) == 1
