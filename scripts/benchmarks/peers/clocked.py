"""What the runners of `evaluation.py` share: reading the arrays, timing a second pass, printing one line of JSON.

It is run by the Python of a peer's environment, so it needs numpy and torch only.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

TOP = 10
Arrays = dict[str, np.ndarray]


def run(package: str, prepare: Callable[[Arrays], Callable[[], dict[str, float]]]) -> None:
    """Time what `prepare` returns, which computes hr@10, ndcg@10 and mrr@10, and print what came of it.

    Args:
        package: name of the library's distribution, for its version.
        prepare: builds whatever is there before an evaluation from queries [U, d], items [n, d], target [U] and seen [U, s]
            (rows of items).
    """
    import torch

    torch.set_num_threads(int(sys.argv[2]))
    with np.load(sys.argv[1]) as file:
        arrays = dict(file)
    evaluate = prepare(arrays)
    evaluate()
    wall, cpu = time.perf_counter(), time.process_time()
    metrics = evaluate()
    result = {
        "version": version(package),
        "wall_seconds": time.perf_counter() - wall,
        "cpu_seconds": time.process_time() - cpu,
        "peak_mb": _peak_mb(),
        "metrics": {name: float(value) for name, value in metrics.items()},
    }
    print(json.dumps(result))


def _peak_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) / 1e3 for line in status.splitlines() if line.startswith("VmHWM"))
