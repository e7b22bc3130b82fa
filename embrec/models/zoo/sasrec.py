"""SASRec: a causal transformer whose output is compared with the vectors it reads.

Source: [kang2018].
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from embrec.distributions import Choice, Searchable, Uniform
from embrec.errors import ConfigError
from embrec.models.config import ItemsConfig
from embrec.models.encoders.transformer import CausalTransformer
from embrec.models.factorised import SequenceRecommender
from embrec.models.inputs import CatalogInputs
from embrec.models.items.build import build_items
from embrec.models.registry import Registration
from embrec.models.scorers.factorised import FactorisedScorer
from embrec.models.users.none import NoUser


class SASRecConfig(ItemsConfig):
    """SASRec: a causal transformer whose output is compared with the item vectors that it reads.

    Use it where histories are long and their order matters; trained with cross-entropy over all items it is a strong
    baseline [klenitskiy2023]. Each event's vector plus a learned vector of its position goes through `layers` of
    attention to earlier events and itself; the score of an item is the inner product of its vector and the last output.
    Items are identities by default (`source="id"`), as published: new items then need a new training.
    Source: [kang2018].

    Examples:
        >>> SASRecConfig().source, SASRecConfig(features=("tfidf",)).source
        ('id', 'content')
        >>> SASRecConfig(dim=64, heads=3)
        Traceback (most recent call last):
        ...
        embrec.validation.OptionError: SASRecConfig: 3 heads do not divide item vectors of length 64; change heads or dim
    """

    kind: Literal["sasrec"] = "sasrec"
    source: Literal["content", "id", "hybrid"] = "id"
    dim: Annotated[
        int,
        Field(ge=1, description="length of each source's item vector"),
        Searchable(Choice((64, 128, 256)), lambda model: model.source == "id" or model.has_fc),
    ] = 256
    id_std: Annotated[
        float, Field(gt=0, description="standard deviation of the initial identity and position vectors")
    ] = 0.002
    metric: Literal["dot", "cosine"] = "dot"
    layers: Annotated[int, Field(ge=1, description="layers of attention"), Searchable(Choice((1, 2)))] = 1
    heads: Annotated[int, Field(ge=1, description="of each layer")] = 1
    feed_forward: Annotated[
        int | None, Field(ge=1, description="length of the dense layers in between; default: that of an item vector")
    ] = None
    positions: Annotated[
        Literal["start", "end"], Field(description="counted from a history's first event, or back from its last")
    ] = "start"
    scale_items: Annotated[
        bool, Field(description="multiply item vectors by the square root of their length before they are read")
    ] = True
    dropout: Annotated[
        float,
        Field(ge=0, lt=1, description="share dropped of inputs and of every layer's outputs"),
        Searchable(Uniform(0, 0.5)),
    ] = 0.2

    @model_validator(mode="after")
    def _heads_divide_the_vector(self) -> "SASRecConfig":
        if self.source == "id" or self.has_fc:  # the length of frozen vectors is not known yet
            self._divide(self.dim * max(1, len(self.features)))
        return self

    def check(self, lengths: Sequence[int]) -> None:
        """Raise a ConfigError if the heads do not divide the frozen vectors; see `ItemsConfig.check`."""
        if self.source != "id" and not self.has_fc:
            try:
                self._divide(sum(lengths))
            except ValueError as error:
                raise ConfigError(f"model: {error}") from None

    def _divide(self, length: int) -> None:
        if length % self.heads:
            raise ValueError(f"{self.heads} heads do not divide item vectors of length {length}; change heads or dim")


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


SASREC = Registration(
    "sasrec", SASRecConfig, build_sasrec, "a causal transformer compared with the item vectors it reads"
)
