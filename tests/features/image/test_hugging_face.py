"""Tests of the encoders of Hugging Face image models against transformers, on tiny models with random weights."""

import json
import shutil
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from PIL import Image

from embrec.errors import ConfigError, EmbrecError
from embrec.features.build import build
from embrec.features.registry import load_encoder, make_encoder
from embrec.features.table import FeatureTable

pytest.importorskip("transformers", reason="the extra 'text' is not installed")
pytestmark = pytest.mark.skipif(
    find_spec("torchvision") is not None, reason="transformers cannot be imported beside a torchvision of another torch"
)

SMALL = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
TINY = {**SMALL, "image_size": 32, "patch_size": 8}


def save(model, processor, folder):
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    model.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def vit(tmp_path_factory):
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    processor = ViTImageProcessorPil(size={"height": 32, "width": 32})
    return save(ViTModel(ViTConfig(**TINY)), processor, tmp_path_factory.mktemp("vit"))


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    from transformers import ConvNextImageProcessorPil, ResNetConfig, ResNetModel

    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic")
    return save(
        ResNetModel(config), ConvNextImageProcessorPil(size={"shortest_edge": 64}), tmp_path_factory.mktemp("resnet")
    )


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    config = CLIPConfig(text_config={**SMALL, "vocab_size": 50}, vision_config=TINY, projection_dim=24)
    processor = CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    return save(CLIPModel(config), processor, tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="module")
def siglip(tmp_path_factory):
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

    config = SiglipConfig(text_config={**SMALL, "vocab_size": 50}, vision_config=TINY)
    processor = SiglipImageProcessorPil(size={"height": 32, "width": 32})
    return save(SiglipModel(config), processor, tmp_path_factory.mktemp("siglip"))


@pytest.fixture
def paths(pictures):
    return [pictures / f"{name}.png" for name in "abc"]


def directly(folder, paths, read):
    """What transformers gives for each picture alone."""
    from transformers import AutoImageProcessor, AutoModel

    processor, model = AutoImageProcessor.from_pretrained(folder, backend="pil"), AutoModel.from_pretrained(folder)
    vectors = []
    for path in paths:
        pixels = processor(images=Image.open(path).convert("RGB"), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            vectors.append(read(model.eval(), pixels)[0].numpy())
    return np.stack(vectors)


@pytest.mark.parametrize(
    ("model", "pooling", "read"),
    [
        ("vit", "pooler", lambda m, x: m(x).pooler_output),
        ("vit", "cls", lambda m, x: m(x).last_hidden_state[:, 0]),
        ("vit", "mean", lambda m, x: m(x).last_hidden_state[:, 1:].mean(dim=1)),
        ("resnet", "pooler", lambda m, x: m(x).pooler_output.flatten(1)),
        ("resnet", "mean", lambda m, x: m(x).last_hidden_state.mean(dim=(2, 3))),
    ],
)
def test_vision_gives_what_transformers_gives(request, model, pooling, read, paths, items):
    folder = request.getfixturevalue(model)
    encoder = make_encoder("vision", {"model": str(folder), "pooling": pooling})
    encoded = encoder.encode(items([*paths, None]))
    expected = directly(folder, paths, read)
    np.testing.assert_allclose(encoded.vectors[:3], expected, rtol=1e-4, atol=1e-5)
    assert np.abs(expected[0] - expected[1]).max() > 1e-3
    assert encoded.present.tolist() == [True, True, True, False]
    assert not encoded.vectors[3].any()
    assert encoder.dim == expected.shape[1]


@pytest.mark.parametrize("model", ["clip", "siglip"])
def test_clip_gives_the_image_features_of_transformers(request, model, paths, items):
    folder = request.getfixturevalue(model)
    encoder = make_encoder("clip", {"model": str(folder)})
    expected = directly(folder, paths, lambda m, x: m.get_image_features(pixel_values=x).pooler_output)
    np.testing.assert_allclose(encoder.encode(items(paths)).vectors, expected, rtol=1e-4, atol=1e-5)
    assert encoder.dim == expected.shape[1]


def test_worker_processes_give_the_same_vectors(vit, paths, items):
    catalog = items(paths * 12)
    expected = make_encoder("vision", {"model": str(vit)}).encode(catalog)
    encoded = make_encoder("vision", {"model": str(vit), "workers": 1}).encode(catalog)
    np.testing.assert_array_equal(encoded.vectors, expected.vectors)
    assert encoded.present.all()


def test_a_table_and_the_encoder_beside_it(clip, paths, items, tmp_path):
    catalog = items([*paths, paths[0].with_name("broken.jpg")])
    report = build(catalog, make_encoder("clip", {"model": str(clip)}), tmp_path)
    assert [item for item, _ in report.failed] == ["i3"]
    table = FeatureTable.open(report.path)
    again = load_encoder(table.encoder_folder).encode(catalog)
    np.testing.assert_allclose(again.vectors, table.vectors, atol=1e-6)


def test_weights_and_preprocessing_are_part_of_the_identity(vit, tmp_path):
    folder = shutil.copytree(vit, tmp_path / "vit")
    before = make_encoder("vision", {"model": str(folder)}).weights_hash()
    assert before == make_encoder("vision", {"model": str(vit)}).weights_hash()
    description = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(description | {"image_mean": [0.1, 0.2, 0.3]}))
    after = make_encoder("vision", {"model": str(folder)}).weights_hash()
    assert after != before
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    assert make_encoder("vision", {"model": str(folder)}).weights_hash() not in (before, after)


def one_line(match, name, **params):
    encoder = make_encoder(name, params)
    with pytest.raises(EmbrecError, match=match) as raised:
        _ = encoder.weights_hash() and encoder.dim
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["vision", "clip"])
def test_a_model_must_be_named(name):
    with pytest.raises(ConfigError, match=f"encoder '{name}': parameter 'model' is missing"):
        make_encoder(name)


@pytest.mark.parametrize("name", ["vision", "clip"])
@pytest.mark.parametrize("model", ["someone/no-such-model", "/no/such/folder", "no such model", "../x"])
def test_a_model_that_cannot_be_had_names_the_local_folder(name, model, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    one_line("model=FOLDER", name, model=model)


@pytest.mark.parametrize("content", [b"", b"junk", b"\xff" * 300])
def test_damaged_weights_are_said_in_one_line(vit, tmp_path, content):
    folder = shutil.copytree(vit, tmp_path / "vit")
    (folder / "model.safetensors").write_bytes(content)
    one_line("the weights cannot be loaded", "vision", model=str(folder))


def test_folders_that_are_not_whole_are_said_in_one_line(vit, tmp_path):
    whole = {path.name for path in vit.iterdir()}
    assert whole == {"config.json", "preprocessor_config.json", "model.safetensors"}
    for absent, match in (
        ("config.json", "cannot be loaded"),
        ("preprocessor_config.json", "the image processor cannot be loaded"),
        ("model.safetensors", "the weights cannot be loaded"),
    ):
        folder = shutil.copytree(vit, tmp_path / absent.partition(".")[0])
        (folder / absent).unlink()
        one_line(match, "vision", model=str(folder))


def rewrite(folder, drop):
    """Save the weights of a folder again without those whose name has a word."""
    from safetensors.torch import load_file, save_file

    state = load_file(folder / "model.safetensors")
    save_file({k: v for k, v in state.items() if drop not in k}, folder / "model.safetensors", {"format": "pt"})


def test_weights_that_are_missing_are_not_made_up(vit, clip, paths, items, tmp_path):
    folder = shutil.copytree(vit, tmp_path / "without-pooler")
    rewrite(folder, "pooler")
    one_line("saved without its pooler; use pooling=cls or pooling=mean", "vision", model=str(folder))
    encoder = make_encoder("vision", {"model": str(folder), "pooling": "cls"})
    expected = directly(vit, paths, lambda m, x: m(x).last_hidden_state[:, 0])
    np.testing.assert_allclose(encoder.encode(items(paths)).vectors, expected, rtol=1e-4, atol=1e-5)
    folder = shutil.copytree(vit, tmp_path / "without-layer")
    rewrite(folder, "layer.1.")
    one_line("the weights cannot be loaded .* are missing, the first is", "vision", model=str(folder))
    folder = shutil.copytree(clip, tmp_path / "without-projection")
    rewrite(folder, "visual_projection")
    one_line("visual_projection.weight", "clip", model=str(folder))


def test_the_wrong_encoder_names_the_right_one(vit, clip, resnet):
    one_line("is a model of images and texts; read its image side with the encoder 'clip'", "vision", model=str(clip))
    one_line("is no model of images and texts; read it with the encoder 'vision'", "clip", model=str(vit))
    one_line("has no class token", "vision", model=str(resnet), pooling="cls")
