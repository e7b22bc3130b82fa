"""What a model reads besides items arrives as it stands in the log and the catalog, in training, evaluation and serving."""

import shutil
from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
import torch
from support.categories import SETTINGS
from support.toys import toy_model

from embrec.data.everyone import load_everyone
from embrec.data.importing import import_data
from embrec.data.preparation import PreparationConfig
from embrec.data.prepared import open_split
from embrec.data.readers.table import TableSource
from embrec.data.sequences import target_sequences, training_sequences
from embrec.data.splits import LeaveOneOut, UserHoldout
from embrec.data.store import load_dataset, save_dataset
from embrec.errors import DataError, RunError
from embrec.models.zoo.embrec import EmbRecConfig
from embrec.runs.evaluate import evaluate_runs
from embrec.runs.extras import context_of, load_extras
from embrec.runs.folder import RunFolder
from embrec.runs.inputs import load_inputs
from embrec.runs.model import load_model
from embrec.runs.pipeline import train
from embrec.runs.presets import build_config
from embrec.serving.recommender import Recommender
from embrec.serving.scoring import score_by_user
from embrec.tuning.config import SearchConfig
from embrec.tuning.search import prepare
from embrec.tuning.trial import TrialTraining
from embrec.workspace import Workspace

N_ITEMS, N_USERS = 12, 40
NO_USER = type(toy_model().users)  # is given every batch that a model reads


def events() -> pl.DataFrame:
    """A log in random order, with ties, repeats, rare items and short histories; `mark` is another number for each event."""
    generator = np.random.default_rng(0)
    rows = []
    for user in range(N_USERS):
        length = int(generator.integers(2, 12))
        times = np.sort(generator.integers(0, 9, length)) + 1_600_000_000
        items = (int(generator.integers(N_ITEMS)) + np.arange(length)) % N_ITEMS
        rows += [(f"u{user}", f"i{item:02d}", int(time)) for item, time in zip(items, times, strict=True)]
    rows += [("u0", "rare", 1_600_000_001), *rows[5:9]]  # rows 5 to 8 stand twice
    frame = pl.DataFrame(rows, schema=["user", "item", "time"], orient="row")
    frame = frame.sample(fraction=1, shuffle=True, seed=1)
    marks = pl.int_range(len(frame), eager=True) + 0.5
    return frame.with_columns(mark=marks, half=pl.Series([mark if mark % 2 > 1 else None for mark in marks]))


def catalog() -> pl.DataFrame:
    names = [f"i{item:02d}" for item in range(N_ITEMS)]
    return pl.DataFrame(
        {
            "item": names,
            "title": [f"thing {name}" for name in names],
            "price": [None if place == 3 else float(place) for place in range(N_ITEMS)],
            "also": [f"{names[place - 1]} {names[place - 2]}" for place in range(N_ITEMS)],
        }
    )


@pytest.fixture
def category(tmp_path):
    source = TableSource(
        interactions=events(),
        items=catalog(),
        context_column=("mark", "half"),
        text_column=("title",),
    )
    found = Workspace(tmp_path / "workspace").category("shop")
    import_data(found, source, PreparationConfig(min_item_events=2, min_user_events=3, last=8, ties="shuffle:seed=3"))
    return found


@pytest.fixture
def reads(monkeypatch):
    """Make the models of a test read some kinds of inputs."""

    def read(*kinds):
        monkeypatch.setattr("embrec.runs.inputs.reads_of", lambda model: frozenset(kinds))

    return read


@pytest.fixture
def batches(monkeypatch):
    """The batches that models were given, with whether they were in training."""
    found = []
    forward = NO_USER.forward

    def recorded(self, batch, items):
        found.append((self.training, batch))
        return forward(self, batch, items)

    monkeypatch.setattr(NO_USER, "forward", recorded)
    return found


def config(split=None, **options):
    options = {"model.source": "id", "training.epochs": 1, "training.device": "cpu"} | options
    return build_config("shop", split=split or LeaveOneOut(), options=options, settings=SETTINGS)


def steps(batch):
    """Every event that a batch reads, as (user, item, time, mark, half), and the (time, mark) of the event after it."""
    for row, length in enumerate(batch.lengths.tolist()):
        assert (batch.items[row, length:] == 0).all()
        assert (batch.context["mark"][row, length:] == 0).all()
        for step in range(length):
            at = row, step
            context = batch.context["mark"][at].item(), batch.context["half"][at].item()
            after = batch.target_times[at].item(), batch.target_context["mark"][at].item()
            yield (
                (batch.user[row].item(), batch.items[at].item() - 1, batch.times[at].item(), *context),
                after,
                step == length - 1,
            )


def check(batch, log, *, served=False):
    """Compare a batch with a log in which each event has a mark of its own."""
    at = {mark: event for event, mark in enumerate(log.context["mark"].tolist())}
    count = 0
    for (user, item, time, mark, half), (next_time, next_mark), is_last in steps(batch):
        event = at[mark]
        assert (item, time) == (log.item[event], log.time[event])
        assert served or user == log.user[event]
        np.testing.assert_equal(half, log.context["half"][event])
        if served and is_last:
            assert next_time == time
            assert np.isnan(next_mark)
        else:
            assert at[next_mark] == event + 1
            assert next_time == log.time[event + 1]
        count += 1
    return count


@pytest.mark.parametrize("split", [LeaveOneOut(), UserHoldout(valid=0.2, test=0.3)])
def test_times_and_context_arrive_as_they_stand_in_the_log(category, reads, batches, split):
    reads("context")
    run = train(category, config(split), "one").run
    log = load_dataset(category).interactions
    assert context_of(run) == ("mark", "half")
    assert sum(check(batch, log) for training, batch in batches if training) > N_USERS
    validated = [batch for training, batch in batches if not training]
    assert sum(check(batch, log) for batch in validated) > N_USERS / 2

    batches.clear()
    shutil.rmtree(run.path / "evaluations")
    evaluate_runs([run])
    assert sum(check(batch, log) for _, batch in batches) > N_USERS / 4

    recommender, everyone = Recommender.load(run), load_everyone(category)
    _ = recommender.ranking  # tries the processor out
    batches.clear()
    score_by_user(recommender, everyone)
    assert sum(check(batch, everyone.interactions, served=True) for _, batch in batches) >= len(everyone.interactions)
    (last,) = [int(time) for time in log.time[[log.user_ptr[1] - 1]]]
    batches.clear()
    events = slice(log.user_ptr[0], log.user_ptr[1])
    given = {
        "times": log.time[events].tolist(),
        "context": {name: values[events].tolist() for name, values in log.context.items()},
    }
    items = recommender.catalog.item_ids[log.item[events]].tolist()
    assert recommender.recommend(items, 2, **given)
    assert recommender.recommend(items, 2, **given, at=last + 60, query_context={"mark": 7.0})
    check(batches[0][1], log, served=True)
    assert batches[0][1].query_time[0] == last
    assert batches[1][1].query_time[0] == last + 60
    length = len(items) - 1
    assert batches[1][1].target_times[0, length] == last + 60
    assert batches[1][1].target_context["mark"][0, length] == 7
    assert batches[1][1].target_context["half"][0, length].isnan()


def test_a_table_that_is_scored_brings_times_and_context(category, reads, batches):
    reads("context")
    run = train(category, config(), "one").run
    recommender = Recommender.load(run)
    known = set(recommender.catalog.item_ids.tolist())
    table = events().filter(pl.col("item").is_in(known))
    _ = recommender.ranking
    batches.clear()
    score_by_user(recommender, table)
    marks = {row["mark"]: row for row in table.iter_rows(named=True)}
    seen = 0
    for _, batch in batches:
        for (_, item, time, mark, _half), _, _ in steps(batch):
            row = marks[mark]
            assert (recommender.catalog.item_ids[item], time) == (row["item"], row["time"])
            seen += 1
    assert seen >= len(table)
    with pytest.raises(DataError, match="reads the context column 'half', which is missing"):
        score_by_user(recommender, table.drop("half"))
    with pytest.raises(DataError, match=r"the log, row 3: column 'half' is 'much'; a context column holds numbers"):
        score_by_user(recommender, table.with_columns(half=pl.Series(["1.5", None, "much", *["2"] * (len(table) - 3)])))
    with pytest.raises(DataError, match="reads the context column 'mark'; give its values"):
        recommender.recommend(["i01"])


def test_models_that_read_no_context_are_what_they_were_without_it(category, batches):
    run = train(category, config(), "with").run
    assert not run.inputs.exists()
    assert all(batch.context == {} == batch.target_context for _, batch in batches)
    dataset = load_dataset(category)
    save_dataset(category, replace(dataset, interactions=dataset.interactions.with_context(())))
    plain = train(category, config(), "without").run
    assert plain.fingerprint() == run.fingerprint()
    assert plain.weights.read_bytes() == run.weights.read_bytes()
    assert plain.made_of_file.read_bytes() == run.made_of_file.read_bytes()


def test_context_is_part_of_the_identity_of_a_run_that_reads_it(category, reads):
    reads("context")
    run = train(category, config(), "one").run
    assert train(category, config(), "one").reused
    dataset = load_dataset(category)
    marks = dataset.interactions.context["mark"].copy()
    marks[0] += 1
    context = dataset.interactions.context | {"mark": marks}
    save_dataset(category, replace(dataset, interactions=replace(dataset.interactions, context=context)))
    assert load_inputs(category, config()).extras_hash
    with pytest.raises(RunError, match="exists with another configuration or other data"):
        train(category, config(), "one")
    kept = len(list((run.path / "evaluations").glob("*.safetensors")))
    evaluate_runs([run])
    assert len(list((run.path / "evaluations").glob("*.safetensors"))) == kept + 1  # ranked anew


@pytest.mark.parametrize("split", [LeaveOneOut(), UserHoldout(valid=0.2, test=0.3)])
def test_no_history_sees_the_time_or_context_of_its_future(category, split):
    before = open_split(category, split)
    log, partition = before.interactions, before.partition
    later = np.zeros(len(log), dtype=bool)
    later[partition.test.events(log)] = True
    changed = replace(
        log,
        time=np.where(later, log.time + 1_000_000, log.time),
        context={name: np.where(later, -1.0, values) for name, values in log.context.items()},
    )
    for prefixes in (False, True):
        one, two = (training_sequences(which, partition, 50, prefixes) for which in (log, changed))
        same(one, two, with_targets=True)
    same(*(target_sequences(which, partition.valid, 50) for which in (log, changed)), with_targets=True)
    first = partition.test.select(np.unique(partition.test.user, return_index=True)[1])
    same(*(target_sequences(which, first, 50) for which in (log, changed)), with_targets=False)


def same(one, two, *, with_targets):
    assert one.items.tolist() == two.items.tolist()
    assert one.times.tolist() == two.times.tolist()
    for name, values in one.context.items():
        np.testing.assert_array_equal(values, two.context[name])
    if with_targets and one.target is not None:
        assert one.target_time.tolist() == two.target_time.tolist()
        for name, values in one.target_context.items():
            np.testing.assert_array_equal(values, two.target_context[name])


def test_inputs_carry_the_configuration_as_the_run_keeps_it(category):
    asked = config()
    inputs = load_inputs(category, asked)
    assert "hr@50" in asked.evaluation.metrics
    assert "hr@50" not in inputs.config.evaluation.metrics  # the catalog is smaller than that
    run = train(category, asked, "one").run
    assert run.config() == inputs.config
    assert run.fingerprint() == inputs.fingerprint
    again = load_inputs(category, inputs.config)
    assert (again.config, again.fingerprint) == (inputs.config, inputs.fingerprint)


@pytest.mark.parametrize(("learn_from", "left_out"), [("train", 2), ("train+validation", 1)])
def test_relations_are_counted_from_training_events_alone(category, reads, learn_from, left_out):
    reads("relations")
    asked = config(**{"training.learn_from": learn_from})
    inputs = load_inputs(category, asked)
    log, relations = inputs.dataset.interactions, inputs.extras.relations
    training = set()
    for user in range(log.n_users):
        history = (log.history(user)[:-left_out] + 1).tolist()
        training |= {
            (head, tail)
            for place, (head, tail) in enumerate(pairwise(history))
            if head not in history[:place] and head != tail
        }
    assert set(zip(*(ids.tolist() for ids in relations.pairs("next")), strict=True)) == training
    item = log.item.copy()
    last = log.user_ptr[1:] - 1
    item[last] = np.random.default_rng(0).permutation(item[last])
    save_dataset(category, replace(inputs.dataset, interactions=replace(log, item=item)))
    again = load_inputs(category, asked).extras
    assert again.extras_fingerprint == inputs.extras.extras_fingerprint


def test_a_run_keeps_what_its_model_reads_of_the_catalog(category, reads, tmp_path, monkeypatch):
    reads("relations", "attributes")
    monkeypatch.setattr(EmbRecConfig, "relations", ("next:most=3", "also"), raising=False)
    run = train(category, config(), "one").run
    given = load_inputs(category, config()).catalog
    assert given.relations.names == ("next:most=3", "also")
    names = {check.name for check in run.read_leaks().checks}
    assert any("also" in name for name in names)
    assert sorted(given.attributes) == ["also", "price"]
    np.testing.assert_array_equal(given.attributes["price"][1:6], [0, 1, 2, np.nan, 4])
    built = []
    monkeypatch.setattr("embrec.runs.model.build_model", lambda model, inputs: built.append(inputs) or 1 / 0)
    alone = RunFolder(tmp_path / "elsewhere")
    shutil.copytree(run.path, alone.path)
    shutil.rmtree(category.path)
    with pytest.raises(ZeroDivisionError):
        load_model(alone)
    (kept,) = built
    assert kept.extras_fingerprint == given.extras_fingerprint
    assert torch.equal(kept.known, given.known)
    assert kept.relations.counts == given.relations.counts
    assert kept.vocabularies == given.vocabularies
    alone.inputs.write_bytes(alone.inputs.read_bytes()[:-8])
    with pytest.raises(RunError, match=r"inputs.safetensors is damaged"):
        load_extras(alone)


def test_trials_share_what_a_model_reads(category, reads, batches, tmp_path):
    reads("relations", "context")
    space = {"training.learning_rate": {"log-uniform": [0.001, 0.1]}}
    base = config(**{"training.epochs": 1})
    _, shared = prepare(category, SearchConfig(base=base, space=space, samples=1, seeds=()))
    assert shared.inputs.relations.counts["next"]
    TrialTraining(shared, {"training.learning_rate": 0.01}, tmp_path / "trial.pt").step()
    log = load_dataset(category).interactions
    assert sum(check(batch, log) for training, batch in batches if training) > N_USERS
