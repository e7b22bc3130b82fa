"""Processors of a process in a control group, as containers make them."""

import pytest

from embrec import processors


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A machine of eight processors, and a process two control groups deep."""
    (tmp_path / "groups" / "outer" / "inner").mkdir(parents=True)
    (tmp_path / "own").write_text("1:cpu:/other\n0::/outer/inner\n")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    monkeypatch.setattr(processors, "_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(processors, "_OWN_GROUP", tmp_path / "own")
    return tmp_path / "groups"


@pytest.mark.parametrize(
    ("quotas", "expected"),
    [
        ({}, 8),
        ({"outer/inner": "max 100000"}, 8),
        ({"outer/inner": "250000 100000"}, 2),
        ({"outer/inner": "400000 100000", "outer": "300000 100000"}, 3),
        ({"": "50000 100000"}, 1),
        ({"outer": "nonsense"}, 8),
        ({"outer": "6400000 100000"}, 8),
    ],
)
def test_a_process_uses_no_more_than_the_groups_around_it_allow(groups, quotas, expected):
    for group, text in quotas.items():
        (groups / group / "cpu.max").write_text(text)
    assert processors.usable_processors() == expected


def test_without_control_groups_the_bound_processors_count(groups, monkeypatch):
    monkeypatch.setattr(processors, "_OWN_GROUP", groups / "absent")
    assert processors.usable_processors() == 8
