"""Tests of encoders against the libraries that they use."""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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
    assert texts.item_texts(catalog(), texts.TextParams(max_words=3))[3] == "Salt & pepper"


def test_columns_are_read_in_the_order_asked_for():
    items = catalog(["a", "b"], brand=["x", None])
    assert texts.item_texts(items, texts.TextParams(template="brand title")) == ["x a", "b"]


def test_tfidf_equals_scikit_learn_with_words_and_pairs():
    encoder = make_encoder("tfidf")  # all terms: of equal counts at a cut, scikit-learn may keep others
    encoder.fit(catalog())
    cleaned = texts.item_texts(catalog(), texts.TextParams())
    expected = TfidfVectorizer(ngram_range=(1, 2)).fit_transform(cleaned).toarray()
    encoded = encoder.encode(catalog())
    np.testing.assert_allclose(encoded.vectors, expected, rtol=1e-6)
    assert encoded.present.tolist() == [True] * 5 + [False]


def test_tfidf_chooses_among_equal_counts_by_the_alphabet(tmp_path):
    """A sort that is not stable would settle it, and another one on each kind of processor."""
    words = [f"w{number:04}" for number in range(3000)]
    encoder = make_encoder("tfidf", {"max_features": 1000, "longest_term": 1})
    encoder.fit(catalog([*words[::-1], *["zebra"] * 3, *["yak"] * 2]))
    encoder.save(tmp_path)
    assert json.loads((tmp_path / "terms.json").read_text()) == [*words[:998], "yak", "zebra"]


WORDS = ["red", "green", "blue", "wool", "silk", "coat", "hat", "sock"]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.lists(st.sampled_from(WORDS), min_size=1), min_size=1),
    st.integers(1, 40),
    st.integers(1, 3),
)
def test_tfidf_keeps_the_most_frequent_terms_whatever_the_order_of_the_items(titles, most, min_items):
    """Against counting by hand; scikit-learn is free to take any of equal counts."""
    texts = [" ".join(words) for words in titles]
    counts, items = Counter(), Counter()
    for words in titles:
        terms = [*words, *(f"{first} {second}" for first, second in pairwise(words))]
        counts.update(terms)
        items.update(set(terms))
    possible = [term for term in counts if items[term] >= min_items]
    expected = sorted(sorted(possible, key=lambda term: (-counts[term], term))[:most])
    for order in (texts, texts[::-1]):
        encoder = make_encoder("tfidf", {"max_features": most, "min_items": min_items})
        if not expected:
            with pytest.raises(FeatureError, match="finds no words"):
                encoder.fit(catalog(order))
            continue
        encoder.fit(catalog(order))
        assert encoder.dim == len(expected)
        weights = encoder.encode(catalog(expected)).vectors
        assert weights.any(axis=1).all()  # every one of them is known
        learned = TfidfVectorizer(ngram_range=(1, 2), vocabulary=expected).fit(order)
        np.testing.assert_allclose(weights, learned.transform(expected).toarray(), rtol=1e-6)


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
