"""The encoders against the libraries they stand on."""

import doctest

import numpy as np
import polars as pl
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError, FeatureError
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
    with pytest.raises(ConfigError, match=r"unknown encoder 'elmoo'; did you mean 'elmo'\? there are: .*minilm.*tfidf"):
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
