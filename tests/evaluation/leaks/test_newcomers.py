from support.logs import log_of

from embrec.data.splits import LeaveOneOut, UserHoldout
from embrec.evaluation.leaks import Status
from embrec.evaluation.leaks.newcomers import new_items, new_users


def test_new_items_are_counted_by_target_and_by_item():
    log = log_of([[0, 1, 5], [0, 1, 5], [0, 1, 0], [0, 1, 6]])
    found = new_items(log, LeaveOneOut()(log, 9))
    assert found.value == 0.75
    assert (found.counts["such items"], found.counts["of items without training events"]) == (2, 3)
    assert found.status == Status.NOTE
    assert new_users(log, LeaveOneOut()(log, 9)).status == Status.OK


def test_new_users_are_counted_by_target_and_by_user():
    log = log_of([[0, 1, 2, 3] for _ in range(20)])
    partition = UserHoldout(seed=1)(log, 4)
    found = new_users(log, partition)
    assert (found.value, found.status) == (1, Status.NOTE)
    assert found.counts["such users"] == len(set(partition.test.user.tolist()))
    assert new_items(log, partition).status == Status.OK
