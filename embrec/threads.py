"""Threads that each compute alone, so that a result does not depend on how many of them there are.

An operation that is shared out among threads may be cut anywhere, and what lies at a cut can be computed by other instructions,
with another last bit: with four threads MKL gives the product of 4 rows and 24 columns other last bits than with one (torch
2.13). Rows shared out once also cost less than each operation shared out.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache

import torch


@cache
def single_threads() -> ThreadPoolExecutor:
    """Return the pool of this process whose threads compute every operation by themselves; it is made once.

    All threads begin here, and not when there is work for them: a number that a thread sets is also that of the process, which
    later threads take over, so it is set back once they all have theirs.
    """
    before = torch.get_num_threads()
    count = min(32, (os.cpu_count() or 1) + 4)
    together = threading.Barrier(count)
    pool = ThreadPoolExecutor(count, thread_name_prefix="embrec-single")
    try:
        wait([pool.submit(_begin, together) for _ in range(count)])
    except BaseException:  # such as no room for another thread: those that began must not wait for it for ever
        together.abort()
        raise
    torch.set_num_threads(before)
    return pool


if hasattr(os, "register_at_fork"):  # threads are not copied: a child needs its own
    os.register_at_fork(after_in_child=single_threads.cache_clear)


def _begin(together: threading.Barrier) -> None:
    # A thread takes over the number of the process at its first question or operation, whatever it set before, and only
    # then keeps its own: without the question here it could get the number of the process back.
    torch.get_num_threads()
    torch.set_num_threads(1)
    together.wait()
