"""Tests of prefetching: in order, bounded, the same in processes and threads, and robust to a process that dies."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.processes import children, wait_until_gone

from embrec.errors import FeatureError
from embrec.features.image.decode import decode
from embrec.features.image.prefetch import FEW, ImagePrefetcher
from embrec.features.image.preprocessing import ScaleAndCrop

WORKER = "embrec.features.image.worker"
TRANSFORM = ScaleAndCrop(32, 24)


@dataclass(frozen=True)
class Fatal:
    """Ends the process that decodes a picture 200 pixels wide; waits a little with every other."""

    number: int

    def __call__(self, image):
        if image.width == 200:
            os.kill(os.getpid(), self.number)
        time.sleep(0.005)
        return np.full(1, image.width, dtype=np.float32)


@pytest.fixture
def prefetch(monkeypatch):
    """Makes decoders, and closes them."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))  # where workers find this module
    monkeypatch.setattr(Fatal, "__module__", Path(__file__).stem)
    made = []

    def make(*args, **kwargs):
        made.append(ImagePrefetcher(*args, **kwargs))
        return made[-1]

    yield make
    for decoder in made:
        decoder.close()


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_every_way_gives_what_decoding_one_by_one_gives(pictures, prefetch, workers):
    names = ["a.png", "broken.jpg", "b.png", "absent.png", "text.jpg", "c.png"]
    paths = [*(pictures / name for name in names), None] * 8
    decoded = list(prefetch(TRANSFORM, workers, depth=7)(paths))
    assert len(children(WORKER)) == workers
    for path, value in zip(paths, decoded, strict=True):
        expected = decode(path, TRANSFORM)
        if isinstance(expected, np.ndarray):
            assert value.dtype == expected.dtype
            np.testing.assert_array_equal(value, expected)
        else:
            assert value == expected


def test_pictures_are_not_decoded_far_ahead_of_their_use(pictures, prefetch):
    taken = []

    def note(image):
        taken.append(image.size)
        return np.full(1, image.width, dtype=np.float32)

    stream = prefetch(note, 0, depth=4)([pictures / f"{name}.png" for name in "abc" * 20])
    first = [next(stream)[0] for _ in range(3)]
    assert first == [200, 90, 500]
    time.sleep(0.1)  # enough for all of them, if it went on
    assert len(taken) <= 3 + 4
    assert len(list(stream)) == 57


def test_workers_live_on_between_calls_and_end_with_close(pictures, prefetch):
    decoder = prefetch(TRANSFORM, 1)
    list(decoder([pictures / "a.png"] * FEW))
    before = children(WORKER)
    list(decoder([pictures / "a.png"] * FEW))
    assert children(WORKER) == before
    decoder.close()
    assert not children(WORKER)


def test_few_pictures_start_no_workers(pictures, prefetch):
    decoder = prefetch(TRANSFORM, 1)
    assert next(decoder([pictures / "a.png"])).shape == (24, 24, 3)
    assert not children(WORKER)


def test_a_killed_worker_is_replaced_and_nothing_is_lost(pictures, prefetch):
    stream = prefetch(Fatal(0), 2, depth=8)([pictures / f"{name}.png" for name in "bc" * 40])
    values = [next(stream)[0] for _ in range(4)]
    killed = children(WORKER)
    for child in killed:
        os.kill(child, signal.SIGKILL)
    assert killed
    values += [value[0] for value in stream]
    assert values == [90, 500] * 40


def test_a_picture_that_crashes_the_decoder_is_a_problem_of_its_own(pictures, prefetch):
    paths = [*[pictures / "b.png"] * FEW, pictures / "a.png", pictures / "c.png"]
    decoded = list(prefetch(Fatal(int(signal.SIGSEGV)), 1)(paths))
    assert decoded[FEW] == f"{pictures / 'a.png'}: the decoder crashes on it (SIGSEGV)"
    assert [value[0] for value in decoded[:FEW]] == [90] * FEW
    assert decoded[FEW + 1][0] == 500


def test_workers_that_are_killed_again_and_again_end_the_build_with_one_line(pictures, prefetch):
    paths = [*[pictures / "b.png"] * FEW, pictures / "a.png"]
    with pytest.raises(FeatureError, match=r"a\.png: .* was killed by SIGKILL, twice; if memory is short") as raised:
        list(prefetch(Fatal(int(signal.SIGKILL)), 2)(paths))
    assert "\n" not in str(raised.value)


def test_workers_end_when_their_caller_is_killed(pictures):
    code = f"""
import sys
from pathlib import Path
from embrec.features.image.prefetch import ImagePrefetcher
from embrec.features.image.preprocessing import ScaleAndCrop
from support.processes import children
stream = ImagePrefetcher(ScaleAndCrop(32, 24), 2)([Path({str(pictures / "c.png")!r})] * 5000)
while len(workers := children({WORKER!r})) < 2:
    next(stream)
print(*workers, flush=True)
sys.stdin.read()
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )
    assert process.stdout is not None
    workers = [int(pid) for pid in process.stdout.readline().split()]
    process.kill()
    process.communicate()
    assert len(workers) == 2
    assert wait_until_gone(workers) == []


def test_a_script_without_a_main_guard_may_build(pictures, tmp_path):
    """Workers do not run the caller's script again, as those of `multiprocessing` would."""
    script = tmp_path / "script.py"
    script.write_text(
        f"""
print("once")
from pathlib import Path
from embrec.features.image.prefetch import ImagePrefetcher
from embrec.features.image.preprocessing import ScaleAndCrop
print(len(list(ImagePrefetcher(ScaleAndCrop(32, 24), 1)([Path({str(pictures / "c.png")!r})] * 40))))
"""
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True, env=environment)
    assert result.stdout == "once\n40\n"
    assert result.stderr == ""
