"""The HTML report: complete, self-contained, reproducible byte for byte, robust to odd items, with clear errors."""

import html
import json
import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from support.categories import N_ITEMS, SETTINGS, toy_config
from support.logs import toy_log
from support.pages import Page
from support.searches import some_trials, wide_search, write_search

from embrec.cli.app import main
from embrec.data.catalog import Catalog
from embrec.data.splits import GlobalTime, LeaveOneOut
from embrec.data.store import Dataset, load_dataset, save_dataset
from embrec.errors import ConfigError, RunError
from embrec.evaluation.leaks import Check, LeakReport, Status
from embrec.features.category import build_features
from embrec.report.page import data_card
from embrec.report.page.build import build_report
from embrec.report.page.items import Showcase
from embrec.runs.evaluate import protocol
from embrec.runs.folder import RunFolder
from embrec.runs.pipeline import train
from embrec.workspace import Category, Workspace

HOSTILE = '<script>alert("1")</script> <b>bold</b> "quoted" & 5 < 6'
RIGHT_TO_LEFT = "שעון יד לגברים"
ENDLESS = "extraordinarily" * 20


def shop(folder: Path, *, pictures: bool) -> Category:
    """40 articles, some with odd titles, and 60 customers who go through them in order."""
    titles: list[str | None] = [f"article {i}" for i in range(N_ITEMS)]
    titles[:4] = [HOSTILE, RIGHT_TO_LEFT, ENDLESS, None]
    columns = {"item": [f"i{i:02d}" for i in range(N_ITEMS)], "title": titles, "brand": ["a", "b"] * (N_ITEMS // 2)}
    columns["categories"] = ["Home > <img src=x onerror=alert(1)>", "Tools > Saws"] * (N_ITEMS // 2)
    if pictures:
        (folder / "images").mkdir(parents=True)
        for i in range(N_ITEMS):
            mode, colour = ("RGBA", (250, 6 * i, 0, 90)) if i % 2 else ("RGB", (6 * i, 0, 250))
            Image.new(mode, (300, 200), colour).save(folder / "images" / f"{i}.png")
        (folder / "images" / "7.png").write_bytes(b"this is no picture")
        files = [str(folder / "images" / f"{i}.png") for i in range(N_ITEMS)]
        columns["image"] = [None if i == 5 else path for i, path in enumerate(files)]
    category = Workspace(folder / "workspace").category("toys")
    save_dataset(category, Dataset(Catalog(pl.DataFrame(columns), ["title", "brand"]), toy_log(n_items=N_ITEMS)))
    return category


def content_run(category: Category, name: str, **options) -> RunFolder:
    """Train a tiny model on TF-IDF."""
    config = toy_config(**{"split": LeaveOneOut(), **options})
    (report,) = build_features(category, ["tfidf"], split=config.split)
    values = config.model_dump()
    values["model"]["features"] = (report.path.stem,)
    return train(category, type(config).model_validate(values), name).run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs on a shop with pictures, the first one's settings from a search."""
    category = shop(tmp_path_factory.mktemp("pictures"), pictures=True)
    first = content_run(category, "first")
    second = content_run(category, "second-with-a-long-name-of-many-words", epochs=2)
    checks = (
        Check("times", Status.OK, None, {}, "Fine."),
        Check("test items seen before", Status.WARNING, 0.25, {}, "A <quarter>; keep `seen='<keep>'`."),
    )
    first.leaks.write_text(json.dumps(LeakReport(checks).as_dict()))
    search = wide_search()
    write_search(category, "tuned", search, some_trials(search, 7))
    first.search_file.write_text("tuned\n")
    second.leaks.unlink()  # as of a run from before there were checks
    return [first, second]


@pytest.fixture(scope="module")
def page(runs, tmp_path_factory):
    """The report of both runs."""
    output = tmp_path_factory.mktemp("report") / "deep" / "report.html"
    build_report(runs, output, command="embrec report first second")
    return Page(output.read_text(encoding="utf-8"))


def test_a_page_is_well_formed_and_its_anchors_lead_somewhere(page):
    assert page.errors == []
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = [attributes["href"] for _, attributes in page.elements if attributes.get("href")]
    wanted += [
        f"#{name}" for _, attributes in page.elements for name in (attributes.get("aria-labelledby") or "").split()
    ]
    wanted += re.findall(r"url\((#[^)]+)\)", page.text)
    assert wanted
    assert {name.removeprefix("#") for name in wanted} <= set(ids)
    (language,) = [attributes["lang"] for attributes in page.all("html")]
    assert language == "en"
    assert len(page.all("main")) == len(page.all("nav")) == len(page.all("header")) == 1


def test_a_page_loads_nothing_from_elsewhere(page):
    assert not re.search(r"https?:|//[a-z]|@import|<script|<link|<iframe|javascript:", page.text)
    assert all(attributes["src"].startswith("data:image/jpeg;base64,") for attributes in page.all("img"))


def test_a_page_can_be_read_without_seeing_it(page):
    images, figures = page.all("img"), [one for one in page.all("svg") if one.get("role") == "img"]
    assert images
    assert all(attributes["alt"] for attributes in images)
    assert len(figures) >= 8
    assert len(page.all("title")) == len(figures) + 1
    assert len(page.all("desc")) == len(figures)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(attributes.get("scope") for attributes in page.all("th"))


def test_a_page_says_what_was_measured_and_how(page):
    for words in (
        "2 runs and 3 baselines rank 60 test targets, each among the 40 items of the catalog.",
        "leave-one-out. Each user's last event is the test target",
        "All 40 items of the catalog, new ones included; no sample of them.",
        "Items that the user had before are left out",
        "Popularity lists the items with the most training events",
        "The Markov chain lists what most often came right after the last item",
        "against the best baseline",
        "markov, which only counts what followed the last item, is better: NDCG@10",
        "A baseline is also better by",
        "embrec report first second",
        "Read the leak checks before the numbers: test items seen before.",
        "! warning test items seen before 25.0 % A <quarter>; keep",
        "✓ ok times Fine.",
        "second-with-a-long-name-of-many-words has no record of leak checks",
        "By popularity of the item",
        "By events before",
        "How often lists are mostly popular items",
        "Drawn with seed 0",
        "7 trials of at most 9 epochs searched 9 settings",
        "The settings of first come from this search, tuned.",
    ):
        assert words in page.said, words


def test_the_results_are_those_of_the_run(page, runs):
    test = runs[0].read_metrics()["test"]["all"]
    for name in ("hr@10", "ndcg@10", "auc"):
        assert f"{test[name]:.4f}" in page.said


def test_code_in_the_meaning_of_a_check_is_code_of_the_page(page):
    assert "A &lt;quarter&gt;; keep <code>seen=&#39;&lt;keep&gt;&#39;</code>." in page.text


def test_what_items_are_called_is_shown_and_never_interpreted(runs, tmp_path, monkeypatch):
    monkeypatch.setattr(data_card, "SAMPLE", N_ITEMS)
    page = Page(build_report(runs, tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.errors == []
    assert page.all("script") == page.all("b") == []
    assert '"quoted" & 5 < 6' in page.said
    assert "<img src=x onerror=alert(1)>" in page.said
    assert f'dir="auto">{RIGHT_TO_LEFT}</p>' in page.text
    assert ENDLESS in page.said
    assert ">i03</p>" in page.text  # an item without a title goes by its id


def test_a_broken_or_missing_picture_leaves_a_frame_with_a_letter(runs):
    catalog = load_dataset(runs[0].category).catalog
    show = Showcase(catalog, np.arange(N_ITEMS))
    whole, missing, broken, transparent = show([6, 5, 7, 9])
    assert (whole.width, whole.height) == (120, 80)
    assert transparent.picture.startswith("data:image/jpeg")
    assert missing.picture is None
    assert broken.picture is None
    assert show.pictures == 2


def test_equal_runs_give_equal_pages(runs, page, tmp_path):
    output = build_report(runs, tmp_path / "again.html", command="embrec report first second")
    assert output.read_text(encoding="utf-8") == page.text


def test_runs_that_differ_in_the_seed_alone_are_one_model_at_the_top(tmp_path):
    category = shop(tmp_path, pictures=False)
    seeds = [content_run(category, "first-s0")]
    for seed in (1, 2):
        values = seeds[0].config().model_dump()
        values["training"]["seed"] = seed
        seeds.append(train(category, type(toy_config()).model_validate(values), f"first-s{seed}").run)
    other = content_run(category, "other", epochs=2)
    page = Page(build_report([*seeds, other], tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.errors == []
    values = [run.read_metrics()["test"]["all"]["hr@10"] for run in seeds]
    assert "4 runs of 2 models and 3 baselines" in page.said
    assert (
        f"first-s0, first-s1 and first-s2 are one model, first, with 3 seeds: HR@10 {np.mean(values):.4f} in the mean, "
        f"{min(values):.4f} to {max(values):.4f}."
    ) in page.said
    top = page.said[: page.said.index("How this was measured")]
    assert not re.search(r"first-s[12] (is|and|cannot|lists)", top.replace("first-s1 and first-s2 are one", ""))
    assert re.search(r"other (and first cannot be told apart|is (better|worse) than first:)", top)


def test_a_run_without_pictures_content_or_log_is_reported_all_the_same(tmp_path):
    category = shop(tmp_path, pictures=False)
    config = toy_config(split=LeaveOneOut()).model_dump()
    config["model"] |= {"source": "id", "features": ()}
    run = train(category, type(toy_config()).model_validate(config), "id").run
    run.events.unlink()
    page = Page(build_report([run], tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.errors == []
    assert page.all("img") == []
    assert page.all("body")[0]["class"] == "words-only"
    assert "No curve: id has no log of epochs" in page.said
    assert "Content kNN is left out: none of these runs reads any content." in page.said
    assert "One run and 2 baselines" in page.said


def test_ranks_among_a_sample_say_so_and_have_no_lists(runs, tmp_path):
    config = protocol(runs[0], candidates="sampled:count=9", metrics=["rank", "mrr"])
    page = Page(build_report(runs[:1], tmp_path / "report.html", config=config).read_text(encoding="utf-8"))
    assert page.errors == []
    assert "each among 10 sampled items" in page.said
    assert "Ranks among a sample flatter weak models" in page.said
    assert "They leave no lists of the whole catalog" in page.said
    assert "Targets are ranked among a sample here, so there are no lists of the whole catalog to look at" in page.said
    links = [attributes.get("href") for attributes in page.all("a")]
    assert "#lists" in links
    assert not {"#examples", "#failures"} & set(links)
    assert "fell back" not in page.said
    assert "catalog shown" not in page.said


def test_a_run_that_was_judged_by_a_sample_has_lists_where_all_items_are_asked_for(tmp_path):
    run = content_run(
        shop(tmp_path, pictures=False), "sampled", settings=[*SETTINGS, "evaluation.candidates=sampled:count=9"]
    )
    for candidates, has_lists in ((None, False), ("all", True)):
        config = protocol(run, candidates=candidates)
        page = Page(build_report([run], tmp_path / "report.html", config=config).read_text(encoding="utf-8"))
        assert page.errors == []
        assert ("Targets are ranked among a sample here" in page.said) != has_lists
        assert ("#examples" in [attributes.get("href") for attributes in page.all("a")]) == has_lists


def test_a_split_with_several_targets_a_user_is_reported(tmp_path):
    run = content_run(shop(tmp_path, pictures=False), "later", split=GlobalTime())
    page = Page(build_report([run], tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.errors == []
    assert "global-time" in page.said


def test_content_knn_is_left_out_where_its_tables_are_gone(runs, tmp_path):
    category = runs[0].category
    copy = Category("toys", tmp_path / "workspace" / "toys")
    shutil.copytree(category.path, copy.path)
    shutil.rmtree(copy.features)
    page = Page(build_report([RunFolder(copy.runs / "first")], tmp_path / "report.html").read_text(encoding="utf-8"))
    assert page.errors == []
    assert "Content kNN is left out: " in page.said


def test_runs_that_cannot_be_compared_are_refused(runs, tmp_path):
    other = content_run(runs[0].category, "other-split", split=toy_config().split)
    with pytest.raises(RunError, match="were trained on different splits"):
        build_report([runs[0], other], tmp_path / "report.html")
    elsewhere = content_run(shop(tmp_path / "elsewhere", pictures=False), "first")
    with pytest.raises(RunError, match="belong to different categories"):
        build_report([runs[0], elsewhere], tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_an_unfinished_or_damaged_run_is_refused(runs, tmp_path):
    copy = RunFolder(runs[0].category.runs / "half")
    shutil.copytree(runs[0].path, copy.path)
    for text in ("{", "[]", "{}", '{"checks": [{"name": "times", "status": "bad"}]}'):
        copy.leaks.write_text(text)
        with pytest.raises(RunError, match=r"leaks\.json is damaged; delete it"):
            build_report([copy], tmp_path / "report.html")
    copy.metrics.unlink()
    with pytest.raises(RunError, match="is not finished"):
        build_report([copy], tmp_path / "report.html")
    shutil.rmtree(copy.path)


def test_a_page_that_cannot_be_written_is_known_before_the_work(runs, tmp_path):
    with pytest.raises(ConfigError, match=r"is a folder; name the file to write, such as .*report\.html"):
        build_report(runs, tmp_path)
    with pytest.raises(ConfigError, match=r"page\.pdf .*\.html"):
        build_report(runs, tmp_path / "page.pdf")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"cannot write .* choose another folder"):
        build_report(runs, tmp_path / "file" / "report.html")


def test_the_command_says_where_the_page_is_and_refuses_in_one_line(runs, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("EMBREC_WORKSPACE", str(runs[0].category.path.parent))
    monkeypatch.delenv("EMBREC_DEBUG", raising=False)
    monkeypatch.chdir(tmp_path)

    def embrec(*arguments):
        monkeypatch.setattr("sys.argv", ["embrec", "report", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        return stop.value.code or 0, capsys.readouterr().err

    code, errors = embrec("first", "-o", "page")  # the ending is added
    assert code == 0, errors
    assert "report: page.html" in errors
    assert "embrec report first -o page" in (tmp_path / "page.html").read_text(encoding="utf-8")
    for arguments, message in (
        (("nobody",), "no run 'nobody' in the workspace"),
        (("first", "-o", tmp_path), "is a folder"),
        (("first", "-o", "page.pdf"), "page.pdf is not named .html or .htm; name it page.html"),
        (("first", "-o", "no/such/page.html"), "there is no folder no; make it first"),
        (("first", "-o", "/proc/report.html"), "cannot write /proc/report.html"),
        (("first", "--baseline", "magic"), "unknown baseline 'magic'; there are: pop, markov, content-knn"),
        (("first", "--seed", "-1"), "seed -1 is negative; use 0 or more"),
    ):
        code, errors = embrec(*arguments)
        assert code == 2
        assert message in errors.splitlines()[-1]


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to look at the page with")
@pytest.mark.parametrize("width", [390, 768, 1280])
def test_a_browser_shows_every_picture_and_need_not_scroll_sideways(page, tmp_path, width):
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<!doctype html><title>-</title><iframe id="page" style="width:{width}px;height:900px;border:0" '
        f'srcdoc="{html.escape(page.text)}"></iframe><script>onload = () => {{'
        'const shown = document.getElementById("page").contentDocument;'
        "const broken = [...shown.images].filter(image => !image.naturalWidth).length;"
        "const root = shown.documentElement;"
        "document.title = [root.scrollWidth, root.clientWidth, shown.images.length, broken].join(' '); }</script>",
        encoding="utf-8",
    )
    shown = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1400,1000",
            "--dump-dom",
            frame.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout
    needed, there, pictures, broken = map(int, re.search("<title>([0-9 ]+)</title>", shown)[1].split())
    assert needed <= there <= width
    assert (pictures > 0, broken) == (True, 0)
