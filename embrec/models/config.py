"""The configuration that all models share: what an item is, and how it is compared with a query.

Each model adds its own settings in its file in `embrec.models.zoo`; the command line, the presets and Python callers build
the same object.
"""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from embrec.distributions import Choice, LogUniform, Searchable, Uniform
from embrec.validation import Checked


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class ItemsConfig(Checked):
    """Base of the configurations of models.

    A field marked `Searchable` gives the range in which a search varies it where no other is given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    # What a kind of model reads besides feature tables: relations, attributes, context; see `embrec.data.extras`.
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
    kind: str

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
        """Check that the model can read feature vectors of these lengths, once they are known.

        Args:
            lengths: length of each feature table's vectors, in the order of `features`.

        Raises:
            ConfigError: it cannot.
        """

    def check_fixed_targets(self, loss: str) -> None:
        """Check that training cannot move the targets' vectors, for a loss that compares directions without negatives.

        Args:
            loss: its name.

        Raises:
            ValueError: training moves them, or scores are not cosines.
        """
        if self.source != "content" or self.has_fc:
            raise ValueError(
                f"loss {loss} needs targets that training cannot move: set model.source content and model.fc false"
            )
        if self.metric != "cosine":
            raise ValueError(f"loss {loss} trains directions, so model.metric must be cosine")

    @property
    def has_fc(self) -> bool:
        """True if dense layers follow the source's vectors, the default resolved."""
        return self.source != "id" if self.fc is None else self.fc
