"""GRU4Rec as its own authors define it: one GRU between shared item vectors, and a bias for each item.

Source: [hidasi2016], [hidasi2018], with the shared ("constrained") item vectors of their code. What EmbRec's
authors compared with under that name is another model: preset `gru4rec-embrec`.
"""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn

from embrec.distributions import Choice, Searchable, Uniform
from embrec.models.config import ItemsConfig
from embrec.models.encoders.gru import FastGRU
from embrec.models.factorised import SequenceRecommender
from embrec.models.inputs import CatalogInputs
from embrec.models.items.build import build_items
from embrec.models.items.identity import IdEmbedding
from embrec.models.registry import Registration
from embrec.models.scorers.factorised import FactorisedScorer
from embrec.models.users.none import NoUser


class GRU4RecConfig(ItemsConfig):
    """GRU4Rec as its own authors define it: a GRU whose inputs and outputs share the item vectors, and a bias for each item.

    Use it as the recurrent baseline on item identities, with the losses of its authors (`bpr-max`, `cross-entropy`). The score
    of item i is the inner product of the GRU's state and its vector, plus its bias. What EmbRec's authors compared with under
    this name is another model: preset `gru4rec-embrec`. Sources: [hidasi2016], [hidasi2018].

    Examples:
        >>> config = GRU4RecConfig()
        >>> config.source, config.metric, config.item_bias
        ('id', 'dot', True)
    """

    kind: Literal["gru4rec"] = "gru4rec"
    source: Literal["content", "id", "hybrid"] = "id"
    dim: Annotated[
        int,
        Field(ge=1, description="length of each source's item vector, and of the state"),
        Searchable(Choice((64, 128, 256))),
    ] = 128
    metric: Literal["dot", "cosine"] = "dot"
    item_bias: Annotated[bool, Field(description="a trained number for each item, added to its scores")] = True
    item_dropout: Annotated[
        float, Field(ge=0, lt=1, description="share of the inputs' entries dropped"), Searchable(Uniform(0, 0.5))
    ] = 0.0
    dropout: Annotated[
        float,
        Field(ge=0, lt=1, description="share of the GRU's outputs dropped in training"),
        Searchable(Uniform(0, 0.5)),
    ] = 0.2

    def check_fixed_targets(self, loss: str) -> None:
        """Check that items have no bias, beyond what all models check; see `ItemsConfig`."""
        super().check_fixed_targets(loss)
        if self.item_bias:
            raise ValueError(f"loss {loss} trains directions, which have no bias: set model.item_bias false")


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


GRU4REC = Registration(
    "gru4rec", GRU4RecConfig, build_gru4rec, "a GRU between shared item vectors, and a bias for each item"
)
