"""The state of the extras in a diagnosis."""

from embrec import diagnosis
from embrec.workspace import Workspace


def test_an_extra_is_installed_only_where_all_that_it_brings_is(tmp_path, monkeypatch):
    there = diagnosis._version
    monkeypatch.setattr(diagnosis, "_version", lambda package: None if package == "hyperopt" else there(package) or "1")
    extras = {name: (state, purpose) for name, state, purpose, _ in diagnosis.diagnose(Workspace(tmp_path)).extras}
    assert extras["tune"][0] == extras["all"][0] == extras["test"][0] == "missing hyperopt"
    assert extras["image"][0] == "installed"
    # The purpose lists the included extras, since `all` does not include every one.
    assert extras["all"][1] == "all of text, word2vec, image, report, ray, tune, examples, formats"
