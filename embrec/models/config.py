"""What a model is made of, as plain values: the command line, the presets and Python callers build the same object."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from embrec.distributions import Choice, LogUniform, Searchable, Uniform
from embrec.errors import ConfigError


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class ItemsConfig(BaseModel):
    """What an item is and how it is compared with a query: the part that all models share."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    # What a kind of model reads besides feature tables: relations, attributes, context; see `embrec.runs.extras`.
    reads: ClassVar[frozenset[str]] = frozenset()

    source: Annotated[
        Literal["content", "id", "hybrid"],
        Field(description="what an item is: its content, its identity, or content with a residual of identity"),
    ] = "content"
    features: Annotated[
        tuple[str, ...],
        BeforeValidator(_several),
        Field(description="names of the feature tables, for content and hybrid; without a source they mean content"),
    ] = ()
    dim: Annotated[
        int,
        Field(ge=1, description="length of each source's item vector"),
        Searchable(Choice((64, 128, 256)), lambda model: model.source == "id" or model.has_fc),
    ] = 128
    fc: Annotated[
        bool | None,
        Field(description="two dense layers after each source's vectors; default: for content, not for identity"),
    ] = None
    activation: Annotated[
        Literal["relu", "none"], Field(description="between the two dense layers of a source; none = a linear map")
    ] = "relu"
    feature_dropout: Annotated[
        float,
        Field(ge=0, lt=1, description="share of the feature vectors' entries dropped in training"),
        Searchable(Choice((0.0, Uniform(0.05, 0.3))), lambda model: model.source != "id" and model.has_fc),
    ] = 0.0
    id_std: Annotated[float, Field(gt=0, description="standard deviation of the initial identity vectors")] = 0.05
    id_dropout: Annotated[
        float,
        Field(ge=0, lt=1, description="share of id residuals dropped (hybrid)"),
        Searchable(Uniform(0, 0.5), lambda model: model.source == "hybrid"),
    ] = 0.1
    id_scale: Annotated[
        float,
        Field(gt=0, description="what the id residual is multiplied by (hybrid)"),
        Searchable(LogUniform(0.05, 1), lambda model: model.source == "hybrid"),
    ] = 0.2
    metric: Annotated[Literal["dot", "cosine"], Field(description="how query and item are compared")] = "cosine"
    temperature: Annotated[
        float,
        Field(gt=0, description="what cosines are divided by"),
        Searchable(LogUniform(0.03, 0.3), lambda model: model.metric == "cosine"),
    ] = 0.07
    max_length: Annotated[int, Field(ge=1, description="the longest history read, in events")] = 50

    @model_validator(mode="before")
    @classmethod
    def _features_mean_content(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("features") and values.get("source") is None:
            return {**values, "source": "content"}
        return values

    @model_validator(mode="after")
    def _features_fit_the_source(self) -> "ItemsConfig":
        if self.source == "id" and self.features:
            raise ValueError(
                "a model with source 'id' reads no features; leave them out, or set source content or hybrid"
            )
        if self.source != "id" and not self.features:
            raise ValueError(
                f"a model with source {self.source!r} needs at least one feature table: name it in features, or set source id"
            )
        if len(set(self.features)) < len(self.features):
            raise ValueError("a feature table is named twice")
        if self.feature_dropout and (self.source == "id" or not self.has_fc):
            raise ValueError("feature_dropout is for features with fc, which learns from what is left; set it to 0")
        return self

    def check(self, lengths: Sequence[int]) -> None:
        """Raise a ConfigError if the model cannot read the features' vectors, of these lengths."""

    @property
    def has_fc(self) -> bool:
        """Whether dense layers follow the source's vectors, the default resolved."""
        return self.source != "id" if self.fc is None else self.fc


class EmbRecConfig(ItemsConfig):
    """The EmbRec family: a GRU over item vectors and a dense query layer.

    The defaults are ours, compared on Amazon Beauty (see "First results" in the README for how); preset `embrec` is the
    published model.
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


class SASRecConfig(ItemsConfig):
    """SASRec: a causal transformer whose output is compared with the same item vectors that it reads."""

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


class GRU4RecConfig(ItemsConfig):
    """GRU4Rec as its own authors define it: output and input share the item vectors, and items have a bias."""

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


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("kind", "embrec"))
    return str(getattr(value, "kind", "embrec"))


# A configuration without a kind is an EmbRec, as all were before there were others.
ModelConfig = Annotated[
    Annotated[EmbRecConfig, Tag("embrec")]
    | Annotated[SASRecConfig, Tag("sasrec")]
    | Annotated[GRU4RecConfig, Tag("gru4rec")],
    Discriminator(_kind),
]
MODEL_KINDS: dict[str, type[ItemsConfig]] = {
    "embrec": EmbRecConfig,
    "sasrec": SASRecConfig,
    "gru4rec": GRU4RecConfig,
}
