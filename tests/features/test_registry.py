import polars as pl
import pytest

from embrec.data.catalog import Catalog
from embrec.errors import ConfigError, FeatureError
from embrec.features.registry import load_encoder, make_encoder


def test_unknown_encoders_and_parameters_are_named():
    with pytest.raises(ConfigError, match=r"unknown encoder 'elmoo'; did you mean 'elmo'\? there are: .*minilm.*tfidf"):
        make_encoder("elmoo")
    with pytest.raises(ConfigError, match="parameter 'colour'"):
        make_encoder("tfidf", {"colour": 1})
    with pytest.raises(ConfigError, match="parameter 'max_features'"):
        make_encoder("tfidf", {"max_features": 0})


@pytest.mark.parametrize("file", ["encoder.json", "terms.json", "idf.npy"])
@pytest.mark.parametrize("content", [b"", b"[", b"[1]", b"\x93NUMPY\xff", b'{"name": "elmoo", "params": {}}'])
def test_a_damaged_saved_encoder_is_named(tmp_path, file, content):
    encoder = make_encoder("tfidf")
    encoder.fit(Catalog(pl.DataFrame({"item": ["a", "b"], "title": ["red hat", "sock"]})))
    encoder.save(tmp_path)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(FeatureError, match="holds no usable encoder"):
        load_encoder(tmp_path)
