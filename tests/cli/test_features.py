"""`embrec features`: what it prints, and how it refuses."""

import re
from pathlib import Path

import h5py
import numpy as np
import polars as pl
import pytest

from embrec.features import defaults
from embrec.features.table import FeatureTable


@pytest.fixture
def embrec(run):
    """Run a command beside an imported category."""
    events = {"user": [f"u{n // 6}" for n in range(60)], "item": [f"i{n % 6}" for n in range(60)]}
    pl.DataFrame({**events, "timestamp": list(range(60))}).write_csv("events.csv")
    titles = ["red scarf", "red scarf", "blue hat", "", "green hat", "blue sock"]
    items = pl.DataFrame({"item": [f"i{n}" for n in range(6)], "title": titles, "brand": ["acme"] * 6})
    items.write_ndjson("items.jsonl")
    code, _, errors = run(
        "data", "import", "--source", "table", "--interactions", "events.csv", "--items", "items.jsonl",
        "--category", "shop", "--preset", "none",
    )  # fmt: skip
    assert code == 0, errors
    return run


BUILD = ("features", "build", "--category", "shop", "--encoder", "tfidf")


def test_a_build_says_what_it_did_and_a_second_one_that_nothing_was_left(embrec):
    code, _, printed = embrec(*BUILD, "--text", "title")
    assert code == 0
    counts = (
        "6 items, 4 encoded, 0 there already, 1 with the content of another, 1 with nothing to encode, 0 unreadable"
    )
    assert counts in printed
    code, _, printed = embrec(*BUILD, "--text", "title")
    assert code == 0
    assert counts.replace("4 encoded, 0", "0 encoded, 4") in printed


def test_what_suits_the_catalog_is_built_where_no_encoder_is_named(embrec, monkeypatch):
    monkeypatch.setattr(defaults, "_installed", lambda _: False)
    code, _, errors = embrec("features", "build")
    assert code == 0, errors
    assert errors.startswith(
        "no encoder is named; building tfidf for the texts (title, brand); minilm is left out: pip install 'embrec[text]'\n"
    )
    code, printed, _ = embrec("features", "list")
    assert code == 0
    assert "feature tables of shop" in printed
    assert re.search(r"tfidf-[0-9a-f]{8}\s+6\s", printed)
    assert embrec("features", "show", "tfidf")[0] == embrec("features", "verify")[0] == 0


def test_what_is_wrong_with_a_build_is_said_before_an_engine_is_started(embrec):
    for arguments, message in (
        (("--encoder", "mini-lm-x"), "unknown encoder 'mini-lm-x'; did you mean 'minilm'? there are: "),
        (("--encoder", "tfidf:max_feature=9"), "did you mean 'max_features'?"),
        (("--fit-on", "all"), "fit_on is 'all': use train or catalog"),
        (("--split", "leave-one"), "did you mean 'leave-one-out'?"),
    ):
        code, printed, errors = embrec("features", "build", "--engine", "ray", *arguments)
        assert (code, printed) == (2, "")
        assert message in errors
        assert len(errors.splitlines()) == 1


def test_list_shows_every_table_and_names_the_damaged_file(embrec, tmp_path):
    embrec(*BUILD)
    features = tmp_path / "workspace" / "shop" / "features"
    (path,) = features.glob("*.h5")
    (features / "tfidf-junk.h5").write_bytes(b"junk")
    code, printed, errors = embrec("features", "list", "--category", "shop")
    assert code == 0
    assert re.search(rf"{path.stem}\s+6\s+6\s", printed)
    assert "tfidf-junk.h5 is no readable feature table" in errors.replace("\n", "")


def test_an_unknown_encoder_is_an_error_of_one_line(embrec, tmp_path):
    code, printed, errors = embrec("features", "build", "--category", "shop", "--encoder", "elmoo")
    assert (code, printed) == (2, "")
    assert "unknown encoder 'elmoo'" in errors
    assert not (tmp_path / "workspace" / "shop" / "features").exists()


def test_a_text_column_is_for_the_encoders_of_texts_only(embrec, tmp_path):
    code, _, errors = embrec(*BUILD, "--encoder", "efficientnet-lite0", "--text", "title")
    assert "tfidf" in errors
    assert "parameter 'columns'" not in errors
    assert code == 2  # there are no images, which is found after the texts are encoded
    assert len(list((tmp_path / "workspace" / "shop" / "features").glob("tfidf-*.h5"))) == 1
    code, _, errors = embrec(
        "features", "build", "--category", "shop", "--encoder", "efficientnet-lite0", "--text", "title"
    )
    assert code == 2
    assert "no encoder of texts is asked for" in errors


def test_show_says_where_a_table_comes_from(embrec):
    embrec(
        "features", "build", "--category", "shop", "--encoder", "tfidf:max_features=9+svd:dim=2+l2", "--text", "title"
    )
    code, printed, _ = embrec("features", "show", "--category", "shop", "tfidf+svd+l2")
    assert code == 0
    for text in (
        "6, 5 with a vector",
        "max_features=9",
        "template=title",
        "svd, version 1; dim=2",
        "scikit-learn",
        "fitted on",
    ):
        assert text in printed, text
    code, _, errors = embrec("features", "show", "--category", "shop", "minilm")
    assert code == 2
    assert re.search(r"has no feature table 'minilm'; there are: tfidf\+svd\+l2-[0-9a-f]{8}", errors)


def test_verify_finds_what_was_damaged(embrec, tmp_path):
    embrec(*BUILD)
    code, printed, _ = embrec("features", "verify", "--category", "shop")
    assert code == 0
    assert "NO" not in printed
    assert "encoded again have the same vectors" in printed
    (path,) = (tmp_path / "workspace" / "shop" / "features").glob("*.h5")
    with h5py.File(path, "r+") as file:
        file["vectors"][2, 0] = 7
    code, printed, errors = embrec("features", "verify", "--category", "shop", path.stem)
    assert code == 2
    assert re.search(r"encoded again have the same vectors\s+NO", printed)
    assert f"not as they should be: {path.stem}; build them again" in errors


def test_export_is_read_back_as_ready_vectors(embrec, tmp_path):
    embrec(*BUILD, "--text", "title")
    code, _, errors = embrec("features", "export", "--category", "shop", "tfidf", "--output", "out.parquet")
    assert code == 0
    assert "5 vectors" in errors
    code, _, _ = embrec("features", "build", "--category", "shop", "--encoder", "vectors:path=out.parquet")
    assert code == 0
    first, second = sorted((tmp_path / "workspace" / "shop" / "features").glob("*.h5"))
    np.testing.assert_array_equal(FeatureTable.open(first).vectors, FeatureTable.open(second).vectors)
    Path("out.parquet").rename("elsewhere.parquet")
    code, printed, _ = embrec("features", "verify", "--category", "shop")
    assert code == 2
    assert re.search(r"the encoder and what it reads are there\s+NO\s+.*out\.parquet does not exist", printed)
    assert "encoded again have the same vectors" in printed  # of the other table
    code, _, errors = embrec("features", "export", "--category", "shop", "tfidf", "--output", "out.doc")
    assert code == 2
    assert "cannot tell the format of out.doc from its name" in errors


def test_encoders_and_their_parameters_are_listed(embrec):
    code, printed, _ = embrec("features", "encoders")
    assert code == 0
    for name in ("tfidf", "word2vec", "elmo", "bert", "torchvision", "clip", "vectors", "+whiten"):
        assert re.search(rf"^ *{re.escape(name)} ", printed, re.MULTILINE), name
    code, printed, _ = embrec("features", "encoders", "tfidf")
    assert re.search(r"max_features\s+5000\s+the most frequent terms", printed)
    code, printed, _ = embrec("features", "encoders", "whiten")
    assert re.search(r"kind\s+pca\s+pca: along", printed)
    code, _, errors = embrec("features", "encoders", "fasttext")
    assert (code, "unknown encoder 'fasttext'" in errors) == (2, True)
