"""EmbRec: content vectors, a GRU and a dense query layer (spec 1.2); with identity it becomes the paper's GRU4Rec."""

from collections.abc import Mapping

from torch import Tensor

from embrec.models.config import ModelConfig
from embrec.models.encoders.gru import CELLS
from embrec.models.items import ContentEncoder, Hybrid, IdEmbedding, ItemEncoder
from embrec.models.recommender import Recommender
from embrec.models.scorers import FactorisedScorer
from embrec.models.tables import FrozenTable
from embrec.models.users import NoUser


def build_embrec(config: ModelConfig, tables: Mapping[str, FrozenTable], known: Tensor) -> Recommender:
    """Compose the model.

    Args:
        config: its parts and sizes.
        tables: the frozen vectors of each of `config.features`, in that order.
        known: True for the items with training events, [n + 1].
    """
    items: ItemEncoder
    layers = (config.dim, config.feature_dropout, config.activation)
    if config.source == "id":
        items = IdEmbedding(known, config.dim)
    elif config.source == "content":
        items = ContentEncoder(tables, *layers)
    else:
        content = ContentEncoder(tables, *layers)
        identity = IdEmbedding(known, content.out_dim, standard_deviation=0.0)  # the hybrid starts as the content model
        items = Hybrid(content, identity, config.id_dropout, config.id_scale)
    return Recommender(
        items=items,
        users=NoUser(),
        sequence=CELLS[config.cell](items.out_dim, config.units, config.dropout),
        scorer=FactorisedScorer(config.metric, config.temperature),
        known=known,
        residual=config.residual,
    )
