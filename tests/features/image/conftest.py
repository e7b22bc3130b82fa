"""Pictures of the kinds that shops have, shared by the tests of image encoders."""

import numpy as np
import polars as pl
import pytest
from PIL import Image

from embrec.data.catalog import Catalog


def items(paths):
    texts = [None if path is None else str(path) for path in paths]
    frame = {"item": [f"i{row}" for row in range(len(texts))], "image": pl.Series(texts, dtype=pl.String)}
    return Catalog(pl.DataFrame(frame))


@pytest.fixture(name="items")
def _items():
    return items


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """a.png, b.png, c.png: smooth random pictures of different shapes; broken.jpg, text.jpg: none."""
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    for name, size in (("a", (300, 200)), ("b", (64, 90)), ("c", (500, 500))):
        small = Image.fromarray(generator.integers(0, 255, (9, 9, 3), dtype=np.uint8))
        small.resize((size[1], size[0]), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    Image.open(folder / "a.png").save(folder / "whole.jpg")
    (folder / "broken.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:1500])
    (folder / "text.jpg").write_text("no picture")
    (folder / "empty.jpg").touch()
    return folder
