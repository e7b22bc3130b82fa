import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from support.logs import log_of

from embrec.data.split_summary import describe_parts
from embrec.data.splits import LeaveOneOut, UserHoldout


def test_parts_are_counted_as_a_person_would():
    log = log_of([[0, 1, 2, 0], [1, 1, 3], [2]], [[10, 11, 12, 13], [1, 2, 3], [99]])
    parts = describe_parts(log, LeaveOneOut()(log, 5))
    assert list(parts) == ["train", "valid", "test"]
    train, valid, test = parts.values()
    assert (train.events, train.users, train.items, train.first, train.last) == (3, 2, 2, 1, 11)
    assert train.labels == {"observed": 3, "new user": 0, "new item": 0}
    assert (valid.events, valid.users, valid.items, valid.first, valid.last) == (2, 2, 2, 2, 12)
    assert valid.labels == {"observed": 1, "new user": 0, "new item": 1}  # item 2 was never learned from, item 1 was
    assert (test.events, test.items, test.first, test.last) == (2, 2, 3, 13)
    assert test.labels == {"observed": 1, "new user": 0, "new item": 1}


@given(st.integers(0, 5))
def test_labels_add_up_to_the_events(seed):
    generator = np.random.default_rng(seed)
    log = log_of([generator.integers(0, 9, 6).tolist() for _ in range(30)])
    parts = describe_parts(log, UserHoldout(seed=seed)(log, 9))
    for part in parts.values():
        assert sum(part.labels.values()) == part.events == part.as_dict()["events"]
    assert parts["test"].labels["observed"] == 0
