"""TF-IDF against scikit-learn and against counting by hand."""

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
from embrec.errors import FeatureError
from embrec.features.registry import make_encoder
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
