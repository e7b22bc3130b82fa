"""Figures of example users: the same users as in the report, with pictures or cards."""

import json

import numpy as np
import polars as pl
import pytest
from PIL import Image
from support.categories import toy_category, toy_run

from embrec.data.catalog import Catalog
from embrec.data.splits import LeaveOneOut
from embrec.data.store import Dataset, load_dataset, save_dataset
from embrec.report.analyses.context import AnalysisContext
from embrec.report.analyses.examples import measure as examples
from embrec.report.analyses.examples.analyze import analyze_examples
from embrec.report.analyses.examples.measure import choose, tables
from embrec.report.examples import fallen_back, personalised
from embrec.report.fallback import describe_histories, fallback, popular_items
from embrec.runs.model import catalog_vectors, load_model


@pytest.fixture(scope="module")
def context(toys):
    return AnalysisContext.open(toys["last"])


def test_the_users_are_those_of_the_rules_of_the_report(context):
    log, evaluation = context.dataset.interactions, context.evaluated(keep=10)
    popular = popular_items(context.popularity)
    vectors = catalog_vectors(load_model(context.run))
    histories = describe_histories(log, evaluation.event, vectors, popular)
    back = fallback(evaluation.top.astype(np.int64) - 1, popular, histories)
    before = log.position[evaluation.event]
    found = choose(context, users=3, seed=4)
    expected = [rule(evaluation, back, before, count=3, seed=4) for rule in (personalised, fallen_back)]
    for group, choice in zip(found.groups, expected, strict=True):
        assert (group.choice.rule, group.choice.eligible) == (choice.rule, choice.eligible)
        assert [one.target for one in group.examples] == choice.targets.tolist()
        for one, popular_listed in zip(group.examples, group.popular_listed, strict=True):
            assert popular_listed == popular[evaluation.top[one.target] - 1].sum()
            history = log.history(log.user_index(one.user))
            assert one.history.tolist() == history[:-1][-5:].tolist()
            assert one.next_item == history[-1]
            assert next(iter(one.lists.values())).tolist() == (evaluation.top[one.target, :3] - 1).tolist()


def test_a_figure_of_either_kind_is_written_and_none_of_a_kind_that_nobody_is_of(toys, tmp_path, monkeypatch):
    nobody = examples.ChosenUsers("A rule", 0, np.empty(0, dtype=np.int64))
    (tmp_path / "examples-personal.png").write_bytes(b"of another seed")
    monkeypatch.setattr(examples, "personalised", lambda *_, **__: nobody)
    monkeypatch.setattr(examples, "fallen_back", lambda *_, **__: examples.ChosenUsers("Another", 9, np.array([3, 8])))
    context, found, folder = analyze_examples(toys["last"], output=tmp_path, command="it")
    assert {file.name for file in folder.iterdir()} == {"examples-popular.png", "examples-popular.svg", "examples.json"}
    assert (folder / "examples-popular.png").stat().st_size > 20_000
    assert found.notes()[0].endswith("A rule (0 such targets); there are none, so no figure")
    (table,) = tables(context, found)
    assert len(table.rows) == 2
    numbers = json.loads((folder / "examples.json").read_text())
    assert [len(group["users"]) for group in numbers["groups"]] == [0, 2]
    assert numbers["groups"][1]["users"][0]["next"].startswith("i")


def test_items_with_pictures_are_shown_by_them_and_titles_are_no_formulas(tmp_path, monkeypatch):
    category = toy_category(tmp_path)
    dataset = load_dataset(category)
    Image.new("RGBA", (50, 90), "red").save(tmp_path / "red.png")
    (tmp_path / "broken.png").write_text("no picture")
    paths = [str(tmp_path / name) if name else None for name in ("red.png", "broken.png", "gone.png", None)] * 10
    frame = dataset.catalog.frame.with_columns(pl.Series("image", paths), title=pl.lit("$5 <b>off</b> _all_ $x^2"))
    save_dataset(category, Dataset(Catalog(frame, ["title"]), dataset.interactions))
    run = toy_run(category, LeaveOneOut())
    monkeypatch.setattr(examples, "personalised", lambda *_, **__: examples.ChosenUsers("$", 60, np.arange(4)))
    context, _, folder = analyze_examples(run, output=tmp_path / "out")
    assert context.name_of(0, 60) == "$5 off _all_ $x^2"
    with Image.open(folder / "examples-personal.png") as figure:
        colours = figure.convert("RGB").getcolors(1 << 24)
    assert sum(count for count, colour in colours if colour == (255, 0, 0)) > 5_000
