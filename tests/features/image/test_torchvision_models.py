"""Models of torchvision against torchvision itself; run in an environment that has it: pytest -m vision.

Weights are random: none are published in packages. Nothing here imports torchvision unless it is installed.
"""

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from embrec.errors import ConfigError, FeatureError, MissingExtraError
from embrec.features.registry import load_encoder, make_encoder

vision = [
    pytest.mark.vision,
    pytest.mark.skipif(find_spec("torchvision") is None, reason="torchvision is not installed"),
]


@pytest.fixture(scope="module")
def models():
    from embrec.features.image.torchvision_models import import_models

    return import_models()


@pytest.fixture(scope="module")
def saved(models, tmp_path_factory):
    """Return a function that makes a model with random weights and says where they are saved."""
    folder, made = tmp_path_factory.mktemp("weights"), {}

    def make(name):
        if name not in made:
            torch.manual_seed(1)
            model = models.get_model(name, weights=None).eval()
            for module in model.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    torch.nn.init.uniform_(module.running_mean, -0.1, 0.1)
                    torch.nn.init.uniform_(module.running_var, 0.5, 1.5)
            torch.save(model.state_dict(), folder / f"{name}.pth")
            made[name] = model
        return made[name], folder / f"{name}.pth"

    return make


@pytest.mark.skipif(find_spec("torchvision") is not None, reason="torchvision is installed")
def test_without_torchvision_the_extra_is_named():
    with pytest.raises(MissingExtraError, match=r"pip install 'embrec\[vision\]'"):
        _ = make_encoder("torchvision", {"model": "resnet18", "weights": "x.pth"}).dim


class TestWithTorchvision:
    pytestmark = vision

    def expected(self, models, model, name, paths, until):
        """What torchvision's own preprocessing and the layers of the model give."""
        transform = models.get_model_weights(name).DEFAULT.transforms()
        with torch.inference_mode():
            return np.stack([until(model, transform(Image.open(p).convert("RGB"))[None])[0].numpy() for p in paths])

    @pytest.mark.parametrize(
        ("name", "layer", "dim", "until"),
        [
            ("alexnet", "fc7", 4096, lambda m, x: m.classifier[:6](m.avgpool(m.features(x)).flatten(1))),
            ("alexnet", None, 4096, lambda m, x: m.classifier[:6](m.avgpool(m.features(x)).flatten(1))),
            ("alexnet", "fc6", 4096, lambda m, x: m.classifier[:3](m.avgpool(m.features(x)).flatten(1))),
            ("alexnet", "features.12", 256, lambda m, x: m.features(x).mean(dim=(2, 3))),
            ("resnet18", None, 512, lambda m, x: torch.nn.Sequential(*list(m.children())[:-1])(x).flatten(1)),
            ("resnet18", "layer3", 256, lambda m, x: torch.nn.Sequential(*list(m.children())[:7])(x).mean(dim=(2, 3))),
        ],
    )
    def test_vectors_are_those_of_torchvision(self, models, saved, pictures, items, name, layer, dim, until):
        model, file = saved(name)
        encoder = make_encoder("torchvision", {"model": name, "layer": layer, "weights": str(file)})
        paths = [pictures / f"{letter}.png" for letter in "abc"]
        encoded = encoder.encode(items([*paths, None]))
        assert encoder.dim == dim
        expected = self.expected(models, model, name, paths, until)
        np.testing.assert_allclose(encoded.vectors[:3], expected, rtol=1e-4, atol=1e-5)
        assert np.abs(expected[0] - expected[1]).max() > 1e-3
        assert encoded.present.tolist() == [True, True, True, False]

    def test_of_a_transformer_the_class_token_is_read(self, models, saved, pictures, items):
        model, file = saved("vit_b_16")
        model.heads = torch.nn.Identity()
        paths = [pictures / "a.png", pictures / "b.png"]
        encoder = make_encoder("torchvision", {"model": "vit_b_16", "weights": str(file)})
        expected = self.expected(models, model, "vit_b_16", paths, lambda m, x: m(x))
        np.testing.assert_allclose(encoder.encode(items(paths)).vectors, expected, rtol=1e-4, atol=1e-5)

    def test_safetensors_give_the_same_vectors(self, saved, pictures, items, tmp_path):
        model, file = saved("resnet18")
        save_file(model.state_dict(), tmp_path / "w.safetensors")
        catalog = items([pictures / "a.png"])
        vectors = [
            make_encoder("torchvision", {"model": "resnet18", "weights": str(path)}).encode(catalog).vectors
            for path in (file, tmp_path / "w.safetensors")
        ]
        np.testing.assert_array_equal(*vectors)

    def test_worker_processes_give_the_same_vectors(self, saved, pictures, items):
        _, file = saved("resnet18")
        catalog = items([pictures / f"{letter}.png" for letter in "abc"] * 12)
        vectors = [
            make_encoder("torchvision", {"model": "resnet18", "weights": str(file), "workers": workers})
            .encode(catalog)
            .vectors
            for workers in (0, 2)
        ]
        np.testing.assert_array_equal(*vectors)

    def test_a_saved_encoder_can_be_loaded(self, saved, pictures, items, tmp_path):
        _, file = saved("resnet18")
        encoder = make_encoder("torchvision", {"model": "resnet18", "layer": "layer1", "weights": str(file)})
        encoder.save(tmp_path)
        catalog = items([pictures / "a.png"])
        again = load_encoder(tmp_path)
        assert again.identity() == encoder.identity()
        np.testing.assert_array_equal(again.encode(catalog).vectors, encoder.encode(catalog).vectors)

    @pytest.mark.parametrize("content", [b"", b"junk", b"\xff" * 200, None])
    @pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
    def test_damaged_weights_are_said_in_one_line(self, tmp_path, content, suffix):
        file = tmp_path / f"w{suffix}"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(FeatureError, match="the weights of 'resnet18' cannot be loaded") as raised:
            _ = make_encoder("torchvision", {"model": "resnet18", "weights": str(file)}).dim
        assert "\n" not in str(raised.value)

    def test_weights_of_another_model_are_said_in_one_line(self, saved):
        _, file = saved("alexnet")
        with pytest.raises(FeatureError, match="must be the state of a torchvision resnet18") as raised:
            _ = make_encoder("torchvision", {"model": "resnet18", "weights": str(file)}).dim
        assert "\n" not in str(raised.value)

    def test_a_pickle_that_runs_code_is_not_run(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "ran"),)

        torch.save({"fc.weight": Evil()}, tmp_path / "w.pth")
        with pytest.raises(FeatureError, match="cannot be loaded"):
            _ = make_encoder("torchvision", {"model": "resnet18", "weights": str(tmp_path / "w.pth")}).dim
        assert not (tmp_path / "ran").exists()

    def test_unknown_models_and_layers_are_named(self, saved):
        with pytest.raises(
            ConfigError, match=r"no classification model 'raft_large'.* there are: alexnet, .* and \d+ more"
        ):
            make_encoder("torchvision", {"model": "raft_large"}).weights_hash()
        _, file = saved("alexnet")
        for layer in ("fc8", "x"):
            with pytest.raises(ConfigError, match=rf"has no layer '{layer}'; its last are: .*classifier\.6"):
                _ = make_encoder("torchvision", {"layer": layer, "weights": str(file)}).dim
        _, file = saved("squeezenet1_1")
        with pytest.raises(ConfigError, match=r"has no linear layer; its last are: .*flatten"):
            _ = make_encoder("torchvision", {"model": "squeezenet1_1", "weights": str(file)}).dim

    def test_weights_that_cannot_be_downloaded_name_the_local_file(self, tmp_path):
        code = """
from embrec.errors import FeatureError
from embrec.features.registry import make_encoder
try:
    make_encoder("torchvision").weights_hash()
except FeatureError as error:
    print(error)
"""
        environment = os.environ | {
            "TORCH_HOME": str(tmp_path),
            "https_proxy": "http://127.0.0.1:9",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        result = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, env=environment
        )
        assert "cannot be downloaded from https://" in result.stdout
        assert "weights=/path/to/file.pth" in result.stdout
        assert result.stdout.count("\n") == 1
        assert result.stderr == ""
