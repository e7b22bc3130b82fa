"""A small shop before its import: a log and a catalog in files, and the command that imports them."""

from pathlib import Path

import polars as pl

EVENTS = pl.DataFrame(
    {
        "user": [f"u{n // 6}" for n in range(60)],
        "item": [f"i{n % 6}" for n in range(60)],
        "timestamp": [n % 4 for n in range(60)],
    }
)
ITEMS = pl.DataFrame({"item": [f"i{n}" for n in range(5)] + ["unseen"], "title": [f"title {n}" for n in range(6)]})
TABLE = ("data", "import", "--source", "table", "--interactions", "events.csv", "--items", "items.jsonl")


def write_shop(folder: Path) -> None:
    """Write the log and the catalog to a folder."""
    EVENTS.write_csv(folder / "events.csv")
    ITEMS.write_ndjson(folder / "items.jsonl")
