"""Tests of the text encoders of CLIP and SigLIP models."""

import numpy as np
import pytest
import torch
from support.text_models import FILLED, catalog, cleaned, make_clip, transformers

from embrec.errors import ConfigError, FeatureError
from embrec.features.registry import make_encoder


@pytest.mark.parametrize(("kind", "padding", "dim"), [("clip", "longest", 24), ("siglip", "max_length", 32)])
def test_clip_text_equals_the_text_features_of_each_text_alone(tmp_path, kind, padding, dim):
    """SigLIP was trained on texts filled up to its full length, and reads the last token of them."""
    model = make_clip(tmp_path, kind)
    encoder = make_encoder("clip-text", {"model": str(tmp_path)})
    assert encoder.dim == dim
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    vectors = encoder.encode(catalog()).vectors
    for row, text in zip(FILLED, cleaned(), strict=True):
        options = {"padding": padding, "truncation": True, "max_length": 16, "return_tensors": "pt"}
        with torch.inference_mode():
            features = model.get_text_features(input_ids=tokenizer(text, **options)["input_ids"])
        features = getattr(features, "pooler_output", features)
        np.testing.assert_allclose(vectors[row], features[0].numpy(), atol=1e-5)
    assert not vectors[5].any()
    assert np.linalg.norm(vectors[0] - vectors[1]) > 1e-3
    assert len(encoder.weights_hash()) == 64


def test_clip_text_refuses_models_without_a_shared_space_and_other_lengths(tmp_path, folders):
    with pytest.raises(FeatureError, match=r"a BertModel has no text side .* encoder 'bert' reads it"):
        make_encoder("clip-text", {"model": str(folders["bert"])}).encode(catalog())
    make_clip(tmp_path, "siglip")
    with pytest.raises(ConfigError, match="reads texts at its full length"):
        make_encoder("clip-text", {"model": str(tmp_path), "max_tokens": 8}).encode(catalog())
    with pytest.raises(ConfigError, match="has positions for 16 tokens"):
        make_encoder("clip-text", {"model": str(tmp_path), "max_tokens": 17}).encode(catalog())
