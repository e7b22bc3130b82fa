"""Tests of killed builds: no unfinished table can be read, and the next build gives the same table."""

import random
import shutil
import signal
import subprocess
import sys
import threading
import time

import polars as pl
import pytest

from embrec.data.catalog import Catalog
from embrec.errors import FeatureError
from embrec.features.build import build
from embrec.features.registry import make_encoder
from embrec.features.table import FeatureTable

N, SPEC = 4_000, "tfidf:fit_words=2000+svd:dim=30+l2"

_BUILD = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[3])
from test_crashes import shop
from embrec.features.build import build
from embrec.features.registry import make_encoder
from embrec.features.text.tfidf import TfidfEncoder
TfidfEncoder.block_rows = 50
print("ready", flush=True)
n = int(sys.argv[2])
report = build(shop(n), make_encoder("SPEC"), Path(sys.argv[1]), fit_rows=np.arange(n) < 4000)
print(report.path, flush=True)
""".replace("SPEC", SPEC)


def shop(n):
    generator = random.Random(0)
    titles = [" ".join(f"word{generator.randrange(400)}" for _ in range(12)) for _ in range(n)]
    return Catalog(pl.DataFrame({"item": [f"i{row}" for row in range(n)], "title": titles}))


def start(folder, items=N):
    process = subprocess.Popen(
        [sys.executable, "-c", _BUILD, str(folder), str(items), str(__file__).rpartition("/")[0]],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def finish(process):
    output, errors = process.communicate()
    return process.returncode, output, errors


def tables(folder):
    return [FeatureTable.open(path) for path in folder.glob("*.h5")]


@pytest.mark.slow
def test_a_build_and_an_addition_killed_twenty_times_end_with_the_same_bytes(tmp_path):
    assert finish(start(tmp_path / "whole"))[0] == 0
    assert finish(start(tmp_path / "whole", N + 200))[0] == 0
    generator = random.Random(1)
    folder, before = tmp_path / "killed", tmp_path / "before"
    folder.mkdir()
    for items, kills in ((N, 14), (N + 200, 6)):
        shutil.copytree(folder, before, dirs_exist_ok=True)
        while kills:
            process = start(folder, items)
            time.sleep(generator.random() * 0.6)
            process.send_signal(signal.SIGKILL)
            if finish(process)[0] == -signal.SIGKILL:
                kills -= 1
            else:  # it was faster
                shutil.rmtree(folder)
                shutil.copytree(before, folder)
            for table in tables(folder):
                assert len(table) in (N, N + 200)
                assert table.present.all()
                assert (table.vectors[:] != 0).any(axis=1).all()
        assert finish(start(folder, items))[0] == 0
    for suffix in ("", ".1"):
        whole, killed = (next((tmp_path / name).glob(f"*.h5{suffix}")) for name in ("whole", "killed"))
        assert whole.read_bytes() == killed.read_bytes()
    assert not list((tmp_path / "killed").glob("*.partial"))


def test_of_two_builds_of_one_table_one_is_told_to_wait(tmp_path):
    processes = [start(tmp_path) for _ in range(2)]
    ends = [finish(process) for process in processes]
    assert 0 in [code for code, *_ in ends]
    for code, _, errors in ends:
        assert code == 0 or "is being built by another process; wait for it or stop it" in errors
    assert len(tables(tmp_path)) == 1


def test_a_reader_sees_the_old_table_or_the_new_one(tmp_path):
    items = shop(N)
    path = build(items.select(range(N - 300)), make_encoder(SPEC), tmp_path).path
    seen, problems, stop = set(), [], threading.Event()

    def read():
        while not stop.is_set():
            try:
                table = FeatureTable.open(path)
                seen.add(len(table))
                assert len(table.vectors[:]) == len(table.item_ids) == len(table)
            except (FeatureError, AssertionError) as error:
                problems.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    fitting = [row < N - 300 for row in range(N)]
    for order in (range(N), range(N - 1, -1, -1), range(N)):  # an addition, and two tables written anew
        rows = list(order)
        catalog = items.select(rows)
        build(catalog, make_encoder(SPEC), tmp_path, fit_rows=pl.Series([fitting[row] for row in rows]).to_numpy())
    stop.set()
    reader.join()
    assert not problems
    assert seen <= {N - 300, N}
