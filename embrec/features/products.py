"""Products of vectors with a matrix that come out the same whatever stands beside a vector, and on every processor.

A library of linear algebra rounds each sum in an order of its own choice, by the kind of processor, the shape of the product
and the place of a row in it. Where no sum is rounded there is nothing to choose: both factors are cut to so few bits that
double precision holds every sum exactly (Ozaki, Ogita, Oishi, Rump, "Error-free transformations of matrix multiplication",
2012).
"""

import numpy as np
from numpy.typing import NDArray

# Bits of a double's mantissa, which hold a sum of products: those of a matrix, those of a vector, and those of their number.
_SUM, _MATRIX = 53, 24

# Rows at a time, so that what is held in double precision stays small.
_ROWS = 1024


def steady_product(vectors: NDArray[np.float32], matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Multiply vectors by a matrix; a vector's product depends on the vector and the matrix alone, to the bit.

    About as near to the true product as in single precision: entries of the matrix are kept to a 2^25th of the largest of
    their column, those of a vector of up to 16,384 dimensions to a 2^31st of its largest. It takes about four times as long.

    Args:
        vectors: dense, [k, d], d at most 2^24.
        matrix: [d, n].

    Returns:
        [k, n]; not finite in the rows of vectors that are not.
    """
    dim = matrix.shape[0]
    high_bits = _SUM - _MATRIX - max(1, (dim - 1).bit_length())
    columns, column_scale = _integers(matrix.astype(np.float64), _MATRIX, axis=0)
    result = np.empty((len(vectors), matrix.shape[1]), dtype=np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, len(vectors), _ROWS):
            block = vectors[start : start + _ROWS].astype(np.float64)
            high, scale = _integers(block, high_bits, axis=1)
            # What the first bits leave, as integers of as many bits again.
            low = np.rint((block / scale - high) * 2.0**high_bits)
            sums = high @ columns + (low @ columns) * 2.0**-high_bits  # both products are exact
            result[start : start + _ROWS] = sums * scale * column_scale
    return result


def _integers(values: NDArray[np.float64], bits: int, axis: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return whole numbers of so many bits, and the powers of two, along an axis, by which they stand for the values."""
    largest = np.abs(values).max(axis=axis, keepdims=True, initial=0)
    scale = np.ldexp(1.0, np.frexp(largest)[1] - bits)
    return np.rint(values / scale), scale
