import json

import polars as pl
import pytest

from embrec.data.everyone import learned_user, load_everyone
from embrec.data.importing import import_data
from embrec.data.readers.table import TableSource
from embrec.data.store import load_dataset
from embrec.errors import DataError
from embrec.workspace import Workspace


@pytest.fixture
def log(tmp_path):
    """Seven users, five of whom the filter keeps; one has two events, and one has items of nobody else."""
    events = [(f"u{user}", f"i{step}", 100 * user + step) for user in range(5) for step in range(6)]
    events += [("twice", "i1", 7), ("twice", "i3", 9), ("twice", "rare", 8), ("odd", "rare", 1), ("odd", "strange", 2)]
    events += [("u0", "rare", 50)] + [("u4", "i5", 1000 + step) for step in range(50)]
    path = tmp_path / "log.csv"
    pl.DataFrame(events, schema=["user", "item", "timestamp"], orient="row").write_csv(path)
    return path


@pytest.fixture
def imported(tmp_path, log):
    category = Workspace(tmp_path / "workspace").category("shop")
    import_data(category, TableSource(interactions=log))
    return category


def history(everyone, user):
    rows = everyone.interactions.history(everyone.user_index(user))
    return everyone.catalog.item_ids[rows].tolist()


def test_everyone_has_users_that_are_not_learned_from_and_all_events_of_the_others(imported):
    learned, everyone = load_dataset(imported), load_everyone(imported)
    assert learned.interactions.user_ids.tolist() == ["u0", "u1", "u2", "u3", "u4"]
    assert everyone.interactions.user_ids.tolist() == ["u0", "u1", "u2", "u3", "u4", "twice"]
    assert everyone.n_learned == 5
    assert history(everyone, "twice") == ["i1", "i3"]
    assert len(history(everyone, "u4")) == 56
    assert learned.interactions.lengths.max() == 50
    assert everyone.catalog.frame.equals(learned.catalog.frame)


def test_a_user_without_an_event_of_an_item_in_the_catalog_is_told_why(imported):
    everyone = load_everyone(imported)
    message = (
        r"'odd' is in the log, but all of its 2 events are of items dropped by .* \(`min_item_events=5`, .*`last=50`"
    )
    with pytest.raises(DataError, match=message):
        everyone.user_index("odd")
    with pytest.raises(DataError, match="no user 'Twcie' among the 6 users of the log; did you mean 'twice'"):
        everyone.user_index("Twcie")
    with pytest.raises(DataError, match="no user '99' among the 6 users of the log; their ids look like 'u0'"):
        everyone.user_index("99")


def test_a_user_who_is_only_served_is_told_so_where_it_would_be_measured(imported):
    log = load_dataset(imported).interactions
    assert learned_user(imported, log, "u4") == log.user_index("u4")
    with pytest.raises(
        DataError, match=r"'twice' is served, but not in the data for training and evaluation: .*`min_user_events=5`"
    ):
        learned_user(imported, log, "twice")
    with pytest.raises(DataError, match="no user 'nobody' among the 6 users"):
        learned_user(imported, log, "nobody")


def of_an_older_version(category):
    for name in ("others", "other_users"):
        (category.data / f"{name}.parquet").unlink()
    meta = json.loads((category.data / "meta.json").read_text())
    del meta["report"]["others"], meta["report"]["settings"]
    (category.data / "meta.json").write_text(json.dumps(meta))


def test_a_category_of_an_older_version_serves_whom_it_has_and_the_same_import_completes_it(imported, log):
    everyone, before = load_everyone(imported), load_dataset(imported)
    of_an_older_version(imported)
    assert load_everyone(imported).interactions.user_ids.tolist() == ["u0", "u1", "u2", "u3", "u4"]
    with pytest.raises(DataError, match="run the same import again: it keeps everyone since"):
        load_everyone(imported).user_index("twice")
    again = import_data(imported, TableSource(interactions=log))
    assert not again.fresh
    assert load_dataset(imported).same_data(before)
    assert load_everyone(imported).interactions.item.tolist() == everyone.interactions.item.tolist()


def test_the_same_import_reads_nothing_again_and_sees_a_change_in_what_is_put_aside(imported, log, monkeypatch):
    source = TableSource(interactions=log)
    with monkeypatch.context() as patched:
        patched.setattr(TableSource, "read", lambda *_: pytest.fail("read again"))
        assert not import_data(imported, source).fresh
    log.write_text(log.read_text().replace("twice,i3,9", "twice,i2,9"))
    with pytest.raises(DataError, match="another content of"):
        import_data(imported, source)


def test_a_whole_folder_that_is_copied_keeps_everyone(imported, tmp_path):
    imported.path.rename(tmp_path / "workspace" / "copy")
    copy = Workspace(tmp_path / "workspace").category("copy")
    assert history(load_everyone(copy), "twice") == ["i1", "i3"]
