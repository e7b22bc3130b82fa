"""Comparisons that several tests look at."""

import pytest
from support.categories import toy_category, toy_config
from support.comparisons import wanted

from embrec.comparisons.encoders import compare_encoders
from embrec.comparisons.losses import compare_losses
from embrec.comparisons.negatives import compare_negatives

ENCODERS = ("tfidf", "minilm", "tfidf,minilm")


@pytest.fixture(scope="session")
def compared(tmp_path_factory):
    """A category, and a comparison of two encoders and their fusion on it."""
    category = toy_category(tmp_path_factory.mktemp("compared"))
    return category, compare_encoders(category, ENCODERS, toy_config(), seeds=2, name="all", command="the command")


@pytest.fixture(scope="session")
def losses(tmp_path_factory):
    """A category, and the four losses compared on it."""
    category = toy_category(tmp_path_factory.mktemp("losses"))
    return category, compare_losses(wanted(category, seeds=(0, 2), name="all", command="the command"), published=True)


@pytest.fixture(scope="session")
def negatives(tmp_path_factory):
    """A category, and two losses compared on it with 4, 16 and all negatives."""
    category = toy_category(tmp_path_factory.mktemp("negatives"))
    return category, compare_negatives(
        wanted(category, seeds=2), ["bpr", "cross-entropy"], [16, 4, 4096], published=True
    )
