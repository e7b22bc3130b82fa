"""The choice of a category, and the messages if it is missing or ambiguous."""

import re

import pytest
from support.categories import toy_category

from embrec.errors import ConfigError, DataError
from embrec.workspace import Workspace


def test_the_only_category_is_meant_where_none_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"make one with: `import_data\(\)`$"):
        Workspace(tmp_path).choose()
    toy_category(tmp_path)
    assert Workspace(tmp_path).choose().name == "toys"
    assert [category.name for category in Workspace(tmp_path).choose_several()] == ["toys"]


def test_with_several_categories_it_is_asked_which(tmp_path):
    toy_category(tmp_path)
    toy_category(tmp_path / "other").path.rename(tmp_path / "more")
    place = Workspace(tmp_path)
    with pytest.raises(ConfigError, match=r"^which category\? name it with `category`; there are: more, toys$"):
        place.choose()
    with pytest.raises(ConfigError, match=r"name it with `category`, or take `every=True`; there are: more, toys$"):
        place.choose_several(every=False)
    assert place.choose("toys").name == "toys"
    assert len(place.choose_several(every=True)) == 2
    assert [category.name for category in place.choose_several(["toys", "toys"])] == ["toys"]
    with pytest.raises(ConfigError, match="leave out `category`"):
        place.choose_several(["toys"], every=True)


def test_a_category_that_is_not_there_is_answered_with_the_nearest(tmp_path):
    toy_category(tmp_path)
    message = f"no category 'toyz' in the workspace {tmp_path}; did you mean 'toys'? (there: toys); make it with"
    with pytest.raises(DataError, match=re.escape(message)):
        Workspace(tmp_path).choose("toyz")
