#!/usr/bin/env bash
# torch 2.13.0: a new thread that sets its number of threads to one can get the number of the process back without a word.
#
# Guess: torch.set_num_threads(1) at the start of a worker thread holds for that thread until it sets another number.
# Seen: a thread takes over the number of the process at its first question or operation, whatever it has set before. If another
# thread sets the number of the process in between (as a pool's owner does that restores its own), the worker computes with that
# many. Asking torch.get_num_threads() before setting prevents it. What it does to results: MKL shares the product out, and its
# last bits change with the number of threads, so equal requests to a pool of workers get different scores.
# Here: the threads that rank ask first, begin together, and only then is the number of the process restored (embrec/threads.py,
# tests/test_threads.py).
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
install torch==2.13.0 numpy==2.4.6
cat >"$folder/run.py" <<'PYTHON'
import threading

import torch


def begin(asks: bool) -> None:
    if asks:
        torch.get_num_threads()
    torch.set_num_threads(1)
    has_set.set()
    may_work.wait()
    numbers.append(torch.get_num_threads())


print("torch", torch.__version__.partition("+")[0])
torch.set_num_threads(4)
numbers: list[int] = []
for asks in (False, True):
    has_set, may_work = threading.Event(), threading.Event()
    worker = threading.Thread(target=begin, args=(asks,))
    worker.start()
    has_set.wait()
    torch.set_num_threads(4)
    may_work.set()
    worker.join()
    print(f"a worker that {'asked, then set one' if asks else 'set one'}: {numbers[-1]} threads")
PYTHON
"$python" "$folder/run.py" | expect "torch 2.13.0
a worker that set one: 4 threads
a worker that asked, then set one: 1 threads"
