"""What a score is made of where it is an inner product: anything that works on vectors needs no more of a model."""

from typing import NamedTuple

from torch import Tensor


class Factors(NamedTuple):
    """The catalog's side of factorised scores: score = query . item.

    Attributes:
        items: vectors of the whole catalog, in the space of the queries, [n + 1, d].
        scorable: False for the padding, and for items that the model cannot tell apart and ranks last, [n + 1].
        causal: whether the query after an event is the same whatever follows, so that one reading of a history gives those of
            all its beginnings.
    """

    items: Tensor
    scorable: Tensor
    causal: bool = True
