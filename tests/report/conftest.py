"""A comparison that several tests share."""

import pytest
from support.categories import toy_category, toy_config

from embrec.comparisons.encoders import compare_encoders

ENCODERS = ("tfidf", "minilm", "tfidf,minilm")


@pytest.fixture(scope="session")
def compared(tmp_path_factory):
    """A category, and a comparison of two encoders and their fusion on it."""
    category = toy_category(tmp_path_factory.mktemp("compared"))
    return category, compare_encoders(category, ENCODERS, toy_config(), seeds=2, name="all", command="the command")
