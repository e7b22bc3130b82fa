"""Training from several seeds, as a user runs it."""

import pytest

from embrec.evaluation.statistics import mean_interval

TRAINING = ("train", "--category", "shop", "--source", "id", "--epochs", "2", "--batch-size", "16", "--run", "many")


def test_several_seeds_make_a_run_each_and_a_table_with_their_mean(shop):
    result = shop.here(*TRAINING, "--seeds", "0,3")
    values = [shop.metrics(f"many-s{seed}")["test"]["all"]["ndcg@10"] for seed in (0, 3)]
    assert values[0] != values[1]
    mean, half_width = mean_interval(values)
    lines = [line.split() for line in result.stdout.splitlines()]
    table = {line[0]: line for line in lines if line}
    assert f"{mean:.4f}" in table["mean"]
    assert f"{half_width:.4f}" in table["±,"]
    assert f"{values[1]:.4f}" in table["3"]
    again = shop.here(*TRAINING, "--seeds", "0,3,4")
    assert "finished already: many-s0, many-s3" in again.stderr
    assert len(shop.metrics("many-s4")["test"]) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--seeds", ""], "is not a whole number"),
        (["--seeds", "1,1"], "seed 1 is given twice"),
        (["--seeds", "a"], "'a' is not a whole number"),
        (["--seeds", "1", "--seed", "2"], "give one of both"),
    ],
)
def test_bad_seeds_are_refused_in_one_line(shop, options, message):
    code, errors = shop.invoke(*TRAINING, *options)
    assert code == 2
    assert message in errors
    assert len(errors.strip().splitlines()) == 1


def test_a_setting_that_does_not_fit_the_model_leaves_its_name_free(shop):
    wrong = (*TRAINING, "--run", "mended", "--set")
    code, errors = shop.invoke(*wrong, "training.l2={item: 0.1}")
    assert code == 2
    assert "the model has no part 'item'; did you mean 'items'? there are: residual, items, items.weight" in errors
    assert not shop.run_folder("mended").exists()
    assert shop.invoke(*wrong, "training.l2={items: 0.1}")[0] == 0
