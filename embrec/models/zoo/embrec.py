"""EmbRec: content vectors, a GRU and a dense query layer; with identity it becomes the GRU4Rec of [semikin2019].

Source: [semikin2019] sec. 3.2; the published form is preset `embrec`.
"""

from typing import Annotated, Literal

from pydantic import Field

from embrec.distributions import Searchable, Uniform
from embrec.models.config import ItemsConfig
from embrec.models.encoders.gru import CELLS
from embrec.models.factorised import SequenceRecommender
from embrec.models.inputs import CatalogInputs
from embrec.models.items.build import build_items
from embrec.models.registry import Registration
from embrec.models.scorers.factorised import FactorisedScorer
from embrec.models.users.none import NoUser


class EmbRecConfig(ItemsConfig):
    """EmbRec: a GRU over item vectors, and a dense layer that turns its output into the query.

    Use it first: its items are their content, so new ones are recommended without retraining, and it is the fastest to
    train and to serve. The query of a history is `W h + b`, with `h` the GRU's last state; the score of an item is the
    cosine of query and item vector divided by `temperature`, or their inner product (`metric`). With `residual`, a trained
    multiple of the last item's vector is added to the query: the model then starts as a nearest-neighbour recommender.

    The defaults are ours, compared on Amazon Beauty (see "First results" in the README for how); preset `embrec` is the
    published model. Source: [semikin2019].

    Examples:
        >>> config = EmbRecConfig(features=("tfidf",))
        >>> config.source, config.dim, config.has_fc
        ('content', 128, True)
    """

    kind: Literal["embrec"] = "embrec"
    cell: Annotated[Literal["published", "fast"], Field(description="the paper's GRU cell, or torch's")] = "fast"
    units: Annotated[int, Field(ge=1, description="length of the GRU's state")] = 128
    residual: Annotated[
        bool, Field(description="add the last item's vector to the query; the published model does not")
    ] = True
    dropout: Annotated[
        float,
        Field(ge=0, lt=1, description="share of the GRU's outputs dropped in training"),
        Searchable(Uniform(0, 0.5)),
    ] = 0.2


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


EMBREC = Registration("embrec", EmbRecConfig, build_embrec, "a GRU over item vectors and a dense query layer")
