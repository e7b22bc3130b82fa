"""ELMo and Wiki-words-250 through real SavedModels with the published signatures and small weights.

Run in an environment with the extra `tfhub`: pytest -m tfhub. TensorFlow is imported only there.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec

import numpy as np
import pytest
from support.catalogs import titled
from support.saved_models import export_elmo, export_old_elmo, export_text_module

from embrec.errors import FeatureError
from embrec.features.text import saved_model
from embrec.features.text.elmo import ElmoEncoder
from embrec.features.text.word_vectors import WordVectorEncoder

pytestmark = [
    pytest.mark.tfhub,
    pytest.mark.skipif(find_spec("tensorflow") is None, reason="the extra 'tfhub' is not installed"),
]
needs_hub = pytest.mark.skipif(find_spec("tensorflow_hub") is None, reason="tensorflow-hub is not installed")

TITLES = ["Red wool scarf", "hat", "", "a longer text of words that is not like the others", "wool wool hat", "red hat"]
PRESENT = [True, True, False, True, True, True]


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modules")
    saved_model.import_tensorflow()
    export_elmo(folder / "elmo")
    export_text_module(folder / "words")
    return folder


@pytest.fixture(scope="module")
def elmo(modules):
    return ElmoEncoder(model=str(modules / "elmo"))


@pytest.fixture
def copy(modules, tmp_path):
    """A copy of a module that a test may damage."""

    def make(name):
        return shutil.copytree(modules / name, tmp_path / name)

    return make


def layers(modules, text):
    """The outputs of ELMo's published signature `default` for one text alone."""
    import tensorflow as tf

    module = tf.saved_model.load(str(modules / "elmo"))
    return {name: value.numpy() for name, value in module.signatures["default"](strings=tf.constant([text])).items()}


def test_elmo_is_the_mean_of_three_layers_and_of_the_words(elmo, modules):
    encoded = elmo.encode(titled(TITLES))
    assert encoded.vectors.shape == (6, 1024)
    assert encoded.vectors.dtype == np.float32
    assert encoded.present.tolist() == PRESENT
    assert not encoded.vectors[2].any()
    for row in (0, 1, 3):
        outputs = layers(modules, TITLES[row])
        twice = np.concatenate([outputs["word_emb"], outputs["word_emb"]], axis=2)
        three = np.stack([twice, outputs["lstm_outputs1"], outputs["lstm_outputs2"]])  # [3, 1, words, 1024]
        np.testing.assert_allclose(encoded.vectors[row], three.mean(axis=0)[0].mean(axis=0), atol=1e-5)
        np.testing.assert_allclose(encoded.vectors[row], outputs["default"][0], atol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_elmo_s_vectors_do_not_depend_on_batch_mates_or_batches(elmo, modules, batch_size):
    other = ElmoEncoder(model=str(modules / "elmo"), batch_size=batch_size)
    alone = [elmo.encode(titled([text])).vectors[0] for text in TITLES]
    np.testing.assert_allclose(other.encode(titled(TITLES)).vectors, alone, atol=1e-6)


def test_elmo_reads_a_word_in_its_context(elmo):
    one, two = elmo.encode(titled(["red hat", "hat red"])).vectors
    assert np.abs(one - two).max() > 0.01


def test_elmo_reads_250_words(elmo):
    words = [f"word{number % 40}" for number in range(300)]
    long, cut, shorter = elmo.encode(titled([" ".join(words[:length]) for length in (300, 250, 249)])).vectors
    np.testing.assert_allclose(long, cut, atol=1e-6)
    assert np.abs(cut - shorter).max() > 1e-4


def test_elmo_splits_on_spaces_and_keeps_case(elmo):
    joined, split, lower = elmo.encode(titled(["Red,hat", "Red, hat", "red, hat"])).vectors
    assert np.abs(joined - split).max() > 0.01
    assert np.abs(lower - split).max() > 0.01


def test_modules_in_the_older_format_of_tf_hub_are_read(modules):
    export_old_elmo(modules / "old")
    encoder = ElmoEncoder(model=str(modules / "old"))
    one, both, other = encoder.encode(titled(["red", "red hat", "hat"])).vectors
    np.testing.assert_allclose(both, (one + other) / 2, atol=1e-6)


def test_a_hub_module_combines_as_it_does_itself_by_default_and_as_asked_from_single_words(modules):
    encoder = partial(WordVectorEncoder, vectors=str(modules / "words"))
    assert encoder().params.combiner == "sqrtn"
    assert encoder().dim == 250
    words = ["Red", "wool", "scarf", "hat"]
    alone = dict(zip(words, encoder().source.vectors(words), strict=True))
    red_wool_scarf = alone["Red"] + alone["wool"] + alone["scarf"]
    wool_wool_hat = 2 * alone["wool"] + alone["hat"]
    for combiner, divisor in (("sqrtn", 3**0.5), ("mean", 3)):
        encoded = encoder(combiner=combiner).encode(titled(TITLES))
        assert encoded.present.tolist() == PRESENT
        np.testing.assert_allclose(encoded.vectors[0], red_wool_scarf / divisor, atol=1e-5)
        np.testing.assert_allclose(encoded.vectors[4], wool_wool_hat / divisor, atol=1e-5)
        assert not encoded.vectors[2].any()
    weighed = encoder(combiner="idf")
    weighed.fit(titled(["wool", "wool scarf", "hat"]))
    wool, hat = np.log(4 / np.array([3, 2])) + 1
    by_hand = (2 * wool * alone["wool"] + hat * alone["hat"]) / (2 * wool + hat)
    np.testing.assert_allclose(weighed.encode(titled(TITLES)).vectors[4], by_hand, atol=1e-5)


def test_our_own_mean_agrees_with_the_sqrtn_of_the_module(modules):
    """The mean is computed here, from the module's vectors of single words; the module computes sqrtn itself."""
    theirs = WordVectorEncoder(vectors=str(modules / "words")).encode(titled(TITLES)).vectors
    mean = WordVectorEncoder(vectors=str(modules / "words"), combiner="mean").encode(titled(TITLES)).vectors
    words = np.array([len(text.split()) for text in TITLES])
    np.testing.assert_allclose(mean * np.sqrt(words)[:, None], theirs, atol=1e-5)


def test_a_copy_is_the_same_module_and_other_weights_are_another(elmo, copy, tmp_path):
    assert ElmoEncoder(model=str(copy("elmo"))).weights_hash() == elmo.weights_hash()
    export_elmo(tmp_path / "other", seed=7)
    assert ElmoEncoder(model=str(tmp_path / "other")).weights_hash() != elmo.weights_hash()


def test_saved_encoders_encode_the_same(elmo, modules, tmp_path):
    words = WordVectorEncoder(vectors=str(modules / "words"), combiner="idf")
    words.fit(titled(TITLES))
    for encoder in (elmo, words):
        folder = tmp_path / encoder.name
        folder.mkdir()
        encoder.save(folder)
        loaded = type(encoder)(**json.loads((folder / "encoder.json").read_text())["params"])
        loaded.load_state(folder)
        assert loaded.identity() == encoder.identity()
        np.testing.assert_allclose(
            loaded.encode(titled(TITLES)).vectors, encoder.encode(titled(TITLES)).vectors, atol=1e-6
        )


def test_nothing_is_said_on_the_terminal(modules):
    code = (
        "import sys, polars as pl; from embrec.data.catalog import Catalog\n"
        "from embrec.features.text.elmo import ElmoEncoder\n"
        "items = Catalog(pl.DataFrame({'item': ['a'], 'title': ['red hat']}))\n"
        "print(ElmoEncoder(model=sys.argv[1]).encode(items).vectors.shape)\n"
        "print('still heard', file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(modules / "elmo")],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (result.stdout, result.stderr) == ("(1, 1024)\n", "still heard\n")


def said(encoder):
    with pytest.raises(FeatureError) as raised:
        encoder.encode(titled(TITLES))
    assert "\n" not in str(raised.value)
    return str(raised.value)


def largest(folder):
    return max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


DAMAGES = {
    "variables cut": lambda folder: largest(folder).write_bytes(largest(folder).read_bytes()[:1000]),
    "a bit of the variables flipped": lambda folder: flip(largest(folder)),
    "variables gone": lambda folder: shutil.rmtree(folder / "variables"),
    "an empty index": lambda folder: (folder / "variables" / "variables.index").write_bytes(b""),
    "graph cut": lambda folder: (folder / "saved_model.pb").write_bytes(
        (folder / "saved_model.pb").read_bytes()[:5000]
    ),
    "graph empty": lambda folder: (folder / "saved_model.pb").write_bytes(b""),
    "graph replaced": lambda folder: (folder / "saved_model.pb").write_bytes(b"not a graph" * 50),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["elmo", "words"])
def test_damaged_modules_are_said_in_one_line(copy, name, damage):
    folder = copy(name)
    DAMAGES[damage](folder)
    encoder = ElmoEncoder(model=str(folder)) if name == "elmo" else WordVectorEncoder(vectors=str(folder))
    assert said(encoder).startswith(f"{folder}: the SavedModel cannot be used (")


def test_the_wrong_module_is_told_what_it_lacks(modules, tmp_path):
    assert "it has no signature 'tokens', as ELMo has; there are: " in said(ElmoEncoder(model=str(modules / "words")))
    assert "it cannot be called with texts" in said(WordVectorEncoder(vectors=str(modules / "elmo")))
    export_elmo(tmp_path / "default", signatures=("default",))
    assert "no signature 'tokens', as ELMo has; there are: default" in said(
        ElmoEncoder(model=str(tmp_path / "default"))
    )
    export_elmo(tmp_path / "renamed", elmo="states")
    assert "its signature 'tokens' has no output 'elmo'" in said(ElmoEncoder(model=str(tmp_path / "renamed")))
    export_elmo(tmp_path / "swapped", elmo="default", default="elmo")
    assert "gave an output of shape (1, 1024)" in said(ElmoEncoder(model=str(tmp_path / "swapped")))


class Server(ThreadingHTTPServer):
    """Serves an archive at every address, as tfhub.dev does."""

    def __init__(self, archive):
        self.archive, self.asked = archive, []
        super().__init__(("127.0.0.1", 0), Handler)

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        self.send_response(200 if self.server.archive else 404)
        self.end_headers()
        self.wfile.write(self.server.archive)

    def log_message(self, *_):
        pass


@needs_hub
def test_a_handle_is_fetched_once_and_then_found_in_the_cache(modules, elmo, tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    with tarfile.open(tmp_path / "module.tar.gz", "w:gz") as archive:
        archive.add(modules / "elmo", ".")
    with Server((tmp_path / "module.tar.gz").read_bytes()) as server:
        handle = f"http://127.0.0.1:{server.server_port}/google/elmo/2"
        fetched = ElmoEncoder(model=handle)
        np.testing.assert_allclose(
            fetched.encode(titled(TITLES)).vectors, elmo.encode(titled(TITLES)).vectors, atol=1e-6
        )
        assert server.asked == ["/google/elmo/2?tf-hub-format=compressed"]
    assert ElmoEncoder(model=handle).weights_hash() == fetched.weights_hash() == elmo.weights_hash()


@needs_hub
def test_a_handle_that_is_no_module_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    for archive, reason in ((b"", "HTTP Error 404"), (b"no archive", "does not appear to be a valid module")):
        with Server(archive) as server:
            handle = f"http://127.0.0.1:{server.server_port}/google/elmo/2"
            message = said(ElmoEncoder(model=handle))
        assert message.startswith(f"{handle} cannot be fetched (")
        assert reason in message


@needs_hub
@pytest.mark.parametrize(
    ("encoder", "folder_option"),
    [
        (partial(ElmoEncoder), "elmo:model=FOLDER"),
        (lambda model: WordVectorEncoder(vectors=model), "word2vec:vectors=FOLDER"),
    ],
)
def test_a_handle_that_cannot_be_reached_names_the_folder_option_at_once(encoder, folder_option, tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(saved_model, "ANSWER_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never answers
        port = silent.getsockname()[1]
        for handle in (f"https://127.0.0.1:{port}/google/elmo/2", "https://host.invalid/google/elmo/2"):
            message = said(encoder(model=handle))
            assert message.startswith(f"{handle} cannot be fetched (")
            assert message.endswith(f"download and unpack the module elsewhere and give its folder: {folder_option}")
    assert socket.getdefaulttimeout() is None
