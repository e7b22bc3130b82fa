"""How fast events are imported and TF-IDF tables are built, here and in another checkout of this project.

    python scripts/benchmarks/import_events.py [--other CHECKOUT] [--events 5000000] [--items ITEMS.parquet] [--turns 3]

The log is generated: items by Zipf's law over a twentieth as many items as there are users, histories of geometric lengths
(10 in the mean), times in seconds over two years, rows in no order. It is imported from CSV and from Parquet, with the
default preset and with `none`. TF-IDF is built over the titles and categories of `--items` (by default
`beauty/items.parquet` of the folder that EMBREC_TEST_DATA names; left out without one).

Each figure is of a process of its own, with one thread, from after its imports to its end; both checkouts take turns, and
a ratio is the median of the ratios of the turns, above 1 where this one is slower. The floor is what Polars takes to read
the file and NumPy to sort its rows by user and time, which no import can do without.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

HERE = Path(__file__).resolve().parents[2]

_IMPORT = """
import json, resource, sys, time
from pathlib import Path
import embrec
from embrec.data.importing import PRESETS
workspace, log, preset = sys.argv[1:]
category = embrec.Workspace.locate(workspace).category("log")
started = time.perf_counter()
embrec.import_data(category, embrec.TableSource(interactions=log), PRESETS[preset])
seconds = time.perf_counter() - started
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""

_FLOOR = """
import json, resource, sys, time
import numpy, polars
started = time.perf_counter()
log = sys.argv[1]
frame = polars.read_csv(log) if log.endswith(".csv") else polars.read_parquet(log)
user = frame["user"].cast(polars.Categorical).to_physical().to_numpy()
numpy.lexsort((frame["timestamp"].to_numpy(), user))
seconds = time.perf_counter() - started
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""

_TFIDF = """
import json, resource, sys, time
from pathlib import Path
import polars
from embrec.data.catalog import Catalog
from embrec.features.build import build
from embrec.features.registry import make_encoder
folder, items = sys.argv[1:]
frame = polars.read_parquet(items)
catalog = Catalog(frame, [name for name in ("title", "categories", "category", "brand") if name in frame.columns])
started = time.perf_counter()
build(catalog, make_encoder("tfidf"), Path(folder))
seconds = time.perf_counter() - started
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


def write_log(folder: Path, events: int) -> tuple[Path, Path]:
    """Write a generated log of at least so many events, and return its CSV and its Parquet file."""
    draw = np.random.default_rng(0)
    lengths = draw.geometric(1 / 10, events // 10 + 1)
    user = np.repeat(np.arange(len(lengths)), lengths)[:events]
    n_items = max(100, len(lengths) // 20)
    share = 1 / np.arange(1, n_items + 1)
    item = draw.choice(n_items, len(user), p=share / share.sum())
    time = 1_600_000_000 + draw.integers(0, 2 * 365 * 86_400, len(user))
    order = draw.permutation(len(user))
    frame = pl.DataFrame({"user": user[order], "item": item[order], "timestamp": time[order]}).with_columns(
        pl.format("u{}", "user").alias("user"), pl.format("i{}", "item").alias("item")
    )
    csv, parquet = folder / "log.csv", folder / "log.parquet"
    frame.write_csv(csv)
    frame.write_parquet(parquet)
    return csv, parquet


def measured(code: str, arguments: list[str], checkout: Path) -> tuple[float, float]:
    """Return the seconds and the peak memory in MB of a program that imports the package of a checkout."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    which = "\nimport embrec\nprint(embrec.__file__)"
    # -P: else the folder that this is run from would come before the checkout.
    done = subprocess.run(
        [sys.executable, "-P", "-c", code + which, *arguments],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    *_, found, package = done.stdout.splitlines()
    if not Path(package).is_relative_to(checkout):
        sys.exit(f"error: {package} was measured and not the package of {checkout}")
    seconds, memory = json.loads(found)
    return seconds, memory


def compare(task: str, code: str, arguments: list[str], checkouts: list[Path], turns: int) -> None:
    """Print one row: this checkout, the other where there is one, and the ratio."""
    found: list[list[tuple[float, float]]] = [[] for _ in checkouts]
    for turn in range(turns):
        places = list(enumerate(checkouts))
        for place, checkout in places if turn % 2 == 0 else reversed(places):
            with TemporaryDirectory() as folder:
                found[place].append(measured(code, [folder, *arguments], checkout))
    seconds = [median(second for second, _ in runs) for runs in found]
    memory = [median(peak for _, peak in runs) for runs in found]
    row = f"{task:34}{seconds[0]:9.2f}{memory[0]:9.0f}"
    if len(checkouts) > 1:
        ratio = median(ours / theirs for (ours, _), (theirs, _) in zip(*found, strict=True))
        row += f"{seconds[1]:9.2f}{memory[1]:9.0f}{ratio:8.2f}"
    print(row, flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = os.environ.get("EMBREC_TEST_DATA")
    parser.add_argument("--other", type=Path, help="another checkout of this project")
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--items", type=Path, default=Path(data) / "beauty" / "items.parquet" if data else None)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    checkouts = [HERE, *([arguments.other.resolve()] if arguments.other else [])]
    print(f"{arguments.events:,} events, one thread, medians of {arguments.turns}")
    print(f"{'':34}{'here s':>9}{'MB':>9}" + (f"{'other s':>9}{'MB':>9}{'ratio':>8}" if arguments.other else ""))
    with TemporaryDirectory() as folder:
        for log in write_log(Path(folder), arguments.events):
            floor = [measured(_FLOOR, [str(log)], HERE) for _ in range(arguments.turns)]
            print(
                f"{'floor, ' + log.suffix[1:]:34}{median(one for one, _ in floor):9.2f}{median(one for _, one in floor):9.0f}"
            )
            for preset in ("embrec", "none"):
                compare(
                    f"import, {log.suffix[1:]}, preset {preset}",
                    _IMPORT,
                    [str(log), preset],
                    checkouts,
                    arguments.turns,
                )
    if arguments.items is not None and arguments.items.is_file():
        compare("TF-IDF", _TFIDF, [str(arguments.items)], checkouts, arguments.turns)


if __name__ == "__main__":
    main()
