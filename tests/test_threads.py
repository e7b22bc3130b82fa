"""Work that is shared out by rows has the same bits however many threads torch and its libraries have."""

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from embrec import threads
from embrec.threads import single_threads


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def products(seed: int = 0) -> list[torch.Tensor]:
    """Products of small matrices, some of which MKL shares out otherwise among four threads than among one."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(rows, inner, columns) for rows in (1, 4, 16) for inner in (6, 8, 64) for columns in (24, 61, 100)]
    return [
        torch.randn(rows, inner, generator=generator) @ torch.randn(inner, columns, generator=generator)
        for rows, inner, columns in shapes
    ]


def test_products_have_the_bits_of_one_thread_whatever_the_number_outside():
    torch.set_num_threads(1)
    expected = products()
    for number in (2, 4, 8):
        torch.set_num_threads(number)
        for found in [task.result() for task in [single_threads().submit(products) for _ in range(20)]]:
            for one, other in zip(found, expected, strict=True):
                assert torch.equal(one, other)


def test_a_pool_made_where_torch_has_four_threads_leaves_them_to_everybody_else():
    torch.set_num_threads(4)
    pool = threads.single_threads.__wrapped__()
    assert {pool.submit(torch.get_num_threads).result() for _ in range(50)} == {1}
    assert torch.get_num_threads() == 4
    with ThreadPoolExecutor(1) as other:
        assert other.submit(torch.get_num_threads).result() == 4
    pool.shutdown()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork processes")
def test_a_forked_process_has_threads_of_its_own():
    """Run apart from the test process, whose other threads would make a fork unsafe."""
    script = """
import os, signal
from embrec.threads import single_threads
assert single_threads().submit(int, "3").result() == 3
child = os.fork()
if child == 0:
    signal.alarm(60)
    os._exit(single_threads().submit(int, "7").result())
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True)
