"""Published models, each composed from the parts beside this folder."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from embrec.models.config import EmbRecConfig, GRU4RecConfig, ItemsConfig, SASRecConfig
from embrec.models.factorised import SequenceRecommender
from embrec.models.tables import FrozenTable
from embrec.models.zoo.embrec import build_embrec
from embrec.models.zoo.gru4rec import build_gru4rec
from embrec.models.zoo.sasrec import build_sasrec

_BUILDERS: dict[type[ItemsConfig], Callable[[Any, Mapping[str, FrozenTable], Tensor], SequenceRecommender]] = {
    EmbRecConfig: build_embrec,
    SASRecConfig: build_sasrec,
    GRU4RecConfig: build_gru4rec,
}


def build_model(config: ItemsConfig, tables: Mapping[str, FrozenTable], known: Tensor) -> SequenceRecommender:
    """Compose the model of a configuration, with freshly initialised weights.

    Args:
        config: its parts and sizes.
        tables: the frozen vectors of each of `config.features`, in that order.
        known: True for the items with training events, [n + 1].
    """
    return _BUILDERS[type(config)](config, tables, known)
