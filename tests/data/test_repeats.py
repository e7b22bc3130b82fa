import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from embrec.data.repeats import is_repeat


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4))))
def test_a_repeat_is_what_stood_there_before(pairs):
    owner = np.array([pair[0] for pair in pairs], dtype=np.int32)
    value = np.array([pair[1] for pair in pairs], dtype=np.int32)
    assert is_repeat(owner, value).tolist() == [pair in pairs[:place] for place, pair in enumerate(pairs)]


def test_large_logs_do_not_overflow():
    owner = np.array([2_000_000_000, 2_000_000_000, 1], dtype=np.int32)
    value = np.array([2_000_000_000, 1, 2_000_000_000], dtype=np.int32)
    assert not is_repeat(owner, value).any()
