"""Tests of unusable models and parameters: each error is one line, and no code of a folder is run."""

import json
import shutil

import pytest
import torch
from support.text_models import catalog, encode, sentence_folder

from embrec.errors import ConfigError, FeatureError
from embrec.features.registry import make_encoder


@pytest.fixture
def bert(folders, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(folders["bert"], tmp_path / "bert")


# --- what is refused


@pytest.mark.parametrize("name", ["bert", "clip-text"])
def test_a_model_that_cannot_be_fetched_is_said_in_one_line(name, monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(FeatureError, match=r"cannot be fetched from the Hugging Face hub .* give its folder") as raised:
        make_encoder(name, {"model": "nobody/such-a-model"}).encode(catalog())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"prompt": "query: "}, r"parameter 'prompt' is .*must contain \{text\}"),
        ({"pooling": "median"}, "parameter 'pooling'"),
        ({"precision": "int8"}, "parameter 'precision'"),
        ({"max_tokens": 0}, "parameter 'max_tokens'"),
    ],
)
def test_parameters_out_of_range_are_named(params, message):
    with pytest.raises(ConfigError, match=message):
        make_encoder("bert", params)


def test_a_model_needs_a_name_where_there_is_no_default_and_minilm_has_its_own():
    with pytest.raises(ConfigError, match="parameter 'model'"):
        make_encoder("clip-text")
    with pytest.raises(ConfigError, match="parameter 'model'"):
        make_encoder("minilm", {"model": "other"})


def test_paths_that_are_no_models_are_named(tmp_path, folders):
    with pytest.raises(ConfigError, match="nowhere: no such folder"):
        encode(model=tmp_path / "nowhere")
    with pytest.raises(FeatureError, match=r"holds no config.json"):
        encode(model=tmp_path)
    with pytest.raises(ConfigError, match="a folder has no revision 'main'"):
        encode(model=folders["bert"], revision="main")
    with pytest.raises(ConfigError, match="revision 'main' needs a model id"):
        encode(revision="main")


@pytest.mark.parametrize(("kind", "positions"), [("bert", 64), ("roberta", 65), ("gpt2", 64)])
def test_more_tokens_than_positions_are_refused(folders, kind, positions):
    encode(model=folders[kind], max_tokens=positions)
    with pytest.raises(ConfigError, match=f"has positions for {positions} tokens; give at most that"):
        encode(model=folders[kind], max_tokens=positions + 1)


def fails(folder, match):
    with pytest.raises(FeatureError, match=match) as raised:
        encode(model=folder)
    assert "\n" not in str(raised.value)


def test_damaged_weights_are_said_in_one_line(bert):
    for content in (b"", b"junk", b"\xff" * 100, (bert / "model.safetensors").read_bytes()[:-100]):
        (bert / "model.safetensors").write_bytes(content)
        fails(bert, "the weights cannot be loaded")
    (bert / "model.safetensors").unlink()
    fails(bert, r"the weights cannot be loaded \(there is no model.safetensors\)")
    with pytest.raises(FeatureError, match="the weights cannot be loaded"):
        make_encoder("bert", {"model": str(bert)}).weights_hash()
    (bert / "pytorch_model.bin").write_bytes(b"junk")
    fails(bert, "the weights cannot be loaded")


def test_a_pickle_that_would_run_code_is_not_opened(bert, tmp_path):
    (bert / "model.safetensors").unlink()

    class Bomb:
        def __reduce__(self):
            return (open, (str(tmp_path / "exploded"), "w"))

    torch.save({"bomb": Bomb()}, bert / "pytorch_model.bin")
    fails(bert, "the weights cannot be loaded")
    assert not (tmp_path / "exploded").exists()


def test_code_in_a_folder_is_not_run_nor_asked_about(bert, tmp_path, monkeypatch):
    (bert / "evil.py").write_text(f"open({str(tmp_path / 'exploded')!r}, 'w')\nclass Evil: pass\n")
    config = json.loads((bert / "config.json").read_text())
    config |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil"}}
    (bert / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("it is asked whether to run it"))
    fails(bert, "the configuration cannot be loaded")
    assert not (tmp_path / "exploded").exists()


def test_weights_that_are_missing_are_not_made_up(bert):
    from safetensors.torch import load_file, save_file

    weights = load_file(bert / "model.safetensors")
    save_file({name: value for name, value in weights.items() if "layer.1" not in name}, bert / "model.safetensors")
    fails(bert, r"the weights cannot be loaded \(16 are missing, the first is encoder.layer.1")


def test_a_folder_without_a_usable_tokenizer_is_refused(bert):
    (bert / "tokenizer.json").write_text("[")
    fails(bert, "the tokenizer cannot be loaded")
    (bert / "tokenizer.json").unlink()
    fails(bert, r"the tokenizer cannot be loaded \(there is no tokenizer.json\)")


def change(path, **values):
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_what_a_folder_asks_for_and_is_not_supported_is_refused(folders, tmp_path):
    from sentence_transformers.sentence_transformer.modules import Dense, LayerNorm

    folder = sentence_folder(tmp_path / "norm", folders["bert"], "mean", LayerNorm(32))
    fails(folder, "the module LayerNorm is not supported")
    folder = sentence_folder(tmp_path / "made", folders["bert"], "mean", Dense(32, 8))
    dense, modules = folder / "2_Dense" / "config.json", folder / "modules.json"
    kept = dense.read_text()
    for values, match in (
        ({"activation_function": "os.system"}, "the activation os.system is not supported"),
        ({"activation_function": "torch.nn.functional.relu"}, "the activation torch.nn.functional.relu"),
        ({"use_residual": True}, "use_residual = True is not supported"),
        ({"in_features": 64}, "takes 64 numbers, but the pooling gives 32"),
        ({"out_features": 9}, "the Dense module cannot be loaded"),
    ):
        change(dense, **values)
        fails(folder, match)
        dense.write_text(kept)
    change(folder / "1_Pooling" / "config.json", pooling_mode="median")
    fails(folder, "the pooling 'median' is not supported")
    change(folder / "1_Pooling" / "config.json", pooling_mode="mean", include_prompt=False)
    encode(model=folder)
    with pytest.raises(FeatureError, match="leaves the prompt out"):
        encode(model=folder, prompt="query: {text}")
    modules.write_text(modules.read_text().replace("sentence_transformers.base.modules.dense.Dense", "evil.Dense"))
    fails(folder, r"the module evil.Dense is not supported")
    modules.write_text(json.dumps(json.loads(modules.read_text())[:1]))
    fails(folder, "only a Transformer followed by a Pooling is supported")
    modules.write_text("[1]")
    fails(folder, "the settings cannot be loaded")
    modules.write_text("[")
    fails(folder, "the settings cannot be loaded")
