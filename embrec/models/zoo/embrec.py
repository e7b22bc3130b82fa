"""EmbRec: content vectors, a GRU and a dense query layer; with identity it becomes the paper's GRU4Rec."""

from embrec.models.config import EmbRecConfig
from embrec.models.encoders.gru import CELLS
from embrec.models.factorised import SequenceRecommender
from embrec.models.inputs import CatalogInputs
from embrec.models.items import build_items
from embrec.models.scorers import FactorisedScorer
from embrec.models.users import NoUser


def build_embrec(config: EmbRecConfig, inputs: CatalogInputs) -> SequenceRecommender:
    """Compose the model; see `build_model`."""
    items = build_items(config, inputs.tables, inputs.known)
    return SequenceRecommender(
        items=items,
        users=NoUser(),
        sequence=CELLS[config.cell](items.out_dim, config.units, config.dropout),
        scorer=FactorisedScorer(config.metric, config.temperature),
        known=inputs.known,
        residual=config.residual,
    )
