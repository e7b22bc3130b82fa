"""Two processes that train the same run: the second one is refused, and so is an import of its data."""

import pytest
from support.categories import config_of, toy_category
from support.pausing import paused

from embrec.data.importing import import_data
from embrec.data.readers.table import TableSource
from embrec.errors import DataError, RunError
from embrec.runs import folder as run_module
from embrec.runs.pipeline import train

TRAINING = """
from embrec.runs.pipeline import train
from embrec.workspace import Workspace
from support.categories import config_of

train(Workspace(folder).category("toys"), config_of(), "one", progress=pause)
"""


@pytest.fixture
def category(tmp_path, monkeypatch):
    monkeypatch.setattr(run_module, "_PATIENCE", 0.0)
    return toy_category(tmp_path)


def test_a_run_that_is_trained_is_left_alone_with_its_data_until_its_process_ends_even_by_a_kill(category, tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("user,item,timestamp\n" + "".join(f"u,i{n},{n}\n" for n in range(9)))
    with paused(TRAINING, tmp_path) as other:
        begun = sorted(category.runs.rglob("*"))
        for force in (False, True):
            with pytest.raises(RunError, match="run toys/one is being trained by another process"):
                train(category, config_of(), "one", force=force)
        with pytest.raises(DataError, match="or building tables, training or searching with it"):
            import_data(category, TableSource(interactions=log), force=True)
        assert sorted(category.runs.rglob("*")) == begun
        other.kill()
    left = category.runs / "one" / ".trainer.pt.0123456789abcdef.tmp"
    left.write_bytes(b"half")
    assert not train(category, config_of(), "one").reused
    assert not left.exists()
    assert sorted(path.name for path in category.path.iterdir()) == ["data", "runs"]
    assert [path.name for path in category.runs.iterdir()] == ["one"]
