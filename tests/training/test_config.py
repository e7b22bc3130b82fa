"""A wrong setting is one line that names the key, the value and what is allowed; a right one builds what it says."""

import pytest

from embrec.errors import ConfigError
from embrec.models.losses.bpr_max import BprMax
from embrec.models.losses.cross_entropy import CrossEntropy
from embrec.models.negatives import Negatives
from embrec.models.zoo.sasrec import SASRecConfig
from embrec.runs.presets import build_config

ID = "model.source=id"
SASREC = "model.kind=sasrec"
CONTENT = "model.features=[tfidf, lsa]"
COSINE = ("training.loss=cosine", "model.features=tfidf", "model.fc=false")
LOSSES = "cross-entropy, sampled-softmax, bpr, bpr-max, top1, top1-max, bce, gbce, cosine"

WRONG = {
    "count no number": (
        [ID, "training.negatives.count=x"],
        "'training.negatives.count' is 'x': Input should be 'all' or",
    ),
    "count below zero": ([ID, "training.negatives=-3"], "'training.negatives.count' is -3"),
    "count a fraction": ([ID, "training.negatives=2.5"], "'training.negatives.count' is 2.5"),
    "negatives a list": (
        [ID, "training.negatives=[3]"],
        "'training.negatives' is [3]; it takes settings: count, alpha",
    ),
    "unknown in negatives": (
        [ID, "training.negatives.cuont=3"],
        "'training.negatives.cuont'; did you mean 'training.neg",
    ),
    "nothing to rank": ([ID, "training.negatives=0"], "training.negatives: 0 negatives leave nothing to rank against"),
    "alpha with all": ([ID, "training.negatives.alpha=1"], "training.negatives: alpha is for sampled negatives"),
    "in-batch by row": (
        [ID, "training.negatives={count: 8, in_batch: true, share: row}"],
        "in_batch negatives are shared by the batch, so share cannot be row",
    ),
    "unknown loss": ([ID, "training.loss=foo"], f"'training.loss' is 'foo'; there are: {LOSSES}"),
    "loss a number": ([ID, "training.loss=3"], f"'training.loss' is 3; it takes one of: {LOSSES}"),
    "parameter of no loss": ([ID, "training.loss.elu=1"], "'training.loss' has no name; set training.loss to one of"),
    "parameter out of range": (
        [ID, "training.loss=bpr-max", "training.loss.regularization=-1"],
        "'training.loss.regularization' is -1: Input should be greater than or equal to 0",
    ),
    "parameter of another loss": (
        [ID, "training.loss=bpr", "training.loss.elu=1"],
        "'training.loss.elu'; there are: name",
    ),
    "gbce with all": ([ID, "training.loss=gbce"], "loss gbce needs sampled negatives; give a number"),
    "sampled softmax with all": ([ID, "training.loss=sampled-softmax"], "loss sampled-softmax needs sampled negatives"),
    "cosine with negatives": ([*COSINE, "training.negatives=5"], "loss cosine has no negatives"),
    "cosine of identities": ([ID, "training.loss=cosine"], "set model.source content and model.fc false"),
    "cosine with layers": ([*COSINE[:2]], "set model.source content and model.fc false"),
    "cosine by product": ([*COSINE, "model.metric=dot"], "model.metric must be cosine"),
    "cosine with a bias": (
        [*COSINE, "model.metric=cosine", "model.kind=gru4rec"],
        "set model.item_bias false",
    ),
    "unknown model": (["model.kind=foo"], "'model.kind' is 'foo'; there are: embrec, sasrec, gru4rec"),
    "setting of another model": ([ID, "model.layers=2"], "unknown setting 'model.layers'; there are: source, features"),
    "wrong in a model": ([SASREC, "model.layers=two"], "'model.layers' is 'two': Input should be a valid integer"),
    "features of identities": ([ID, "model.features=tfidf"], "leave them out, or set source content or hybrid"),
    "dropout of no features": ([ID, "model.feature_dropout=0.1"], "feature_dropout is for features with fc"),
    "heads": ([SASREC, "model.heads=3"], "3 heads do not divide item vectors of length 256"),
    "heads of two sources": (
        [SASREC, CONTENT, "model.dim=10", "model.heads=3"],
        "3 heads do not divide item vectors of length 20; change heads or dim",
    ),
    "schedule": (
        [ID, "training.schedule.warm_up=x"],
        "'training.schedule.warm_up' is 'x': Input should be a valid integer",
    ),
    "unknown schedule": (
        [ID, "training.schedule=foo"],
        "'training.schedule.name' is 'foo': Input should be 'constant' or",
    ),
    "schedule a number": ([ID, "training.schedule=3"], "'training.schedule' is 3; it takes settings: name, warm_up"),
    "part of a penalty": ([ID, "training.l2.items.weight=-1"], "'training.l2.items.weight' is -1"),
    "unknown split": (
        [ID, "split.kind=foo"],
        "'split.kind' is 'foo'; there are: leave-one-out, per-user-ratio, user-holdout, global-time, item-holdout",
    ),
    "split without a kind": ([ID, "split.seed=1"], "'split' has no kind; set split.kind to one of"),
    "unknown section": (
        [ID, "trainer.epochs=1"],
        "unknown setting 'trainer'; did you mean 'training'? there are: category, ",
    ),
}


@pytest.mark.parametrize(("settings", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_setting_is_one_clear_line(settings, message):
    with pytest.raises(ConfigError) as caught:
        build_config("shop", settings=settings)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_heads_are_held_against_frozen_vectors_as_soon_as_these_are_known():
    model = SASRecConfig(features=("lsa", "tfidf"), fc=False, heads=4)
    model.check([100, 28])
    with pytest.raises(ConfigError, match="4 heads do not divide item vectors of length 130"):
        model.check([100, 30])


def test_two_sources_may_have_heads_that_divide_both_together_only():
    assert build_config("shop", settings=[SASREC, CONTENT, "model.dim=10", "model.heads=4"]).model.heads == 4


def test_more_negatives_than_items_are_refused():
    Negatives(count=40).check(40)
    Negatives().check(1)
    with pytest.raises(
        ConfigError, match=r"count is 41, .* only 40 training items; .*`training\.negatives\.count='all'`"
    ):
        Negatives(count=41).check(40)


@pytest.mark.parametrize("kind", ["embrec", "sasrec", "gru4rec"])
def test_features_mean_content_where_no_source_is_named(kind):
    def source(*settings):
        return build_config("shop", options={"model.kind": kind}, settings=settings).model.source

    assert source("model.features=tfidf") == "content"
    assert source("model.features=tfidf", "model.source=hybrid") == "hybrid"
    if kind != "embrec":
        assert source() == "id"


def test_a_bare_name_takes_parameters():
    training = build_config(
        "shop",
        options={"training.loss": "bpr-max", "training.negatives": 32},
        settings=[ID, "training.loss.elu=0.5", "training.negatives.in_batch=true", "training.l2.items.weight=1.0e-6"],
    ).training
    assert training.loss == BprMax(elu=0.5)
    assert training.negatives == Negatives(count=32, in_batch=True)
    assert training.l2 == {"items.weight": 1e-6}


def test_another_number_of_negatives_and_the_same_loss_keep_a_presets_parameters():
    def training(**options):
        return build_config("shop", preset="gru4rec", options={f"training.{k}": v for k, v in options.items()}).training

    preset = training()
    assert training(negatives=64).negatives == preset.negatives.model_copy(update={"count": 64})
    assert training(negatives="all", loss="cross-entropy").negatives == Negatives(exclude="target")
    assert training(loss="bpr-max").loss == preset.loss != BprMax()
    assert training(loss="cross-entropy").loss == CrossEntropy()


def test_the_preset_sasrec_is_the_yardstick():
    config = build_config("shop", preset="sasrec")
    assert (config.model.source, config.model.dim, config.model.layers, config.model.heads) == ("id", 256, 1, 1)
    assert config.training.loss == CrossEntropy()
    assert config.training.negatives == Negatives()
    assert build_config("shop", preset="sasrec", options={"model.features": ["tfidf"]}).model.source == "content"


def test_the_preset_gru4rec_is_its_authors_model():
    config = build_config("shop", preset="gru4rec")
    assert (config.model.kind, config.model.item_bias, config.model.has_fc) == ("gru4rec", True, False)
    assert config.training.loss == BprMax(regularization=1.95, elu=0.5)
    assert config.training.negatives == Negatives(count=2048, alpha=0.4, in_batch=True, exclude="target")


def test_the_preset_gru4rec_embrec_is_embrec_of_identities():
    model = build_config("shop", preset="gru4rec-embrec").model
    assert (model.kind, model.source, model.has_fc, model.id_std, model.cell) == (
        "embrec",
        "id",
        True,
        1.0,
        "published",
    )
    assert not model.residual
