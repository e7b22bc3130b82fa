"""The Ray cluster that is started on this machine."""

import pytest

from embrec.errors import ConfigError
from embrec.on_ray import ray_cluster

pytest.importorskip("ray", reason="the extra 'ray' is not installed")


def test_more_workers_than_processors_are_refused_before_anything_starts(monkeypatch):
    monkeypatch.setattr("embrec.on_ray.usable_processors", lambda: 3)
    monkeypatch.setattr("embrec.on_ray.import_ray", lambda *_: pytest.fail("Ray was started"))
    with pytest.raises(
        ConfigError, match="99 workers need a processor each, and this machine has 3; use fewer `workers`"
    ), ray_cluster("the test", processors=99):
        pass
