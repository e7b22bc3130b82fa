"""Tests of sentence encoders against sentence-transformers, for many settings of a model's folder."""

import json
import shutil

import numpy as np
import pytest
import torch
from support.text_models import FILLED, TITLES, catalog, cleaned, encode, sentence_folder, transformers
from torch import nn

from embrec.errors import FeatureError
from embrec.features.build import build
from embrec.features.registry import load_encoder, make_encoder
from embrec.features.table import FeatureTable
from embrec.features.text import tokens


def assert_as_sentence_transformers(folder, **params):
    st = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    reference = st.SentenceTransformer(str(folder), device="cpu")
    if reference.tokenizer.pad_token is None:  # sentence-transformers insists on one, even where nothing is padded
        reference.tokenizer.pad_token = reference.tokenizer.eos_token
    expected = reference.encode(cleaned(), batch_size=1)
    encoded = encode(model=folder, **params)
    assert encoded.vectors.shape == (len(TITLES), expected.shape[1])
    np.testing.assert_allclose(encoded.vectors[FILLED], expected, atol=1e-5)
    assert not encoded.vectors[5].any()
    assert encoded.present.tolist() == [True] * 5 + [False, True]
    assert np.linalg.norm(expected[0] - expected[1]) > 1e-3
    return encoded.vectors


# --- parity


def test_minilm_equals_sentence_transformers():
    minilm = make_encoder("minilm")
    vectors = assert_as_sentence_transformers(minilm.model_folder)
    np.testing.assert_array_equal(minilm.encode(catalog()).vectors, vectors)
    assert minilm.dim == 384
    np.testing.assert_array_equal(make_encoder("bert").encode(catalog()).vectors, vectors)
    assert make_encoder("bert").weights_hash() == minilm.weights_hash()


def test_minilm_equals_mean_pooling_of_each_text_alone():
    minilm = make_encoder("minilm")
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm.model_folder)
    model = transformers.AutoModel.from_pretrained(minilm.model_folder).eval()
    vectors = minilm.encode(catalog()).vectors
    for row, text in zip(FILLED, cleaned(), strict=True):
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt", truncation=True, max_length=256))
        mean = states.last_hidden_state[0].mean(dim=0)
        np.testing.assert_allclose(vectors[row], (mean / mean.norm()).numpy(), atol=1e-5)


def test_minilm_knows_that_a_scarf_is_nearer_to_a_shawl_than_to_a_drill():
    vectors = make_encoder("minilm").encode(catalog(["wool scarf", "knitted shawl", "cordless drill"])).vectors
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.2


@pytest.mark.parametrize("kind", ["bert", "roberta", "gpt2", "llama", "t5"])
def test_a_plain_folder_is_read_as_sentence_transformers_reads_it(folders, kind):
    """Mean pooling; the last token of those that generate text, which have no padding token either."""
    assert_as_sentence_transformers(folders[kind])


POOLINGS = ["mean", "cls", "max", "lasttoken", "weightedmean", "mean_sqrt_len_tokens", ("cls", "mean")]


@pytest.mark.parametrize("pooling", POOLINGS, ids=str)
def test_the_pooling_of_a_folder_is_used(folders, tmp_path, pooling):
    folder = sentence_folder(tmp_path / "made", folders["bert"], pooling)
    assert_as_sentence_transformers(folder)


@pytest.mark.parametrize("ours", ["mean", "cls", "max", "last-token"])
def test_the_pooling_that_is_asked_for_takes_its_place(folders, tmp_path, ours):
    folder = sentence_folder(tmp_path / "made", folders["roberta"], ours.replace("-", ""))
    expected = encode(model=folder).vectors
    np.testing.assert_allclose(encode(model=folders["roberta"], pooling=ours).vectors, expected, atol=1e-6)


def test_dense_and_normalize_are_applied_in_their_order(folders, tmp_path):
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    after = [Normalize(), Dense(32, 24), Dense(24, 8, bias=False, activation_function=nn.Identity()), Normalize()]
    folder = sentence_folder(tmp_path / "made", folders["bert"], "mean", *after)
    vectors = assert_as_sentence_transformers(folder)
    assert make_encoder("bert", {"model": str(folder)}).dim == 8
    np.testing.assert_allclose(np.linalg.norm(vectors[FILLED], axis=1), 1, rtol=1e-6)


def test_whether_vectors_have_unit_length_can_be_said(folders):
    plain = encode(model=folders["bert"]).vectors[FILLED]
    unit = encode(model=folders["bert"], normalize=True).vectors[FILLED]
    np.testing.assert_allclose(unit, plain / np.linalg.norm(plain, axis=1, keepdims=True), atol=1e-6)
    raw = make_encoder("minilm", {"normalize": False}).encode(catalog()).vectors[FILLED]
    assert (abs(np.linalg.norm(raw, axis=1) - 1) > 0.01).all()


def test_the_default_prompt_and_the_truncation_of_a_folder_are_used(folders, tmp_path):
    options = {"prompts": {"item": "passage: "}, "default_prompt_name": "item", "truncate_dim": 12}
    folder = sentence_folder(tmp_path / "made", folders["bert"], "mean", **options)
    vectors = assert_as_sentence_transformers(folder)
    assert vectors.shape[1] == 12
    np.testing.assert_allclose(encode(model=folder, prompt="passage: {text}").vectors, vectors, atol=1e-6)
    assert not np.allclose(encode(model=folder, prompt="{text}").vectors[0], vectors[0], atol=1e-3)


def test_a_prompt_goes_around_the_text(folders):
    expected = make_encoder("bert", {"model": str(folders["bert"])}).encode(
        catalog([f"query: {text} ?" for text in cleaned()])
    )
    prompted = encode(model=folders["bert"], prompt="query: {text} ?")
    np.testing.assert_allclose(prompted.vectors[FILLED], expected.vectors, atol=1e-6)
    assert prompted.present.tolist() == [True] * 5 + [False, True]


def test_lower_case_and_length_of_a_folder_are_used(folders, tmp_path):
    folder = sentence_folder(tmp_path / "made", folders["bert"], "mean")
    settings = json.loads((folder / "sentence_bert_config.json").read_text())
    settings |= {"max_seq_length": 9, "do_lower_case": True}
    (folder / "sentence_bert_config.json").write_text(json.dumps(settings))
    vectors = assert_as_sentence_transformers(folder)
    (folder / "sentence_bert_config.json").rename(folder / "sentence_roberta_config.json")  # as early folders have it
    np.testing.assert_array_equal(encode(model=folder).vectors, vectors)
    assert not np.allclose(vectors[0], encode(model=folders["bert"]).vectors[0], atol=1e-3)
    np.testing.assert_allclose(encode(model=folder, max_tokens=9).vectors, vectors, atol=1e-6)
    assert not np.allclose(encode(model=folder, max_tokens=8).vectors[2], vectors[2], atol=1e-3)


def test_weights_in_shards_and_in_a_pickle_give_the_same_vectors(folders, tmp_path):
    expected = encode(model=folders["bert"]).vectors
    hashes = {make_encoder("bert", {"model": str(folders["bert"])}).weights_hash()}
    model = transformers.AutoModel.from_pretrained(folders["bert"])
    sharded, pickled = (shutil.copytree(folders["bert"], tmp_path / name) for name in ("sharded", "pickled"))
    for folder in (sharded, pickled):
        (folder / "model.safetensors").unlink()
    model.save_pretrained(sharded, max_shard_size="20KB")
    assert len(list(sharded.glob("*.safetensors"))) > 1
    torch.save(model.state_dict(), pickled / "pytorch_model.bin")
    for folder in (sharded, pickled):
        np.testing.assert_allclose(encode(model=folder).vectors, expected, atol=1e-6)
        hashes.add(make_encoder("bert", {"model": str(folder)}).weights_hash())
    assert len(hashes) == 3
    next(sharded.glob("*-00002-*.safetensors")).unlink()
    with pytest.raises(FeatureError, match=r"the weights cannot be loaded \(there is no model-00002"):
        encode(model=sharded)


# --- independence of batches, identity, tables


@pytest.mark.parametrize("kind", ["bert", "roberta", "gpt2", "t5"])
def test_vectors_do_not_depend_on_batch_mates(folders, kind, monkeypatch):
    """However much is padded."""
    encoder = make_encoder("bert", {"model": str(folders[kind]), "pooling": "mean"})
    alone = np.concatenate([encoder.encode(catalog().select([row])).vectors for row in FILLED])
    for padding in (0.0, 1.0):
        monkeypatch.setattr(tokens, "CPU_BUDGET", tokens.BatchBudget(4096, padding))
        np.testing.assert_allclose(encoder.encode(catalog()).vectors[FILLED], alone, atol=2e-6)


def test_batches_hold_every_text_once_within_budget_and_padding():
    lengths = np.sort(np.random.default_rng(0).integers(3, 300, 1000))
    batches = list(tokens.token_batches(lengths, 1024, 0.1))
    assert [first for first, _ in batches] == [0, *(last for _, last in batches[:-1])]
    assert batches[-1][1] == 1000
    for first, last in batches:
        size = (last - first) * lengths[last - 1]
        assert size <= 1024
        assert size - lengths[first:last].sum() <= 0.1 * size
    assert len(batches) < 1.35 * lengths.sum() / 1024
    assert list(tokens.token_batches(lengths[:0], 8, 0.0)) == []


def test_every_file_that_changes_vectors_changes_the_hash(folders, tmp_path):
    from sentence_transformers.sentence_transformer.modules import Dense

    folder = sentence_folder(tmp_path / "made", folders["bert"], "mean", Dense(32, 8))
    (folder / "README.md").write_text("words")
    before = make_encoder("bert", {"model": str(folder)}).weights_hash()
    for name in (
        "model.safetensors",
        "tokenizer.json",
        "config.json",
        "modules.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
        "1_Pooling/config.json",
        "2_Dense/config.json",
        "2_Dense/model.safetensors",
    ):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content + b"\n")
        assert make_encoder("bert", {"model": str(folder)}).weights_hash() != before, name
        (folder / name).write_bytes(content)
    (folder / "README.md").write_text("other words")
    moved = folder.rename(tmp_path / "moved")
    assert make_encoder("bert", {"model": str(moved)}).weights_hash() == before


def test_a_table_can_be_added_to_from_another_working_folder(folders, tmp_path, monkeypatch):
    monkeypatch.chdir(folders["bert"].parent)
    encoder = make_encoder("bert", {"model": "bert", "pooling": "cls", "batch_tokens": 64})
    table = FeatureTable.open(build(catalog(), encoder, tmp_path).path)
    monkeypatch.chdir(tmp_path)
    again = load_encoder(table.encoder_folder)
    assert again.identity() == encoder.identity()
    np.testing.assert_allclose(again.encode(catalog()).vectors, table.vectors, atol=1e-6)
    assert again.params.speed_params == {"batch_tokens"}


def test_low_precision_stays_close(folders):
    whole = make_encoder("minilm").encode(catalog()).vectors[FILLED]
    half = make_encoder("minilm", {"precision": "bfloat16"}).encode(catalog()).vectors[FILLED]
    assert half.dtype == np.float32
    assert (whole * half).sum(axis=1).min() > 0.999
    assert not np.array_equal(whole, half)


def test_a_text_that_the_tokenizer_cannot_see_is_reported(folders):
    encoded = make_encoder("bert", {"model": str(folders["gpt2"])}).encode(catalog(["hat", "\u200b\u200b", "scarf"]))
    assert encoded.present.tolist() == [True, False, True]
    assert encoded.problems == {1: "the tokenizer finds nothing to read in its text"}
    assert not encoded.vectors[1].any()
