"""Ranks and best items of users against a large catalog, beside the bare product of their vectors in the same blocks.

The floor is 2 x users x items x dims operations of multiplication; what is measured is how far counting is from it.
"""

import argparse
import json
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from embrec.evaluation.ranks import CatalogScan, NotCandidates, Products
from embrec.models.factors import Factors, Queries


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=170_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--users", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seen", type=int, default=8, help="items that each user has seen")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    generator = torch.Generator().manual_seed(0)
    items = torch.randn(options.items + 1, options.dim, generator=generator)
    queries = torch.randn(options.users, options.dim, generator=generator)
    random = np.random.default_rng(0)
    targets = random.integers(1, options.items + 1, options.users)
    seen = random.integers(1, options.items + 1, (options.users, options.seen))
    candidate = np.ones(options.items + 1, dtype=bool)
    candidate[0] = False
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    scan = CatalogScan(candidate, candidate, options.batch, torch.device("cpu"))
    products = Products(Factors(items, torch.from_numpy(candidate)), options.batch, scan.width)
    starts = range(0, options.users, options.batch)

    def product() -> None:
        for start in starts:
            products(Queries(queries[start : start + options.batch]))
            for first in range(1, options.items + 1, scan.width):
                products.block(first, min(first + scan.width, options.items + 1))

    def whole_product() -> None:
        for start in starts:
            torch.mm(queries[start : start + options.batch], items.T)

    def ranked(keep: int) -> Callable[[], None]:
        def run() -> None:
            for start in starts:
                rows = slice(start, start + options.batch)
                own = np.arange(len(targets[rows])).repeat(options.seen)
                pairs = seen[rows].ravel()
                other = pairs != targets[rows][own]
                scan(
                    products(Queries(queries[rows])), targets[rows], NotCandidates(own[other], pairs[other]), keep=keep
                )

        return run

    work = {"bare product, in blocks": product, "bare product, at once": whole_product, "ranks": ranked(0),
            "ranks and best 50": ranked(50)}  # fmt: skip
    seconds: dict[str, list[float]] = {name: [] for name in work}
    processor: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(options.repeats):  # in turn, so that what else runs on the machine meets all alike
        for name, run in work.items():
            started, spent = time.perf_counter(), time.process_time()
            run()
            seconds[name].append(time.perf_counter() - started)
            processor[name].append(time.process_time() - spent)
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    floor = statistics.median(seconds["bare product, in blocks"])
    found = {name: statistics.median(values) for name, values in seconds.items()}
    spent = {name: statistics.median(values) for name, values in processor.items()}
    if options.json:
        print(json.dumps({"options": vars(options), "seconds": found, "CPU seconds": spent, "peak extra MB": peak}))
        return
    print(f"{options.users:,} users x {options.items:,} items, {options.dim} dims, batches of {options.batch}, "
          f"{options.threads} threads; medians of {options.repeats}")  # fmt: skip
    for name, value in found.items():
        rate = 2 * options.users * options.items * options.dim / value / 1e9
        print(
            f"  {name:26} {value:7.3f} s  {options.users / value:9,.0f} users/s  {rate:6.0f} GFLOP/s  {value / floor:5.2f} x"
        )
    print(f"  peak extra memory {peak:,.0f} MB (of which the whole product takes "
          f"{options.batch * options.items * 4 / 2**20:,.0f} MB)")  # fmt: skip


if __name__ == "__main__":
    main()
