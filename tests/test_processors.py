"""The usable processors of a process in a cgroup, as in a container."""

import pytest

from embrec import processors


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """A machine with eight processors, and a process two cgroups deep."""
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


@pytest.mark.parametrize(
    ("own", "quotas", "expected"),
    [
        ("4:cpu,cpuacct:/outer/inner\n3:memory:/outer", {}, 8),
        ("4:cpu,cpuacct:/outer/inner", {"cpu,cpuacct/outer/inner": (250000, 100000)}, 2),
        ("4:cpu,cpuacct:/outer/inner", {"cpu/outer": (300000, 100000), "cpu/outer/inner": (-1, 100000)}, 3),
        ("4:cpuacct,cpu:/outer/inner", {"cpu/outer/inner": (50000, 100000)}, 1),  # half a processor
        ("4:cpu:/docker/of/the/machine", {"cpu": (500000, 250000)}, 2),  # seen from inside the container
        ("4:cpuset:/outer\n5:cpuacct:/outer", {"cpuset/outer": (100000, 100000), "cpuacct/outer": (100000, 100000)}, 8),
        ("4:cpu:/outer", {"cpu/outer": (0, 100000)}, 8),
        ("4:cpu:/outer", {"cpu/outer": (100000, 0)}, 8),
        ("4:cpu:/outer", {"cpu/outer": ("", "")}, 8),
        ("4:cpu:/\n0::/outer", {"cpu": (400000, 100000)}, 4),  # both versions at once
    ],
)
def test_control_groups_of_version_1_count_too(groups, own, quotas, expected):
    (groups.parent / "own").write_text(own + "\n")
    for group, (quota, period) in quotas.items():
        (groups / group).mkdir(parents=True, exist_ok=True)
        (groups / group / "cpu.cfs_quota_us").write_text(f"{quota}\n")
        (groups / group / "cpu.cfs_period_us").write_text(f"{period}\n")
    assert processors.usable_processors() == expected


@pytest.mark.parametrize("line", ["", "nonsense", "1:cpu", "::", "0::/../.."])
def test_lines_of_another_form_are_passed_over(groups, line):
    (groups.parent / "own").write_text(line)
    assert processors.usable_processors() == 8


def test_without_control_groups_the_bound_processors_count(groups, monkeypatch):
    monkeypatch.setattr(processors, "_OWN_GROUP", groups / "absent")
    assert processors.usable_processors() == 8
