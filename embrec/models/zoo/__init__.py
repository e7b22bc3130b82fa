"""Published models, each composed from the parts beside this folder."""

from collections.abc import Callable
from typing import Any

from embrec.models.config import EmbRecConfig, GRU4RecConfig, ItemsConfig, SASRecConfig
from embrec.models.factorised import SequenceRecommender
from embrec.models.inputs import CatalogInputs
from embrec.models.zoo.embrec import build_embrec
from embrec.models.zoo.gru4rec import build_gru4rec
from embrec.models.zoo.sasrec import build_sasrec

_BUILDERS: dict[type[ItemsConfig], Callable[[Any, CatalogInputs], SequenceRecommender]] = {
    EmbRecConfig: build_embrec,
    SASRecConfig: build_sasrec,
    GRU4RecConfig: build_gru4rec,
}


def build_model(config: ItemsConfig, inputs: CatalogInputs) -> SequenceRecommender:
    """Compose the model of a configuration, with freshly initialised weights.

    Args:
        config: parts and sizes of the model.
        inputs: what the model reads of the catalog; its tables are those of `config.features`, in that order.
    """
    return _BUILDERS[type(config)](config, inputs)
