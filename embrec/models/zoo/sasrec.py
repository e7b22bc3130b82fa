"""SASRec: a causal transformer whose output is compared with the vectors it reads (Kang and McAuley, 2018)."""

from embrec.models.config import SASRecConfig
from embrec.models.encoders.transformer import CausalTransformer
from embrec.models.factorised import SequenceRecommender
from embrec.models.inputs import CatalogInputs
from embrec.models.items import build_items
from embrec.models.scorers import FactorisedScorer
from embrec.models.users import NoUser


def build_sasrec(config: SASRecConfig, inputs: CatalogInputs) -> SequenceRecommender:
    """Compose the model; see `build_model`.

    Raises:
        ConfigError: the heads do not divide the frozen vectors of a model without dense layers.
    """
    config.check([table.dim for table in inputs.tables.values()])
    items = build_items(config, inputs.tables, inputs.known)
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
        known=inputs.known,
        query_layer=False,
    )
