"""SASRec: a causal transformer whose output is compared with the vectors it reads (Kang and McAuley, 2018)."""

from collections.abc import Mapping

from torch import Tensor

from embrec.models.config import SASRecConfig
from embrec.models.encoders.transformer import CausalTransformer
from embrec.models.factorised import SequenceRecommender
from embrec.models.items.build import build_items
from embrec.models.scorers.factorised import FactorisedScorer
from embrec.models.tables import FrozenTable
from embrec.models.users.none import NoUser


def build_sasrec(config: SASRecConfig, tables: Mapping[str, FrozenTable], known: Tensor) -> SequenceRecommender:
    """Compose the model; see `build_model`.

    Raises:
        ConfigError: the heads do not divide the frozen vectors of a model without dense layers.
    """
    config.check([table.dim for table in tables.values()])
    items = build_items(config, tables, known)
    return SequenceRecommender(
        items=items,
        users=NoUser(),
        sequence=CausalTransformer(
            items.out_dim,
            config.max_length,
            layers=config.layers,
            heads=config.heads,
            feed_forward=config.feed_forward,
            dropout=config.dropout,
            positions=config.positions,
            scale=items.out_dim**0.5 if config.scale_items else 1.0,
            position_std=config.id_std,
        ),
        scorer=FactorisedScorer(config.metric, config.temperature),
        known=known,
        query_layer=False,
    )
