"""Spaces by name and from files, and the search that a user's wishes make."""

import re

import pytest
from support.categories import toy_category
from support.searches import search_config

from embrec.errors import ConfigError
from embrec.features import defaults
from embrec.runs.presets import build_config
from embrec.tuning.categories import check_each
from embrec.tuning.folder import SearchFolder
from embrec.tuning.plan import plan_search, refuse_with_resume, resumed_search
from embrec.tuning.search import read_inputs
from embrec.tuning.spaces import SearchRequest, build_search, load_space, space_names
from embrec.workspace import Workspace

PRESETS = {
    "embrec-cross-entropy": "embrec", "embrec-bpr": "embrec-bpr", "embrec-bpr-max": "embrec-bpr-max",
    "embrec-cosine": "embrec-cosine", "gru4rec-embrec": "gru4rec-embrec",
}  # fmt: skip


def base(preset=None, **options):
    features = None if preset == "gru4rec-embrec" else ["tfidf"]
    return build_config("shop", preset=preset, options={"model.features": features} | options)


def built(config, *, items, tables=(), **wishes):
    return build_search(config, SearchRequest(**wishes), items=items, tables=tables)


def test_every_published_space_has_its_preset():
    assert set(space_names()) == set(PRESETS)


@pytest.mark.parametrize("space", PRESETS)
def test_a_published_space_fits_its_preset_and_begins_with_it(space):
    config = base(PRESETS[space])
    search = built(config, space=space, items=5000)
    assert search.start[0]["training.learning_rate"] == config.training.learning_rate
    assert search.samples == 100
    assert search.objective == load_space(space).objective


def test_the_space_of_cross_entropy_begins_with_the_published_best_settings():
    search = built(base("embrec"), space="embrec-cross-entropy", items=5000)
    rates = {(point["training.learning_rate"], point["model.dropout"]) for point in search.start}
    # Table 3, keep probabilities 0.8541 (Automotive) and 0.7142 (Office).
    assert {(2.34e-4, 0.1459), (4.55e-4, 0.2858)} <= rates
    assert len(search.start) == 7  # the preset itself is that of Office
    assert search.parsed_space().plain()["model.dropout"] == {"uniform": [0.0, 0.5]}


def test_a_cold_start_has_no_points():
    assert built(base("embrec"), space="embrec-cross-entropy", items=5000, warm=False).start == ()


def test_drawn_negatives_end_at_the_number_of_items_and_stay_away_where_there_are_few():
    many = built(base("embrec-bpr"), space="embrec-bpr", items=5000)
    assert many.space["training.negatives"] == {"choice": ["all", {"integer": [1000, 5000]}]}
    few = built(base("embrec-bpr"), space="embrec-bpr", items=900)
    assert few.space["training.negatives"] == {"choice": ["all"]}


def test_published_spaces_choose_among_several_tables():
    search = built(base("embrec"), space="embrec-cross-entropy", tables=["tfidf", "minilm"], items=5000)
    assert search.space["model.features"] == {"choice": [["tfidf"], ["minilm"], ["tfidf", "minilm"]]}


def write(folder, text):
    path = folder / "space.yaml"
    path.write_text(text)
    return str(path)


def test_a_users_space_and_its_points(tmp_path):
    path = write(
        tmp_path,
        "vary:\n  training.learning_rate: {log-uniform: [1e-5, 1e-2]}\n  model.units: {choice: [64, 128]}\n"
        "start:\n  - {training.learning_rate: 1e-4}\nobjective: auc\nsamples: 7\nepochs: 8\ngrace: 2\n",
    )
    search = built(base(), space=path, items=50)
    assert search.start == (
        {"training.learning_rate": 1e-3, "model.units": 128},
        {"training.learning_rate": 1e-4, "model.units": 128},
    )
    assert (search.objective, search.samples, search.epochs, search.halving.grace) == ("auc", 7, 8, 2)
    given = built(base(), space=path, items=50, objective="ndcg@10", samples=3, epochs=5, grace=1, reduction=2)
    assert (given.objective, given.samples, given.epochs) == ("ndcg@10", 3, 5)
    assert (given.halving.grace, given.halving.reduction) == (1, 2)


def test_a_space_without_the_configuration_itself_says_why(tmp_path):
    path = write(tmp_path, "vary:\n  model.dropout: {uniform: [0.3, 0.5]}\n")
    search = built(base(), space=path, items=50)
    assert search.start == ()
    assert search.why_not_the_base() == "model.dropout = 0.2 is not within {'uniform': [0.3, 0.5]}"
    assert built(base(), items=50).why_not_the_base() is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "vary:\n  model.units: {choice: [64]}\nstart:\n  - {model.units: 65}\n",
            "starting point 1 .* model.units = 65 is not",
        ),
        (
            "vary:\n  model.units: {choice: [64]}\nstart:\n  - {model.dim: 65}\n",
            "starting point 1 .* sets model.dim, which the space does not vary",
        ),
        ("vary:\n  model.unit: {choice: [64]}\n", "unknown setting 'model.unit'"),
        ("vary:\n  model.units: {choice: [64]}\nsample: 3\n", "unknown key 'sample'; did you mean 'samples'"),
        ("vary:\n  model.units: {choice: [64]}\nsamples: many\n", "samples is 'many'"),
        ("vary: {}\n", "space is empty"),
        ("model.units: {choice: [64]}\n", "no part 'vary'"),
        ("vary: [\n", "line 2 is not YAML"),
        ("vary:\n  training.negatives: {choice: [all, {integer: [items]}]}\n", "training.negatives: .*two bounds"),
        ("vary:\n  training.negatives: {choice: [all, {integer: [few, items]}]}\n", "bound 'few' is not a number"),
        ("vary:\n  training.negatives: {choice: [{integer: [1, items], or: 2}]}\n", "training.negatives"),
        (f"vary:\n  model.units: {{integer: [1, {'9' * 400}]}}\n", "model.units: a bound is too large"),
        ("vary:\n  model.kind: {choice: [embrec, sasrec]}\n", "model.kind: it cannot be searched; each kind has"),
    ],
)
def test_a_file_that_is_no_space_is_refused(tmp_path, text, message):
    with pytest.raises(ConfigError, match=message):
        built(base(), space=write(tmp_path, text), items=50)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "space.yaml").write_bytes(b"vary: {} # \xff")
    with pytest.raises(ConfigError, match=r"space.yaml is not UTF-8 text"):
        load_space(str(tmp_path / "space.yaml"))


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"samples": 0}, "samples is 0"),
        ({"epochs": 0}, "training.epochs"),
        ({"grace": 99}, "grace is 99 epochs, but a trial has only 30"),
        ({"reduction": 1}, "^reduction is 1"),
        ({"algorithm": "bayes"}, "'tpe' or 'random'"),
        ({"space": "nowhere"}, "unknown space 'nowhere'; there are: default, embrec-bpr.*, or the path of a YAML file"),
    ],
)
def test_a_search_that_makes_no_sense_is_refused(wishes, message):
    with pytest.raises(ConfigError, match=message):
        built(base(), items=50, **wishes)


def test_a_search_is_planned_from_what_the_category_has(tmp_path, monkeypatch):
    category = toy_category(tmp_path)
    plan = plan_search(category, options={"model.source": "id", "training.loss": "bpr-max"}, samples=3)
    assert plan.name == "tuned-id-bpr-max"
    assert "training.loss.regularization" in plan.config.space
    fixed = plan_search(
        category, options={"model.source": "id", "training.learning_rate": None}, settings=["model.dropout=0.1"]
    )
    assert "model.dropout" not in fixed.config.space
    assert "training.learning_rate" in fixed.config.space
    told: list[str] = []
    monkeypatch.setattr(defaults, "_installed", lambda _: False)
    built = plan_search(category, on_choice=told.append)
    assert (built.name, built.config.base.model.features) == ("tuned-content-tfidf", ("tfidf",))
    assert told[0].startswith("no feature table fits leave-one-out; building tfidf for the texts (title)")
    whole = plan_search(
        category, options={"model.source": "id"}, settings=["training.loss={name: bpr-max, regularization: 0.5}"]
    )
    assert "training.loss.regularization" not in whole.config.space
    # A model of identities by a free setting is one too.
    assert plan_search(category, settings=["model.kind=sasrec"]).config.base.model.source == "id"


def test_a_search_goes_on_on_the_device_that_is_there(tmp_path):
    category = toy_category(tmp_path)
    plan = plan_search(category, options={"model.source": "id", "training.device": "cuda"}, samples=3)
    SearchFolder(category.searches / "one").begin(plan.config, "data")
    resumed = resumed_search("one", Workspace(tmp_path), {"samples": 5}, device="cpu")
    assert (resumed.config.base.training.device, resumed.config.samples) == ("cpu", 5)
    as_begun = plan.config.model_copy(update={"random_first": plan.config.chance})
    assert resumed_search("one", Workspace(tmp_path)).config == as_begun


def test_a_published_space_brings_its_preset(tmp_path):
    category = toy_category(tmp_path)
    plan = plan_search(category, space="gru4rec-embrec")
    assert plan.config.base.model.cell == "published"
    assert plan.config.base.model.source == "id"
    bpr = plan_search(category, space="embrec-bpr", features=["tfidf"])
    assert bpr.config.base.training.loss.name == "bpr"
    other = plan_search(category, space="embrec-bpr", preset="embrec-bpr-max", features=["tfidf"])
    assert other.config.base.training.loss.name == "bpr-max"


def test_a_resumed_search_takes_no_other_wishes():
    refuse_with_resume({"resume": "one", "samples": 9, "seeds": "0", "loss": None, "every": False})
    with pytest.raises(ConfigError, match="leave out --set, or begin another"):
        refuse_with_resume({"resume": "one", "setting": ["model.dim=3"]})


def test_a_mistake_in_the_last_of_several_searches_is_found_before_the_first_begins(tmp_path):
    categories = [toy_category(tmp_path / name) for name in ("one", "two")]
    fine, wrong = (plan_search(one, options={"model.source": "id"}, name="both") for one in categories)
    wrong = wrong._replace(config=search_config(fine.config.space, objective="hr@50"))
    check_each([fine])
    with pytest.raises(ConfigError, match=r"toys: the objective is 'hr@50', but .* \(no search was begun\)"):
        check_each([fine, wrong])
    assert not list(tmp_path.glob("*/*/searches/*/*"))


def begin(plan, name):
    """Leave the folder of a search as `tune` leaves it once a trial was begun."""
    prepared = read_inputs(plan.category, plan.config)
    folder = SearchFolder(plan.category.searches / name)
    folder.begin(prepared.config, prepared.fingerprint)
    folder.log_file.write_text('{"trial": 1, "point": {}, "settings": {}}\n')
    return prepared


def test_a_search_has_a_short_name_that_always_means_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(defaults, "_installed", lambda _: False)
    category = toy_category(tmp_path)
    wishes = {"options": {"training.loss": "bpr-max"}, "samples": 3}
    plan = plan_search(category, **wishes)
    assert plan.name == "tuned-content-tfidf-bpr-max"
    begin(plan, plan.name)
    assert plan_search(category, **wishes).name == plan.name
    assert plan_search(category, **wishes | {"samples": 9}).name == plan.name  # more trials are the same search
    other = plan_search(category, **wishes, epochs=9)
    assert re.fullmatch(r"tuned-content-tfidf-bpr-max-[0-9a-f]{8}", other.name)
    begin(other, other.name)
    assert plan_search(category, **wishes, epochs=9).name == other.name
    assert plan_search(category, **wishes).name == plan.name


def test_a_search_that_was_begun_under_the_whole_name_of_its_table_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(defaults, "_installed", lambda _: False)
    category = toy_category(tmp_path)
    plan = plan_search(category, samples=3)
    stem = begin(plan, "elsewhere").config.base.model.features[0]
    begin(plan, f"tuned-content-{stem}")
    assert plan_search(category, samples=3).name == f"tuned-content-{stem}"


def test_what_is_wrong_with_a_search_is_said_before_a_table_is_built(tmp_path):
    category = toy_category(tmp_path)
    for wishes, message in (
        ({"objective": "ndgc@10"}, "unknown metric 'ndgc@10'; did you mean 'ndcg@10'"),
        ({"objective": "hr@50"}, "there are only 40 items"),
        ({"name": "../mine"}, "search '../mine' is not a usable name"),
        ({"options": {"training.device": "cuda:99"}}, "is not there"),
        ({"options": {"training.negatives.count": 500}}, "only 40 training items"),
        ({"settings": ["model.dims=3"]}, "did you mean 'model.dim'"),
    ):
        with pytest.raises(ConfigError, match=re.escape(message)):
            plan_search(category, **wishes)
    assert not category.features.exists()
