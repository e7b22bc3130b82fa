"""The item encoder of a model's configuration."""

from collections.abc import Mapping

from torch import Tensor

from embrec.models.config import ItemsConfig
from embrec.models.items.base import ItemEncoder
from embrec.models.items.content import ContentEncoder
from embrec.models.items.hybrid import Hybrid
from embrec.models.items.identity import IdEmbedding
from embrec.models.items.layers import DenseLayers
from embrec.models.tables import FrozenTable


def build_items(config: ItemsConfig, tables: Mapping[str, FrozenTable], known: Tensor) -> ItemEncoder:
    """Compose the item encoder of a model.

    Args:
        config: the source and the sizes.
        tables: the frozen vectors of each of `config.features`, in that order.
        known: True for the items with training events, [n + 1].
    """
    if config.source == "id":
        layers = DenseLayers(config.dim, config.dim, activation=config.activation) if config.has_fc else None
        return IdEmbedding(known, config.dim, config.id_std, layers)
    dim = config.dim if config.has_fc else None
    content = ContentEncoder(tables, dim, config.feature_dropout, config.activation)
    if config.source == "content":
        return content
    identity = IdEmbedding(known, content.out_dim, standard_deviation=0.0)  # the hybrid starts as the content model
    return Hybrid(content, identity, config.id_dropout, config.id_scale)
