"""What a model is made of, as plain values: the command line, the presets and Python callers build the same object."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ModelConfig(BaseModel):
    """The EmbRec family (spec 1.2): which sources, which cell, how large.

    The defaults are ours, compared on Amazon Beauty (see "First results" in the README for how); preset `embrec` is the
    published model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Annotated[
        Literal["content", "id", "hybrid"],
        Field(description="what an item is: its content, its identity, or content with a residual of identity"),
    ] = "content"
    features: Annotated[tuple[str, ...], Field(description="names of the feature tables, for content and hybrid")] = ()
    dim: Annotated[int, Field(ge=1, description="length of each source's item vector")] = 128
    activation: Annotated[
        Literal["relu", "none"], Field(description="between the two dense layers of a source; none = a linear map")
    ] = "relu"
    cell: Annotated[Literal["published", "fast"], Field(description="the paper's GRU cell, or torch's")] = "fast"
    units: Annotated[int, Field(ge=1, description="length of the GRU's state")] = 128
    residual: Annotated[
        bool, Field(description="add the last item's vector to the query; the published model does not")
    ] = True
    dropout: Annotated[float, Field(ge=0, lt=1, description="share of the GRU's outputs dropped in training")] = 0.2
    feature_dropout: Annotated[
        float, Field(ge=0, lt=1, description="share of the feature vectors' entries dropped in training")
    ] = 0.0
    id_dropout: Annotated[float, Field(ge=0, lt=1, description="share of id residuals dropped (hybrid)")] = 0.1
    id_scale: Annotated[float, Field(gt=0, description="what the id residual is multiplied by (hybrid)")] = 0.2
    metric: Annotated[Literal["dot", "cosine"], Field(description="how query and item are compared")] = "cosine"
    temperature: Annotated[float, Field(gt=0, description="what cosines are divided by")] = 0.07
    max_length: Annotated[int, Field(ge=1, description="the longest history read, in events")] = 50

    @model_validator(mode="after")
    def _features_fit_the_source(self) -> "ModelConfig":
        if self.source == "id" and self.features:
            raise ValueError("a model with source 'id' reads no features; leave them out or choose another source")
        if self.source != "id" and not self.features:
            raise ValueError(f"a model with source {self.source!r} needs at least one feature table")
        if len(set(self.features)) < len(self.features):
            raise ValueError("a feature table is named twice")
        return self
