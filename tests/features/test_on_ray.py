"""Tests of builds on Ray: the same bytes as a local build, even if workers die."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError, FeatureError
from embrec.features.build import build
from embrec.features.engines import open_engine
from embrec.features.registry import make_encoder

pytest.importorskip("ray", reason="the extra 'ray' is not installed")
psutil = pytest.importorskip("psutil", reason="psutil is not installed")
from support.clusters import running_cluster  # noqa: E402 (needs psutil)
from support.processes import descendants  # noqa: E402


def shop(n):
    generator = np.random.default_rng(0)
    words = np.array([f"word{number}" for number in range(3000)])
    titles = [" ".join(row) for row in words[generator.integers(0, 3000, size=(n, 12))]]
    return Catalog(pl.DataFrame({"item": [f"i{row}" for row in range(n)], "title": titles}))


def test_a_build_on_ray_with_a_killed_worker_gives_the_same_table(tmp_path):
    items, spec = shop(30_000), "tfidf+svd:dim=20+l2"
    here = build(items, make_encoder(spec), tmp_path / "here").path
    killed = []

    def kill_one(task, done, total, note=""):
        if not killed and done < total:  # those that encode the other blocks are there
            killed.extend(descendants("ray::MapWorker")[:1])
            killed[0].kill()

    with open_engine("ray", workers=2) as engine:
        report = build(items, make_encoder(spec), tmp_path / "ray", engine=engine, progress=kill_one)
        assert killed
        assert report.encoded == 30_000
        assert report.path.read_bytes() == here.read_bytes()


def test_what_is_wrong_in_a_worker_is_said_in_one_line(tmp_path, monkeypatch):
    items = shop(20)
    encoder = make_encoder("tfidf")
    encoder.fit(items)
    save = type(encoder).save

    def damage(self, folder):
        save(self, folder)
        (folder / "idf.npy").write_bytes(b"junk")

    monkeypatch.setattr(type(encoder), "save", damage)
    with (
        open_engine("ray", workers=1) as engine,
        pytest.raises(FeatureError, match="holds no usable encoder") as raised,
    ):
        list(engine(encoder, items, [(0, np.arange(20))]))
    assert "\n" not in str(raised.value)


BUILD_THERE = """
import sys
import tempfile
import time
from pathlib import Path
import polars as pl
from embrec.data.catalog import Catalog
from embrec.features.build import build
from embrec.features.engines import open_engine
from embrec.features.registry import make_encoder
with open_engine("ray", address=sys.argv[1], workers=2) as engine:
    print(build(Catalog(pl.read_parquet(sys.argv[2])), make_encoder("tfidf"), Path(sys.argv[3]), engine=engine).path)
"""


@pytest.mark.slow
def test_a_build_on_a_running_cluster_gives_the_same_table(tmp_path):
    """`ray start` guards a cluster with the token in the home folder, which a build has to show."""
    catalog = tmp_path / "catalog.parquet"
    shop(3000).frame.write_parquet(catalog)
    with running_cluster(tmp_path / "home") as (address, environment):
        there = subprocess.run(
            [sys.executable, "-c", BUILD_THERE, address, str(catalog), str(tmp_path / "there")],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        ).stdout
    here = build(shop(3000), make_encoder("tfidf"), tmp_path / "here").path
    assert Path(there.strip()).read_bytes() == here.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rai",), "`engine='rai'`: use local or ray"),
        (("local", 2), "`workers` and `address` are for `engine='ray'`"),
        (("ray", 0), "`workers=0`: at least one must encode"),
        (("ray", None, "localhost:1"), "no Ray cluster at localhost:1"),
    ],
)
def test_an_engine_that_cannot_be_is_said_in_one_line(arguments, message):
    with pytest.raises(ConfigError, match=message), open_engine(*arguments):
        pass
