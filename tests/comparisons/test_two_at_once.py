"""Two processes that make the same comparison: the second one is refused."""

import pytest
from support.categories import toy_category, toy_config
from support.pausing import paused

from embrec.comparisons.encoders import compare_encoders
from embrec.errors import RunError

pytest.importorskip("matplotlib")

COMPARISON = """
from embrec.comparisons.encoders import compare_encoders
from embrec.workspace import Workspace
from support.categories import toy_config

compare_encoders(Workspace(folder).category("toys"), ["tfidf"], toy_config(), seeds=1, name="one", progress=pause)
"""


def test_a_comparison_is_made_by_one_process_at_a_time(tmp_path):
    category = toy_category(tmp_path)
    with paused(COMPARISON, tmp_path) as other:
        with pytest.raises(RunError, match="comparison 'one' is being made by another process"):
            compare_encoders(category, ["tfidf"], toy_config(), seeds=1, name="one")
        other.kill()
    found = compare_encoders(category, ["tfidf"], toy_config(), seeds=1, name="one")
    assert len(found.rows) == 1
    assert not [path for path in category.path.rglob("*") if path.name.startswith(".")]
