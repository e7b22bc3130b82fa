"""EmbRec: content vectors, a GRU and a dense query layer; with identity it becomes the paper's GRU4Rec."""

from collections.abc import Mapping

from torch import Tensor

from embrec.models.config import EmbRecConfig
from embrec.models.encoders.gru import CELLS
from embrec.models.factorised import SequenceRecommender
from embrec.models.items.build import build_items
from embrec.models.scorers.factorised import FactorisedScorer
from embrec.models.tables import FrozenTable
from embrec.models.users.none import NoUser


def build_embrec(config: EmbRecConfig, tables: Mapping[str, FrozenTable], known: Tensor) -> SequenceRecommender:
    """Compose the model; see `build_model`."""
    items = build_items(config, tables, known)
    return SequenceRecommender(
        items=items,
        users=NoUser(),
        sequence=CELLS[config.cell](items.out_dim, config.units, config.dropout),
        scorer=FactorisedScorer(config.metric, config.temperature),
        known=known,
        residual=config.residual,
    )
