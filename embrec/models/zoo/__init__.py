"""Published models, one a file: each composes the parts beside this folder and registers itself in `embrec.models.registry`."""

from collections.abc import Mapping

from torch import Tensor

from embrec.models import registry
from embrec.models.config import ItemsConfig
from embrec.models.factorised import SequenceRecommender
from embrec.models.tables import FrozenTable


def build_model(config: ItemsConfig, tables: Mapping[str, FrozenTable], known: Tensor) -> SequenceRecommender:
    """Compose the model of a configuration, with freshly initialised weights.

    Args:
        config: of a registered kind.
        tables: the frozen vectors of each of `config.features`, in that order.
        known: True for the items with training events, [n + 1].
    """
    model: SequenceRecommender = registry.of(config.kind).build(config, tables, known)
    return model
