"""The section on the search: text and figures for trials of every kind, and notes if its folder is missing."""

import re
import shutil
from contextlib import contextmanager
from importlib.resources import files

import numpy as np
import pytest
from support.categories import toy_category, toy_run
from support.colours import contrast
from support.pages import Page
from support.searches import drawn_settings, made_trial, search_config, some_trials, write_search

from embrec.data.splits import LeaveOneOut
from embrec.report.page import search_figures
from embrec.report.page.build import build_report
from embrec.report.page.context import Search, read_run, read_search
from embrec.report.page.search import range_words, search_section
from embrec.tuning.space import Space

SPACE = {
    "training.learning_rate": {"log-uniform": [1e-4, 1e-1]},
    "model.dropout": {"uniform": [0, 0.5]},
    "training.negatives": {"choice": ["all", {"log-integer": [8, 1024]}]},
}
BASE = Space.parse(SPACE).values_of(search_config(SPACE).base)
CONFIG = search_config(SPACE, epochs=9, start=(BASE,), samples=14)
HOSTILE = "<script>alert(1)</script> & more " + "words " * 100


def section(trials, config=CONFIG):
    return search_section(Search("tuned", config, {trial.number: trial for trial in trials}, ("one",))).content


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run whose settings came from a search."""
    run = toy_run(toy_category(tmp_path_factory.mktemp("search")), LeaveOneOut(), "one")
    run.search_file.write_text("tuned\n")
    write_search(run.category, "tuned", CONFIG, some_trials(CONFIG, error=HOSTILE))
    return run


@contextmanager
def named(run, name):
    """While the run says that its settings come from another search."""
    run.search_file.write_text(f"{name}\n")
    yield
    run.search_file.write_text("tuned\n")


def report(run, tmp_path):
    return Page(build_report([run], tmp_path / "report.html").read_text(encoding="utf-8"))


def test_a_page_shows_the_search_that_its_run_came_from(run, tmp_path):
    page = report(run, tmp_path)
    assert page.errors == []
    assert "#search" in [attributes.get("href") for attributes in page.all("a")]
    for words in (
        "14 trials of at most 9 epochs searched 3 settings for the best validation HR@10; trial 4 won with 0.3000, in epoch 9. "
        "The settings of one come from this search, tuned.",
        "The default settings, trial 1, reached 0.2000: the best trial is 50.0 % better.",
        "The best of 13 validation values is optimistic, because it was selected",
        "1 trial had not ended when this page was made",
        "epochs saved 16 % 93 trained of 111",
        "compared after 1 and 3 epochs",
        "The best 10 of 13 trials",
        "Trials that failed",
        "What was searched, and what won",
        "all; 8 to 1024, logarithmic",
    ):
        assert words in page.said, words
    assert page.all("script") == []
    assert "<script>alert(1)</script> & more words" in page.said
    assert HOSTILE.strip() not in page.said  # cut
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    figures = [one for one in page.all("svg") if one.get("role") == "img"]
    assert len(page.all("desc")) == len(figures)


def test_a_page_of_a_run_without_a_search_says_nothing_of_one(run, tmp_path):
    other = toy_run(run.category, LeaveOneOut(), "untuned")
    page = report(other, tmp_path)
    assert page.errors == []
    assert "search" not in page.said.lower()


def spoil_text(name, before, after):
    return lambda folder: (folder / name).write_text((folder / name).read_text().replace(before, after))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (shutil.rmtree, "the category has no search spoiled any more."),
        (spoil_text("trials.jsonl", "sitting", '"'), "trials.jsonl, line 1 is damaged; delete the line"),
        (lambda folder: (folder / "search.yaml").write_bytes(b"\xff\xfe: ["), "spoiled cannot be read ("),
        (spoil_text("search.yaml", "samples: 14", "samples: no"), "search.yaml: "),
        (spoil_text("search.yaml", "model.dropout", "model.blend"), "its trials have other settings than "),
    ],
    ids=["gone", "damaged log", "no text", "no search", "other settings"],
)
def test_a_search_that_is_gone_or_damaged_is_left_out_with_a_note(run, spoil, said):
    folder = write_search(run.category, "spoiled", CONFIG, some_trials(CONFIG))
    with named(run, "spoiled"):
        assert read_search([read_run(run)])[1] == []
        spoil(folder.path)
        search, (note,) = read_search([read_run(run)])
    shutil.rmtree(folder.path, ignore_errors=True)
    assert search is None
    assert note.startswith("The search that found the settings of one is left out: ")
    assert said in note


def test_a_name_that_leads_elsewhere_is_no_search(run):
    with named(run, "../tuned"):
        search, (note,) = read_search([read_run(run)])
    assert search is None
    assert "is left out: " in note


def test_a_page_without_its_search_is_made_all_the_same(run, tmp_path):
    with named(run, "nothing"):
        page = report(run, tmp_path)
    assert page.errors == []
    assert "The search that found the settings of one is left out: the category has no search nothing" in page.said
    assert "#search" not in [attributes.get("href") for attributes in page.all("a")]


def test_a_search_that_nobody_won_is_shown():
    failed = [made_trial(CONFIG, number, BASE, [], "failed", error="no memory") for number in (1, 2)]
    found = section(failed)
    assert found["lead"].endswith("for the best validation HR@10; none has a value.")
    assert found["best"] is None
    assert found["parallel"] is None
    assert [row[1].text for row in found["failed"].rows] == ["no memory", "no memory"]
    assert "no trial has a value" in found["settings"].note


def test_a_search_without_trials_is_shown():
    found = section([])
    assert (found["panels"], found["parallel"], found["best"], found["failed"]) == (None, None, None, None)


def test_the_default_settings_are_compared_only_where_they_were_tried():
    trials = some_trials(CONFIG)[:7]  # too few for importances, which take their time
    assert "No trial beat the default settings, trial 1." in section(trials[:1])["findings"]
    without = search_config(SPACE, epochs=9)
    assert section(trials, without)["findings"][0].startswith("The default settings were not among the trials")
    failed = made_trial(CONFIG, 1, BASE, [], "failed", error="x")
    assert (
        section([failed, *trials[1:]])["findings"][0] == "The default settings, trial 1, have no value to compare with."
    )
    stopped = made_trial(CONFIG, 1, BASE, [0.1], "stopped")
    assert "trial 1, which was stopped after 1 epoch, reached 0.1000" in section([stopped, *trials[1:]])["findings"][0]


def test_of_a_metric_of_which_less_is_better_the_least_wins():
    config = search_config(SPACE, epochs=9, objective="rank")
    trials = [made_trial(config, number, BASE, [value]) for number, value in ((1, 9.0), (2, 3.0), (3, 5.0))]
    found = section(trials, config)
    assert "trial 2 won with 3.0000" in found["lead"]
    assert [row[0].text for row in found["best"].rows] == ["2", "3", "1"]


def test_importance_is_drawn_where_it_is_known_and_its_noise_is_named():
    generator = np.random.default_rng(1)
    settings = [drawn_settings(CONFIG, generator) for _ in range(40)]
    by_dropout = [made_trial(CONFIG, n, one, [one["model.dropout"]]) for n, one in enumerate(settings, start=1)]
    found = section(by_dropout)
    assert [figure.title for figure in found["panels"].figures][-1] == "Importance of settings"
    assert any(words.startswith("Most was decided by dropout: ") for words in found["findings"])
    by_chance = [made_trial(CONFIG, n, one, [generator.normal()]) for n, one in enumerate(settings, start=1)]
    found = section(by_chance)
    assert not any("Most was decided" in words for words in found["findings"])
    assert any("more trials are needed" in words for words in found["findings"])
    few = section(by_dropout[:4])
    assert len(few["panels"].figures) == 2


def test_the_figures_say_what_is_seen():
    descriptions = [
        re.search("<desc[^>]*>(.*)</desc>", figure.svg)[1] for figure in section(some_trials(CONFIG))["panels"].figures
    ]
    assert descriptions[0] == (
        "The value of 14 trials in their order. The best so far goes from 0.2000 (trial 1) to 0.3000 (trial 4). Failed: 5."
    )
    assert descriptions[1] == (
        "Validation HR@10 of 14 trials over their epochs; 3 end early, where they were stopped. Trial 4, the best, goes from "
        "0.0333 to 0.3000."
    )


@pytest.mark.parametrize("background", ["paper", "card", "tint"])
def test_every_colour_of_the_figures_stands_out_and_is_that_of_the_legend(background):
    style = (files("embrec.report.page") / "style.css").read_text(encoding="utf-8")
    behind = re.search(rf"--{background}: (#[0-9a-f]{{6}});", style)[1]
    for name in ("best", "finished", "stopped", "failed"):
        colour = getattr(search_figures, name.upper()).lower()
        assert contrast(colour, behind) >= 3
        assert re.search(rf"\.line-{name} {{[^}}]*color: {colour};", style)


def test_ranges_are_said_in_words():
    found = {key: range_words(key, one) for key, one in Space.parse(SPACE).settings.items()}
    assert found["training.learning_rate"] == "0.0001 to 0.1, logarithmic"
    assert found["model.dropout"] == "0 to 0.5"
