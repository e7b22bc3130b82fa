"""The encoders against the libraries they stand on."""

import doctest
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from sklearn.feature_extraction.text import TfidfVectorizer

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError, FeatureError
from embrec.features.image import images
from embrec.features.image.efficientnet_lite import preprocess
from embrec.features.registry import load_encoder, make_encoder
from embrec.features.text import texts

TITLES = [
    "Red wool scarf, hand made",
    "Blue cotton hat",
    "A long description " * 30 + "of a red hat",
    "Salt &amp; pepper <b>mill</b>",
    "hat",
    "",
]


def catalog(titles=TITLES, **columns):
    return Catalog(pl.DataFrame({"item": [f"i{row}" for row in range(len(titles))], "title": titles, **columns}))


def test_unknown_encoders_and_parameters_are_named():
    with pytest.raises(ConfigError, match=r"unknown encoder 'elmoo'; there are: .*minilm.*tfidf"):
        make_encoder("elmoo")
    with pytest.raises(ConfigError, match="parameter 'colour'"):
        make_encoder("tfidf", {"colour": 1})
    with pytest.raises(ConfigError, match="parameter 'max_features'"):
        make_encoder("tfidf", {"max_features": 0})


def test_texts_are_cleaned():
    assert doctest.testmod(texts).failed == 0
    assert texts.item_texts(catalog(), texts.TextParams(max_words=3))[3] == "Salt & pepper"


def test_columns_are_read_in_the_order_asked_for():
    items = catalog(["a", "b"], brand=["x", None])
    assert texts.item_texts(items, texts.TextParams(template="brand title")) == ["x a", "b"]


def test_tfidf_equals_scikit_learn_with_words_and_pairs():
    encoder = make_encoder("tfidf", {"max_features": 12})
    encoder.fit(catalog())
    cleaned = texts.item_texts(catalog(), texts.TextParams())
    expected = TfidfVectorizer(ngram_range=(1, 2), max_features=12).fit_transform(cleaned).toarray()
    encoded = encoder.encode(catalog())
    np.testing.assert_allclose(encoded.vectors, expected, rtol=1e-6)
    assert encoded.present.tolist() == [True] * 5 + [False]


def test_tfidf_fitted_on_some_items_does_not_know_the_words_of_others():
    encoder = make_encoder("tfidf")
    encoder.fit(catalog().select([0, 1]))
    assert not encoder.encode(catalog(["pepper mill"])).vectors.any()


def test_tfidf_without_words_is_refused():
    with pytest.raises(FeatureError, match="finds no words in the 2 items"):
        make_encoder("tfidf").fit(catalog(["a", "?"]))


@pytest.fixture
def pictures(tmp_path):
    generator = np.random.default_rng(0)
    for name, size in (("a", (300, 200)), ("b", (64, 90)), ("c", (500, 500))):
        Image.fromarray(generator.integers(0, 255, (*size, 3), dtype=np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "a.png").read_bytes()[:500])
    Image.new("L", (80, 80), 128).save(tmp_path / "grey.png")
    return tmp_path


def test_pictures_are_scaled_by_the_short_side_and_cropped_in_the_middle():
    image = Image.new("RGB", (512, 256), (0, 0, 0))
    image.paste((255, 127, 0), (144, 0, 368, 256))
    pixels = preprocess(image)
    assert pixels.shape == (3, 224, 224)
    np.testing.assert_allclose(pixels[:, 112, 112], (np.array([255, 127, 0]) - 127) / 128)


def test_images_are_encoded_and_what_cannot_be_read_is_reported(pictures, monkeypatch):
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra 'image' is not installed")
    paths = [str(pictures / name) for name in ("a.png", "b.png", "broken.jpg", "absent.png", "grey.png")]
    items = catalog(["t"] * 6, image=[*paths, None])
    encoder = make_encoder("efficientnet-lite0", {"batch_size": 2})
    contents = encoder.contents(items)
    assert contents.filled.tolist() == [True, True, True, False, True, False]
    encoded = encoder.encode(items)
    assert encoded.present.tolist() == [True, True, False, False, True, False]
    assert list(encoded.problems) == [2]
    assert "broken.jpg" in encoded.problems[2]
    assert encoded.vectors.shape == (6, 1280)
    alone = encoder.encode(items.select([1])).vectors
    np.testing.assert_allclose(encoded.vectors[[1]], alone, atol=1e-5)
    monkeypatch.setattr(images, "MAX_PIXELS", 10_000)
    assert "pixels are too many" in encoder.encode(items.select([0])).problems[0]


def test_posters_of_the_same_film_are_the_same(real_data):
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra 'image' is not installed")
    posters = sorted((real_data / "ml-1m" / "images").glob("*.jpg"))[:4]
    items = catalog(["t"] * 5, image=[str(path) for path in [*posters, posters[0]]])
    encoded = make_encoder("efficientnet-lite0").encode(items)
    assert encoded.present.all()
    np.testing.assert_allclose(encoded.vectors[0], encoded.vectors[4], atol=1e-5)
    unit = encoded.vectors / np.linalg.norm(encoded.vectors, axis=1, keepdims=True)
    assert (unit[0] @ unit[1:4].T).max() < 0.99


def test_a_picture_of_extreme_proportions_is_refused_before_it_is_scaled(tmp_path):
    pytest.importorskip("efficientnet_lite_pytorch", reason="the extra 'image' is not installed")
    for name, size in (("thin", (1, 12_000)), ("flat", (12_000, 1))):
        Image.new("RGB", size).save(tmp_path / f"{name}.png")
    items = catalog(["t"] * 2, image=[str(tmp_path / "thin.png"), str(tmp_path / "flat.png")])
    encoded = make_encoder("efficientnet-lite0").encode(items)
    assert not encoded.present.any()
    assert "thin.png: 1 x 12000 pixels are out of proportion" in encoded.problems[0]
    assert "flat.png: 12000 x 1 pixels are out of proportion" in encoded.problems[1]


def test_files_that_may_not_be_read_are_problems_of_their_items(pictures, monkeypatch):
    """The first in a place that the system refuses to look at, the second without permission."""
    paths = [pictures / ("x" * 300 + ".png"), pictures / "a.png"]

    def denied(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", denied)
    items = catalog(["t"] * 2, image=[str(path) for path in paths])
    contents = images.image_contents(items)
    assert contents.filled.tolist() == [True, True]
    assert (contents.fingerprints[0] != contents.fingerprints[1]).any()
    monkeypatch.setattr(images.pillow(), "open", denied)
    assert list(images.decode_ahead(paths, preprocess)) == [f"{path}: Permission denied" for path in paths]


def test_pictures_are_decoded_in_order_and_not_far_ahead_of_their_use(pictures):
    taken = []

    def note(image):
        taken.append(image.size)
        return np.full(1, image.width, dtype=np.float32)

    stream = images.decode_ahead([pictures / f"{name}.png" for name in "abc" * 20], note, ahead=4)
    first = [next(stream)[0] for _ in range(3)]
    assert first == [200, 90, 500]
    assert len(taken) <= 3 + 4
    assert len(list(stream)) == 57


@pytest.mark.parametrize("file", ["encoder.json", "terms.json", "idf.npy"])
@pytest.mark.parametrize("content", [b"", b"[", b"[1]", b"\x93NUMPY\xff", b'{"name": "elmoo", "params": {}}'])
def test_a_damaged_saved_encoder_is_named(tmp_path, file, content):
    encoder = make_encoder("tfidf")
    encoder.fit(catalog())
    encoder.save(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(FeatureError, match="holds no usable encoder"):
        load_encoder(tmp_path)


def test_a_template_is_a_sentence_around_columns():
    items = Catalog(
        pl.DataFrame(
            {"item": ["a", "b", "c"], "title": ["red  hat", "sock", None], "brand": ["Acme &amp; Co", None, ""]}
        )
    )

    def read(template):
        return texts.item_texts(items, texts.TextParams(template=template))

    assert read("{title}, made by {brand}.") == ["red hat, made by Acme & Co.", "sock, made by .", ""]
    assert read("brand title") == ["Acme & Co red hat", "sock", ""]
    assert read(None) == ["red hat Acme & Co", "sock", ""]
    with pytest.raises(
        ConfigError, match="names a column 'colour' that the catalog does not have; there are: title, brand"
    ):
        read("{title} in {colour}")
