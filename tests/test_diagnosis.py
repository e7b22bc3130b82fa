"""The state of the extras in a diagnosis."""

from support.categories import toy_category

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


def test_the_next_step_follows_from_what_the_workspace_holds(tmp_path):
    place = Workspace(tmp_path)
    assert diagnosis.next_step(place).action == "import"
    toys = toy_category(tmp_path)
    step = diagnosis.next_step(place)
    assert (step.action, step.category, step.state.endswith("toys (no feature tables, no runs).")) == (
        "build features",
        None,
        True,
    )
    toy_category(tmp_path / "other").path.rename(tmp_path / "more")
    assert diagnosis.next_step(place).category == "more"
    toys.features.mkdir()
    (toys.features / "tfidf-01234567.h5").touch()
    assert diagnosis.next_step(place).action == "train"
    (toys.runs / "one").mkdir(parents=True)
    (toys.runs / "one/metrics.json").touch()
    step = diagnosis.next_step(place)
    assert (step.action, step.run) == ("recommend", "toys/one")
