"""Tests of the errors of SavedModels that do not need TensorFlow."""

import sys

import pytest
from support.catalogs import titled

from embrec.errors import FeatureError, MissingExtraError
from embrec.features.text.elmo import ElmoEncoder
from embrec.features.text.word_vectors import WordVectorEncoder

ITEMS = titled(["red hat"])


@pytest.fixture
def module(tmp_path):
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / "saved_model.pb").write_bytes(b"")
    return tmp_path / "module"


def encoders(source):
    return ElmoEncoder(model=str(source)), WordVectorEncoder(vectors=str(source))


def test_without_tensorflow_the_extra_is_named(module, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    for source in (module, "https://tfhub.dev/google/elmo/2"):
        for encoder in encoders(source):
            with pytest.raises(
                MissingExtraError, match=r"'tensorflow'; install it with: pip install 'embrec\[tfhub\]'"
            ):
                encoder.encode(ITEMS)


def test_a_folder_without_a_saved_model_names_the_option(tmp_path):
    for encoder, option in zip(encoders(tmp_path), ("elmo:model=FOLDER", "word2vec:vectors=FOLDER"), strict=True):
        with pytest.raises(FeatureError, match=r"holds no SavedModel: it has no saved_model\.pb") as raised:
            encoder.encode(ITEMS)
        assert str(raised.value).endswith(f"({option})")


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(FeatureError, match="absent holds no SavedModel: there is no such folder"):
        ElmoEncoder(model=str(tmp_path / "absent")).encode(ITEMS)


def test_elmo_is_the_paper_s_unless_a_folder_is_given(tmp_path, monkeypatch):
    assert ElmoEncoder().params.model == "https://tfhub.dev/google/elmo/2"
    monkeypatch.chdir(tmp_path)
    assert ElmoEncoder(model="here").params.model == str(tmp_path / "here")


def test_batches_are_no_part_of_the_identity():
    assert ElmoEncoder(batch_size=5).params.speed_params == {"batch_size"}


def test_the_weights_are_graph_variables_and_vocabularies(module):
    def weights():
        return ElmoEncoder(model=str(module)).weights_hash()

    hashes = [weights()]
    for name in ("saved_model.pb", "variables/variables.index", "assets/words.txt"):
        (module / name).parent.mkdir(exist_ok=True)
        (module / name).write_text(name)
        hashes.append(weights())
    (module / "fingerprint.pb").write_bytes(b"of the export")
    assert len(set(hashes)) == 4
    assert weights() == hashes[-1]
