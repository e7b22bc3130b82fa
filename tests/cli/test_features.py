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
        (("--fit-on", "all"), ": use train or catalog"),
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


def renamed(embrec, titles):
    """Import the category again with other titles."""
    items = pl.DataFrame(
        {"item": [f"i{n}" for n in range(len(titles))], "title": titles, "brand": ["acme"] * len(titles)}
    )
    items.write_ndjson("items.jsonl")
    code, _, errors = embrec(
        "data", "import", "--source", "table", "--interactions", "events.csv", "--items", "items.jsonl",
        "--category", "shop", "--preset", "none", "--force",
    )  # fmt: skip
    assert code == 0, errors


TITLES = ["yellow scarf", "red scarf", "blue hat", "", "green hat", "blue sock"]


def features_of(tmp_path):
    return sorted(path.stem for path in (tmp_path / "workspace" / "shop" / "features").glob("*.h5"))


def test_a_stale_table_is_marked_and_removed(embrec, tmp_path):
    embrec(*BUILD)
    (old,) = features_of(tmp_path)
    renamed(embrec, TITLES)
    embrec(*BUILD)  # which learns other words, and so makes another table
    (new,) = {*features_of(tmp_path)} - {old}
    _, printed, errors = embrec("features", "list", "--category", "shop")
    assert re.search(rf"{old} .*no: stale\s*$", printed, re.MULTILINE)
    assert re.search(rf"{new} .*yes\s*$", printed, re.MULTILINE)
    assert f"{old} is stale: the contents of 1 items have changed since it was built" in errors
    assert "embrec features remove --category shop --stale" in errors
    code, _, errors = embrec("features", "verify", "--category", "shop")
    assert (code, "embrec features remove --category shop --stale" in errors) == (2, True)
    (tmp_path / "workspace" / "shop" / "features" / "junk.h5").write_bytes(b"junk")
    code, _, errors = embrec("features", "remove", "--category", "shop", "--stale")
    assert code == 0
    assert f"removed {old}" in errors
    assert "removed junk, 0.0 MB: it cannot be read" in errors
    assert features_of(tmp_path) == [new]
    assert not (tmp_path / "workspace" / "shop" / "features" / old).exists()
    assert embrec("features", "verify", "--category", "shop")[0] == 0
    _, _, errors = embrec("features", "remove", "--category", "shop", "--stale")
    assert "no feature table of shop is stale" in errors


def test_tables_of_other_items_say_so_wherever_they_are_found(embrec, tmp_path):
    embrec(*BUILD)
    (old,) = features_of(tmp_path)
    renamed(embrec, [*TITLES, "new thing"])
    _, _, errors = embrec("features", "list", "--category", "shop")
    assert "it was built for other items (6; the catalog has 7 now)" in errors
    code, _, errors = embrec("features", "export", "--category", "shop", old, "--output", "out.npy")
    assert (code, f"warning: {old} is stale" in errors) == (0, True)
    code, _, errors = embrec(
        "train", "--category", "shop", "--source", "content", "--features", "tfidf", "--epochs", "1"
    )
    assert code == 2
    assert f"the feature table {old} of 'tfidf' does not belong" in errors or "built for another catalog" in errors


def test_a_table_is_removed_by_name_unless_something_waits_for_it(embrec, tmp_path):
    embrec(*BUILD)
    (table,) = features_of(tmp_path)
    begun = tmp_path / "workspace" / "shop" / "runs" / "half"
    begun.mkdir(parents=True)
    (begun / "config.yaml").write_text(f"model: {{features: [{table}]}}")
    code, _, errors = embrec("features", "remove", "--category", "shop", "tfidf")
    assert code == 2
    assert f"feature table {table} is read by run half, which cannot go on without it" in errors
    assert features_of(tmp_path) == [table]
    code, _, errors = embrec("features", "remove", "--category", "shop", "tfidf", "--force")
    assert (code, features_of(tmp_path)) == (0, [])
    code, _, errors = embrec("features", "remove", "--category", "shop", "tfidf")
    assert (code, "has no feature table 'tfidf'" in errors) == (2, True)
    code, _, errors = embrec("features", "remove", "--category", "shop")
    assert (code, "say which tables by name, or --stale" in errors) == (2, True)


def test_a_table_of_another_split_is_told_from_one_that_fits(embrec):
    assert embrec(*BUILD, "--split", "per-user-ratio:train=0.4:valid=0.3")[0] == 0
    embrec(*BUILD, "--fit-on", "catalog", "--text", "brand title")
    _, printed, errors = embrec("features", "list", "--category", "shop")
    assert sorted(re.findall(r"(another split|yes)\s*$", printed, re.MULTILINE)) == ["another split", "yes"]
    assert "fitted on other items than the training items of leave-one-out" in " ".join(errors.split())
