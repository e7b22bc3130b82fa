"""A run is measured on the data that it was trained on, or refused, or measured where it has not met the targets."""

import json
import shutil
from collections import Counter

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from support.categories import N_ITEMS, config_of, toy_category, toy_config, toy_run
from support.logs import log_of, shortened, toy_log

from embrec.comparisons.encoders import compare_encoders
from embrec.comparisons.runs import compare_runs
from embrec.comparisons.seeds import same_but_for_seed
from embrec.data.catalog import Catalog
from embrec.data.interactions import Interactions
from embrec.data.splits import LeaveOneOut
from embrec.data.store import Dataset, load_dataset, save_dataset
from embrec.errors import RunError
from embrec.evaluation.evaluator import evaluate
from embrec.features.category import build_features
from embrec.features.table import FeatureTable
from embrec.report.analyses.coverage.analyze import analyze_coverage
from embrec.report.analyses.embedding_map.analyze import analyze_map
from embrec.report.analyses.examples.analyze import analyze_examples
from embrec.report.analyses.prefixes.analyze import analyze_prefixes
from embrec.report.page.build import build_report
from embrec.runs.ablation import model_without
from embrec.runs.belonging import common_ground
from embrec.runs.evaluate import evaluate_runs
from embrec.runs.folder import RunFolder
from embrec.runs.inputs import NO_RESULT, fingerprint_of
from embrec.runs.model import load_model
from embrec.runs.pipeline import train
from embrec.runs.provenance import used_events, used_targets
from embrec.workspace import Workspace


@pytest.fixture
def run(tmp_path):
    """A run of 40 items and 60 users, leave-one-out."""
    return toy_run(toy_category(tmp_path / "workspace"), LeaveOneOut())


def import_again(run: RunFolder, log: Interactions, catalog: Catalog | None = None) -> None:
    """Put another log, or another catalog, into the category of a run."""
    save_dataset(run.category, Dataset(catalog or load_dataset(run.category).catalog, log))


def earlier(run: RunFolder, events: int = 1) -> None:
    """Put an earlier export of the log into the category."""
    import_again(run, shortened(load_dataset(run.category).interactions, events))


def forget(run: RunFolder) -> RunFolder:
    """Make a run what earlier versions left behind."""
    run.made_of_file.unlink()
    run.learned_file.unlink()
    return run


def test_a_run_is_measured_on_its_own_data(run):
    ground = common_ground([run])
    assert ground.notes == ()
    assert len(ground.partition.test) == 60
    assert run.read_made_of() == ground.made_of[run.path]


USES = {
    "evaluate": lambda run, folder: evaluate_runs([run]),
    "compare": lambda run, folder: compare_runs([run], ["pop"]),
    "report": lambda run, folder: build_report([run], folder / "report.html"),
    "prefixes": lambda run, folder: analyze_prefixes(run),
    "coverage": lambda run, folder: analyze_coverage(run),
    "examples": lambda run, folder: analyze_examples(run),
    "map": lambda run, folder: analyze_map(run),
}


@pytest.mark.parametrize("use", USES)
def test_targets_that_were_learned_from_are_refused_everywhere(run, tmp_path, use):
    evaluate_runs([run])  # what is remembered is refused too
    earlier(run)
    with pytest.raises(
        RunError, match=r"run toys/one was trained on another log .* 60 of the 60 test targets are events"
    ):
        USES[use](run, tmp_path)


def test_targets_that_a_run_has_met_are_left_out_and_the_others_measured(run):
    log = load_dataset(run.category).interactions
    fewer = shortened(log, 1)
    half = log.user < 30  # of these users the log is as it was
    import_again(run, joined(log, half, fewer))
    with pytest.raises(RunError, match="30 of the 60 test targets"):
        common_ground([run])
    ground = common_ground([run], other_log=True)
    assert ground.partition.test.user.tolist() == list(range(30))
    assert "30 of the 60 test targets are left out" in " ".join(ground.notes)
    found = evaluate_runs([run], ["pop"], ground=ground)
    data = ground.dataset.interactions
    by_hand = evaluate(
        load_model(run).model,
        data,
        ground.partition,
        ground.partition.test,
        run.config().evaluation,
        max_length=run.config().model.max_length,
    )
    assert found["one"].event.tolist() == (data.user_ptr[1:31] - 1).tolist() == found["pop"].event.tolist()
    assert np.array_equal(found["one"].standing.greater, by_hand.standing.greater)


def joined(log: Interactions, kept, other: Interactions) -> Interactions:
    """The log of some users as it is, of the others as in another one."""
    rest = ~np.isin(other.user, np.unique(log.user[kept]))
    columns = [
        np.concatenate([getattr(log, name)[kept], getattr(other, name)[rest]]) for name in ("user", "item", "time")
    ]
    return Interactions.from_events(log.user_ids, *columns)


def test_a_comparison_says_what_it_left_out(run):
    log = load_dataset(run.category).interactions
    import_again(run, joined(log, log.user < 30, shortened(log, 1)))
    compared = compare_runs([run], ["pop"], other_log=True)
    assert compared.targets["all"] == 30
    assert any("30 of the 60 test targets are left out" in line for line in compared.as_dict()["warnings"])


def test_nothing_is_measured_where_everything_was_learned(run):
    earlier(run)
    with pytest.raises(RunError, match="all 60 test targets are events"):
        common_ground([run], other_log=True)


def test_a_log_that_went_on_is_refused_too_and_then_measured_whole(run):
    log = load_dataset(run.category).interactions
    more = Interactions.from_events(
        log.user_ids,
        np.concatenate([log.user, np.arange(60)]),
        np.concatenate([log.item, np.full(60, 39)]),
        np.concatenate([log.time, np.full(60, 10**6)]),
    )
    import_again(run, more)
    with pytest.raises(RunError, match="none of the 60 test targets"):
        common_ground([run])
    assert len(common_ground([run], other_log=True).partition.test) == 60


def test_other_names_of_the_users_are_another_log(run):
    log = load_dataset(run.category).interactions
    import_again(run, Interactions(log.user_ids[::-1].copy(), log.user, log.item, log.time))
    with pytest.raises(RunError, match="another log"):
        common_ground([run])


def test_users_that_were_renamed_leave_nobody_to_tell_what_a_run_has_met(run):
    log = load_dataset(run.category).interactions
    renamed = np.array([f"new-{name}" for name in log.user_ids], dtype=object)
    import_again(run, Interactions(renamed, *(getattr(shortened(log, 1), name) for name in ("user", "item", "time"))))
    with pytest.raises(RunError, match=r"none of its users are in the log any more.* it is unknown which test targets"):
        common_ground([run])
    (note,) = common_ground([run], other_log=True).notes
    assert "its figures may be far too good" in note


def test_the_way_out_is_offered_only_where_it_is_one(run):
    earlier(run)
    with pytest.raises(RunError, match=r"60 of the 60 test targets .*; train it again$"):
        common_ground([run])


def test_a_report_of_another_log_says_so_on_the_page(run, tmp_path):
    log = load_dataset(run.category).interactions
    import_again(run, joined(log, log.user < 30, shortened(log, 1)))
    page = build_report([run], tmp_path / "report.html", baselines=["pop"], other_log=True).read_text()
    assert "30 of the 60 test targets are left out for all models" in page


def test_the_catalog_says_what_has_changed(run):
    dataset = load_dataset(run.category)
    new = pl.DataFrame({"item": ["new"], "title": ["new"]})
    import_again(run, dataset.interactions, dataset.catalog.extended(Catalog(new)))
    with pytest.raises(RunError, match=r"another catalog than its category holds now: 1 items are new; train again"):
        common_ground([run], other_log=True)
    import_again(run, dataset.interactions, dataset.catalog.select(range(N_ITEMS)[::-1]))
    with pytest.raises(RunError, match="the same items stand in another order"):
        evaluate_runs([run])


def test_a_run_that_was_copied_into_another_category_is_refused(run, tmp_path):
    category = Workspace(tmp_path / "workspace").category("others")
    save_dataset(category, Dataset(load_dataset(run.category).catalog, toy_log(60, N_ITEMS, seed=1)))
    shutil.copytree(run.path, category.runs / "one")
    with pytest.raises(RunError, match="run others/one was trained on another log"):
        evaluate_runs([RunFolder(category.runs / "one")])


def test_a_run_of_an_earlier_version_is_known_by_its_fingerprint(run):
    assert common_ground([forget(run)]).notes == ()
    log = load_dataset(run.category).interactions
    import_again(run, joined(log, log.user < 30, shortened(log, 1)))
    with pytest.raises(RunError, match=r"other data than its category holds now: .* keeps no record"):
        common_ground([run])
    ground = common_ground([run], other_log=True)
    assert len(ground.partition.test) == 60
    assert "its figures may be far too good" in ground.notes[0]


def test_a_setting_that_is_younger_than_a_run_does_not_make_its_data_others(run):
    written = yaml.safe_load(forget(run).config_file.read_text())
    for part, name in (("evaluation", "ties"), ("training", "checkpoint_seconds"), ("model", "dropout")):
        del written[part][name]  # as if the version that trained it had not known them
    run.config_file.write_text(yaml.safe_dump(written))
    known = {name: value for name, value in written["training"].items() if name not in (*NO_RESULT, "learn_from")}
    dataset = load_dataset(run.category)
    (run.path / "fingerprint").write_text(fingerprint_of({**written, "training": known}, dataset, []) + "\n")
    assert common_ground([run]).notes == ()


def test_a_run_of_an_earlier_version_whose_table_is_gone_leaves_a_doubt(tmp_path):
    category = toy_category(tmp_path)
    list(build_features(category, ["tfidf"]))
    config = config_of(**{"model.source": "content", "model.features": ["tfidf"], "training.epochs": 1})
    run = train(category, config, "one").run
    assert common_ground([forget(run)]).made_of[run.path].tables.keys() == {run.config().model.features[0]}
    for file in category.features.glob("*.h5"):
        file.unlink()
    (note,) = common_ground([run]).notes
    assert "nobody can tell" in note


def test_training_again_gives_a_finished_run_of_an_earlier_version_its_record(run):
    forget(run)
    assert train(run.category, run.config(), "one").reused
    assert run.read_made_of().data == common_ground([run]).made_of[run.path].data


def test_other_contents_of_a_table_are_said(tmp_path):
    category = toy_category(tmp_path)
    list(build_features(category, ["tfidf"], fit_on="catalog"))
    config = config_of(**{"model.source": "content", "model.features": ["tfidf"], "training.epochs": 1})
    run = train(category, config, "one").run
    record = json.loads(run.made_of_file.read_text())
    (stem,) = record["tables"]
    record["tables"][stem] = "other contents"
    run.made_of_file.write_text(json.dumps(record))
    (note,) = common_ground([run]).notes
    assert f"other contents of {stem}" in note


@pytest.mark.parametrize("damaged", ["made_of_file", "learned_file"])
def test_a_damaged_record_is_said(run, damaged):
    earlier(run)
    getattr(run, damaged).write_text("{}")
    with pytest.raises(RunError, match="damaged, so it is unknown which"):
        common_ground([run])


def test_a_run_keeps_no_names_of_its_users(run):
    for file in (run.made_of_file, run.learned_file):
        assert b"u07" not in file.read_bytes()


def test_runs_of_other_data_are_no_seeds_of_one_model(run):
    first = train(run.category, config_of("training.seed=0"), "a-s0").run
    second = train(run.category, config_of("training.seed=1"), "a-s1").run
    assert list(same_but_for_seed([first, second])) == ["a"]
    log = load_dataset(run.category).interactions
    import_again(run, joined(log, log.user < 30, shortened(log, 1)))
    third = train(run.category, config_of("training.seed=2"), "a-s2").run
    groups = same_but_for_seed([first, second, third])
    assert [[run.name for run in group] for group in groups.values()] == [["a-s0", "a-s1"], ["a-s2"]]
    compared = compare_runs([first, third], [], other_log=True)
    assert [len(runs) for runs in compared.models.values()] == [1, 1]


def test_runs_of_other_contents_of_a_table_are_no_seeds_of_one_model(run):
    content = {"model.source": "content", "model.features": ["tfidf"], "training.epochs": 1}
    list(build_features(run.category, ["tfidf"], fit_on="catalog"))
    runs = [train(run.category, config_of(f"training.seed={seed}", **content), f"b-s{seed}").run for seed in (0, 1)]
    record = json.loads(runs[1].made_of_file.read_text())
    record["tables"] = dict.fromkeys(record["tables"], "other contents")
    runs[1].made_of_file.write_text(json.dumps(record))
    assert [len(group) for group in same_but_for_seed(runs).values()] == [1, 1]


def test_a_run_and_its_twin_are_two_models_of_one_seed_each(run):
    twins = [train(run.category, config_of("training.seed=0"), name).run for name in ("a", "b")]
    compared = compare_runs(twins, [])
    assert {name: list(runs) for name, runs in compared.models.items()} == {"a": ["a"], "b": ["b"]}
    assert any("b is a trained again with the same seed" in note for note in compared.notes)


def test_seeds_called_as_a_baseline_take_none_of_its_figures(run):
    runs = [train(run.category, config_of(f"training.seed={seed}"), f"pop-s{seed}").run for seed in (0, 1)]
    compared = compare_runs(runs, ["pop"])
    assert list(compared.models) == ["pop", "pop-s0 and pop-s1"]
    alone = evaluate_runs(runs[:1], ["pop"])["pop"]
    assert np.array_equal(compared.evaluations["pop"][0].standing.greater, alone.standing.greater)


def test_a_training_says_which_setting_or_which_data_differ(run):
    with pytest.raises(RunError, match=r"other data \(training.epochs is 1 there, 2 now\)"):
        train(run.category, config_of(), "one")
    earlier(run)
    with pytest.raises(RunError, match=r"\(the log has other events: \d+ before, \d+ now\)"):
        train(run.category, run.config(), "one")


def test_a_source_falls_silent_only_beside_the_contents_that_were_trained_on(run):
    list(build_features(run.category, ["tfidf"]))
    content = {"model.source": "content", "model.features": ["tfidf"], "training.epochs": 1}
    other = train(run.category, config_of(**content), "other").run
    (stem,) = other.config().model.features
    table = FeatureTable.open(run.category.features / f"{stem}.h5")
    assert model_without(other, [table], stem).catalog().shape == (N_ITEMS + 1, 8)
    table.fingerprints = table.fingerprints[::-1]
    with pytest.raises(RunError, match=f"other contents of {stem}"):
        model_without(other, [table], stem)


def test_a_category_that_is_imported_again_during_a_comparison_is_noticed(run):
    log = load_dataset(run.category).interactions

    def interrupt(task, done, total, note=""):
        if task == "runs" and not done:
            import_again(run, shortened(log, 1))

    with pytest.raises(RunError, match="was imported again meanwhile"):
        compare_encoders(run.category, ["tfidf"], toy_config(), seeds=1, progress=interrupt)


def test_encoders_of_a_run_that_was_never_begun_are_made_again(tmp_path):
    category = toy_category(tmp_path)
    (report,) = build_features(category, ["tfidf"])
    left = category.runs / "one" / "encoders" / report.path.stem
    left.mkdir(parents=True)
    (left / "encoder.json").write_text("of another build")
    config = config_of(**{"model.source": "content", "model.features": ["tfidf"], "training.epochs": 1})
    run = train(category, config, "one").run
    ours, theirs = (folder / report.path.stem / "encoder.json" for folder in (run.encoders, category.features))
    assert ours.read_bytes() == theirs.read_bytes()


histories = st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=7), min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(histories, histories)
def test_used_targets_against_counting_by_hand(before, now):
    """A target, its user's nth event on its item, was used if training and validation had n such events."""
    items = [f"i{n}" for n in range(4)]
    old, new = log_of(before), log_of(now)
    turned = Catalog(pl.DataFrame({"item": items[::-1]}))  # today's catalog has another order: ids join, not rows
    partitions = [LeaveOneOut()(log, 4) for log in (old, new)]
    used = used_events(old, partitions[0])
    found = used_targets(used, np.array(items, dtype=object), Dataset(turned, new), partitions[1])
    seen = {f"u{user}": Counter(items[item] for item in history[:-1]) for user, history in enumerate(before)}
    by_hand = []
    for user, history in enumerate(now):
        names = [items[::-1][item] for item in history]
        by_hand.append(names.count(names[-1]) <= seen.get(f"u{user}", Counter())[names[-1]])
    assert found.tolist() == by_hand


def test_a_report_of_a_run_called_as_a_baseline_leaves_the_baseline_out(run, tmp_path):
    named = train(run.category, run.config(), "pop").run
    page = build_report([named], tmp_path / "report.html").read_text()
    assert "The baseline pop is left out: a run has its name." in page
