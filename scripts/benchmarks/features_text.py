"""How fast texts are encoded: `build()` with encoder `minilm` beside sentence-transformers, and beside fixed padding.

    python scripts/benchmarks/features_text.py [--data FOLDER] [--threads N]

`--data` is a folder of real data sets (`beauty/items.parquet` with titles, `office/items.parquet` with titles and
descriptions), by default the one that EMBREC_TEST_DATA names; without one, generated texts of like lengths are encoded.
Needs the package sentence-transformers, which embrec itself does not.

All encode the same cleaned texts with the same weights in one process, in turns, after a warm-up; a ratio is the median of
the ratios of the turns, above 1 where embrec is faster.

- embrec: `build()` into an empty folder, so cleaning, hashing and writing the table are part of it;
- sentence-transformers: its own `encode` with its defaults;
- fixed padding: batches of 32, each text padded to 256 tokens; 64 of the texts, and their time taken for all in proportion.

Texts of t tokens on average cannot be encoded more than 256 / t times as fast as with fixed padding by leaving out the
padding alone; that figure is the column `ceiling`.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl
import torch

from embrec.data.catalog import Catalog
from embrec.features.build import build
from embrec.features.registry import make_encoder
from embrec.features.text.texts import item_texts

# name, folder, columns, texts, words of a generated text (mean)
SETS = (("short titles", "beauty", ("title",), 768, 12), ("long texts", "office", ("title", "description"), 192, 100))
REPEATS = 3
FIXED_TOKENS, FIXED_BATCH, FIXED_TEXTS = 256, 32, 64


def run(data: Path | None = None, threads: int = 1) -> list[dict[str, Any]]:
    """Measure, and return one row a comparison.

    Args:
        data: folder of real data sets; generated texts if None.
        threads: of torch.

    Returns:
        Rows of `benchmark`, `texts`, `count`, `threads`, `seconds` (embrec), `other_seconds`, `ratio` (other / embrec) and
        `bar`, the ratio that is promised, and `ceiling`, the ratio that is possible, where that is known.
    """
    from sentence_transformers import SentenceTransformer
    from transformers import AutoModel, AutoTokenizer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    encoder = make_encoder("minilm")
    folder = str(encoder.model_folder)
    sentence = SentenceTransformer(folder, device="cpu")
    tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
    rows = []
    try:
        for name, subfolder, columns, count, words in SETS:
            catalog = _catalog(data / subfolder / "items.parquet" if data else None, columns, count, words)
            texts = item_texts(catalog, encoder.params)
            seconds = _in_turns(
                {
                    "embrec": lambda catalog=catalog: _build(catalog, encoder),
                    "sentence-transformers": lambda texts=texts: sentence.encode(texts),
                    "fixed padding": lambda texts=texts: _fixed(texts[:FIXED_TEXTS], tokenizer, model),
                }
            )
            seconds["fixed padding"] = [value * len(texts) / FIXED_TEXTS for value in seconds["fixed padding"]]
            lengths = [len(ids) for ids in tokenizer(texts, truncation=True, max_length=FIXED_TOKENS)["input_ids"]]
            ceiling = FIXED_TOKENS * len(texts) / sum(lengths)
            for other, bar, limit in (("sentence-transformers", 1.0, None), ("fixed padding", 3.0, ceiling)):
                ratios = [theirs / ours for ours, theirs in zip(seconds["embrec"], seconds[other], strict=True)]
                rows.append(
                    {
                        "benchmark": f"text encoding / {other}",
                        "texts": name if data else f"{name} (generated)",
                        "count": len(texts),
                        "threads": threads,
                        "seconds": median(seconds["embrec"]),
                        "other_seconds": median(seconds[other]),
                        "ratio": median(ratios),
                        "bar": bar,
                        "ceiling": limit,
                    }
                )
    finally:
        torch.set_num_threads(before)
    return rows


def _catalog(path: Path | None, columns: tuple[str, ...], count: int, words: int) -> Catalog:
    """Return a catalog of distinct texts, spread evenly over the items of a file, or generated ones."""
    if path is None:
        draw = np.random.default_rng(0)
        vocabulary = [
            "soft",
            "blue",
            "cotton",
            "paper",
            "refill",
            "hand",
            "cream",
            "with",
            "a",
            "for",
            "pack",
            "of",
            "12",
        ]
        sizes = np.maximum(3, draw.lognormal(np.log(words) - 0.25, 0.7, count).astype(int))
        texts = [f"{row} " + " ".join(draw.choice(vocabulary, size)) for row, size in enumerate(sizes)]
        frame = pl.DataFrame({"item": list(map(str, range(count))), "title": texts})
        return Catalog(frame)
    frame = pl.read_parquet(path).select("item", *columns).unique(subset=columns, keep="first", maintain_order=True)
    return Catalog(frame.gather_every(max(1, len(frame) // count)).head(count), columns)


def _build(catalog: Catalog, encoder: Any) -> None:
    with TemporaryDirectory() as folder:
        build(catalog, encoder, Path(folder))


@torch.inference_mode()
def _fixed(texts: list[str], tokenizer: Any, model: Any) -> None:
    for start in range(0, len(texts), FIXED_BATCH):
        batch = texts[start : start + FIXED_BATCH]
        options = {"padding": "max_length", "truncation": True, "max_length": FIXED_TOKENS}
        inputs = tokenizer(batch, return_tensors="pt", **options)
        mask = inputs["attention_mask"][:, :, None]
        states = model(**inputs).last_hidden_state
        torch.nn.functional.normalize((states * mask).sum(dim=1) / mask.sum(dim=1), dim=1).numpy()


def _in_turns(tasks: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Return the seconds of each task, [REPEATS], after a warm-up, taking turns so that a busy moment meets all."""
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for turn in range(REPEATS + 1):
        for name, task in tasks.items():
            started = perf_counter()
            task()
            if turn:
                seconds[name].append(perf_counter() - started)
    return seconds


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    named = os.environ.get("EMBREC_TEST_DATA")
    parser.add_argument("--data", type=Path, default=Path(named) if named else None)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    print(f"{'':44}{'texts':26}{'embrec s':>10}{'other s':>10}{'ratio':>8}{'bar':>6}{'ceiling':>9}")
    for row in run(arguments.data, arguments.threads):
        print(
            f"{row['benchmark']:44}{row['texts'] + ' ' + str(row['count']):26}{row['seconds']:10.2f}"
            f"{row['other_seconds']:10.2f}{row['ratio']:8.2f}{row['bar']:6.1f}{row['ceiling'] or float('nan'):9.2f}"
        )


if __name__ == "__main__":
    main()
