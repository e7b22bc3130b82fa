"""Runs that the tests of several analyses share."""

import pytest
from support.categories import toy_category, toy_run

from embrec.data.splits import LeaveOneOut, UserHoldout


@pytest.fixture(scope="session")
def toys(tmp_path_factory):
    """A category of 300 customers, and its runs: of every prefix of new users, and of the last event of each."""
    category = toy_category(tmp_path_factory.mktemp("analyses"), n_users=300)
    return {
        "prefixes": toy_run(category, UserHoldout(test=0.5), "prefixes"),
        "last": toy_run(category, LeaveOneOut(), "last"),
    }
