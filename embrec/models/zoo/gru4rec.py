"""GRU4Rec as its own authors define it: one GRU between shared item vectors, and a bias for each item.

Hidasi et al. (2016), Hidasi and Karatzoglou (2018), with the shared ("constrained") item vectors of their code. What EmbRec's
authors compared with under that name is another model: preset `gru4rec-embrec`.
"""

import torch
from torch import nn

from embrec.models.config import GRU4RecConfig
from embrec.models.encoders.gru import FastGRU
from embrec.models.factorised import SequenceRecommender
from embrec.models.inputs import CatalogInputs
from embrec.models.items import IdEmbedding, build_items
from embrec.models.scorers import FactorisedScorer
from embrec.models.users import NoUser


def build_gru4rec(config: GRU4RecConfig, inputs: CatalogInputs) -> SequenceRecommender:
    """Compose the model; see `build_model`."""
    items = build_items(config, inputs.tables, inputs.known)
    sequence = FastGRU(items.out_dim, items.out_dim, config.dropout, input_dropout=config.item_dropout)
    _initialise(sequence.gru)
    if isinstance(items, IdEmbedding):
        bound = (6 / sum(items.weight.shape)) ** 0.5
        nn.init.uniform_(items.weight, -bound, bound)
    return SequenceRecommender(
        items=items,
        users=NoUser(),
        sequence=sequence,
        scorer=FactorisedScorer(config.metric, config.temperature, biases=len(inputs.known) if config.item_bias else 0),
        known=inputs.known,
        query_layer=False,
    )


def _initialise(gru: nn.GRU) -> None:
    """Draw each gate's weights from U(+-sqrt(6 / (inputs + outputs))), biases zero, as the authors' code does."""
    with torch.no_grad():
        for name, weight in gru.named_parameters():
            if name.startswith("bias"):
                weight.zero_()
            else:
                for gate in weight.chunk(3):
                    bound = (6 / sum(gate.shape)) ** 0.5
                    gate.uniform_(-bound, bound)
