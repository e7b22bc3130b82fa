"""Two imports of one category at once, and imports that were killed or failed."""

import pytest
from support.pausing import paused

from embrec.data.importing import import_data
from embrec.data.preparation import PRESETS
from embrec.data.readers.table import TableSource
from embrec.data.store import in_use, load_dataset
from embrec.errors import DataError
from embrec.files import atomic_folder
from embrec.workspace import Workspace

IMPORT = """
from embrec.data.importing import import_data
from embrec.data.preparation import PRESETS
from embrec.data.readers.table import TableSource
from embrec.workspace import Workspace

category = Workspace(folder / "workspace").category("shop")
import_data(category, TableSource(interactions=folder / "first.csv"), PRESETS["none"], force=True, progress=pause)
"""


@pytest.fixture
def category(tmp_path):
    for name, items in (("first", "ab"), ("second", "xyz")):
        rows = [f"u{user},{item},{time}" for user in range(3) for time, item in enumerate(items)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["user,item,timestamp", *rows]) + "\n")
    return Workspace(tmp_path / "workspace").category("shop")


def run_import(category, name, **options):
    return import_data(category, TableSource(interactions=category.path.parents[1] / name), PRESETS["none"], **options)


def test_a_second_import_at_once_is_refused_and_the_first_is_not_lost(category, tmp_path):
    with paused(IMPORT, tmp_path) as other:
        for force in (False, True):
            with pytest.raises(DataError, match="another process is importing category 'shop'"):
                run_import(category, "second.csv", force=force)
        other.go_on()
    assert load_dataset(category).catalog.item_ids.tolist() == ["a", "b"]
    with pytest.raises(DataError, match="was already imported, with another interactions"):
        run_import(category, "second.csv")
    assert [path.name for path in category.path.iterdir()] == ["data"]


def test_what_is_there_can_be_read_and_imported_again_while_it_is_replaced(category, tmp_path):
    run_import(category, "second.csv")
    with paused(IMPORT, tmp_path) as other:
        assert not run_import(category, "second.csv").fresh
        assert len(load_dataset(category).catalog) == 3
        with pytest.raises(DataError, match="category 'shop' is being imported"), in_use(category):
            pass
        other.go_on()
    assert len(load_dataset(category).catalog) == 2


def test_a_killed_import_leaves_nothing_locked(category, tmp_path):
    with paused(IMPORT, tmp_path) as other:
        other.kill()
    run_import(category, "second.csv")
    assert [path.name for path in category.path.iterdir()] == ["data"]


def test_data_in_use_are_not_replaced(category):
    run_import(category, "first.csv")
    with (
        in_use(category),
        in_use(category),
        pytest.raises(DataError, match="or building tables, training or searching"),
    ):
        run_import(category, "second.csv", force=True)
    assert run_import(category, "second.csv", force=True).changed == "catalog"
    assert run_import(category, "second.csv", force=True).changed == ""


def test_an_import_that_was_killed_between_two_renames_is_put_back(category):
    run_import(category, "first.csv")
    with atomic_folder(category.path / "scratch") as folder:
        retired = folder.name.replace("scratch", "data").replace(".tmp", ".old")
    category.data.rename(category.path / retired)
    (category.path / retired.replace(".old", ".tmp")).mkdir()
    assert load_dataset(category).catalog.item_ids.tolist() == ["a", "b"]
    assert sorted(path.name for path in category.path.iterdir()) == ["data", "scratch"]


def test_a_failed_first_import_leaves_nothing(category, tmp_path):
    (tmp_path / "first.csv").write_text("user,item,timestamp\nu,a/b,1\n")
    with pytest.raises(DataError, match="has a slash"):
        run_import(category, "first.csv")
    assert not category.path.exists()
