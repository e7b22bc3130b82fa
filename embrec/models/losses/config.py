"""The choice of a loss and its parameters, as plain values: one class a loss."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from torch import Tensor

from embrec.distributions import Searchable, Uniform
from embrec.models.losses.binary_cross_entropy import binary_cross_entropy, calibrated_power
from embrec.models.losses.blocks import Kernel, Offsets, ScoreFormKernel
from embrec.models.losses.bpr import bpr, bpr_kernel
from embrec.models.losses.bpr_max import BprMaxKernel, bpr_max
from embrec.models.losses.cross_entropy import cross_entropy, cross_entropy_kernel
from embrec.models.losses.sampled_softmax import sampled_softmax, sampled_softmax_kernel
from embrec.models.losses.top1 import top1, top1_max

ScoreForm = Callable[[Tensor, Tensor, Tensor], Tensor]
Needs = Literal["negatives", "sample", "nothing"]


class Loss(BaseModel):
    """Base of the losses.

    Attributes:
        name: what users call it.
        needs: any negatives, a sample of the catalog (not all of it), or no negatives.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    needs: ClassVar[Needs] = "negatives"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function (positive [M], negatives [M, N], mask [M, N]) -> [M].

        Args:
            negatives: how many a step has, N.
            catalog: how many items they are taken from.
        """
        raise NotImplementedError

    def kernel(self, negatives: int, catalog: int) -> Kernel:
        """Return the loss as the blocks want it; the arguments are those of `score_form`."""
        return ScoreFormKernel(self.score_form(negatives, catalog))

    def offsets(self, log_expected: Offsets) -> Offsets | None:
        """Return what is added to the scores, from the logarithm of how often a sample holds each item; None for nothing."""
        return None


class CrossEntropy(Loss):
    """Softmax over the positive and its negatives."""

    name: Literal["cross-entropy"] = "cross-entropy"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        return cross_entropy

    def kernel(self, negatives: int, catalog: int) -> Kernel:
        """Return the kernel."""
        return cross_entropy_kernel


class SampledSoftmax(Loss):
    """Cross-entropy with the logQ correction of the sample."""

    name: Literal["sampled-softmax"] = "sampled-softmax"
    needs: ClassVar[Needs] = "sample"
    correction: Annotated[
        Literal["positive-aware", "plain"],
        Field(description="positive-aware (2025), or plain (2019): the positive corrected as if it had been drawn"),
    ] = "positive-aware"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function of corrected scores; see `Loss`."""
        return cross_entropy if self.correction == "plain" else sampled_softmax

    def kernel(self, negatives: int, catalog: int) -> Kernel:
        """Return the kernel, for corrected scores."""
        return cross_entropy_kernel if self.correction == "plain" else sampled_softmax_kernel

    def offsets(self, log_expected: Offsets) -> Offsets | None:
        """Return the correction."""
        positives = log_expected.positives
        return Offsets(-log_expected.negatives, -positives if self.correction == "plain" else positives * 0)


class Bpr(Loss):
    """Each negative on its own below the positive."""

    name: Literal["bpr"] = "bpr"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        return bpr

    def kernel(self, negatives: int, catalog: int) -> Kernel:
        """Return the kernel."""
        return bpr_kernel


class BprMax(Loss):
    """The highest negatives below the positive."""

    name: Literal["bpr-max"] = "bpr-max"
    regularization: Annotated[
        float, Field(ge=0, description="weight of the negatives' squared scores"), Searchable(Uniform(0, 1))
    ] = 1.0
    elu: Annotated[float, Field(ge=0, description="scores go through an ELU, down to minus this; 0 = none")] = 0.0

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        return lambda *scores: bpr_max(*scores, regularization=self.regularization, elu=self.elu)

    def kernel(self, negatives: int, catalog: int) -> Kernel:
        """Return the kernel."""
        return BprMaxKernel(self.regularization, self.elu)


class Top1(Loss):
    """GRU4Rec's first loss."""

    name: Literal["top1"] = "top1"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        return top1


class Top1Max(Loss):
    """The same, the highest negatives counting most."""

    name: Literal["top1-max"] = "top1-max"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        return top1_max


class BinaryCrossEntropy(Loss):
    """Positive or negative, each item by itself."""

    name: Literal["bce"] = "bce"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        return binary_cross_entropy


class CalibratedBinaryCrossEntropy(Loss):
    """The same, calibrated for the share of the catalog that is sampled."""

    name: Literal["gbce"] = "gbce"
    needs: ClassVar[Needs] = "sample"
    calibration: Annotated[float, Field(ge=0, le=1, description="0 = none, 1 = full"), Searchable(Uniform(0, 1))] = 0.75

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function; see `Loss`."""
        power = calibrated_power(negatives, catalog, self.calibration)
        return lambda *scores: binary_cross_entropy(*scores, power=power)


class Cosine(Loss):
    """The direction of the next item's own vector, without negatives."""

    name: Literal["cosine"] = "cosine"
    needs: ClassVar[Needs] = "nothing"


def _from_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


LossConfig = Annotated[
    CrossEntropy
    | SampledSoftmax
    | Bpr
    | BprMax
    | Top1
    | Top1Max
    | BinaryCrossEntropy
    | CalibratedBinaryCrossEntropy
    | Cosine,
    Field(discriminator="name"),
    BeforeValidator(_from_name),
]
