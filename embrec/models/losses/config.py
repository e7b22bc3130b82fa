"""Base class of the losses, and the registry of losses by name.

Each loss has a file of its own in this folder and one line in `LOSSES`. A loss of another package has an entry point of the
group `embrec.losses`; a program adds one with `register`.
"""

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict
from torch import Tensor

from embrec.models.losses.blocks import Kernel, Offsets, ScoreFormKernel
from embrec.registry import ChosenFrom, Registry
from embrec.validation import Checked

ScoreForm = Callable[[Tensor, Tensor, Tensor], Tensor]
TargetForm = Callable[[Tensor, Tensor], Tensor]
Needs = Literal["negatives", "sample", "nothing"]


class Loss(Checked):
    """Base of the losses.

    A new loss is a subclass in a file of its own, with a `score_form`, and one line in `LOSSES`; every model that is trained
    with scores can use it. A `kernel` written by hand makes it faster against a whole catalog.

    Attributes:
        name: name of the loss in configurations.
        needs: "negatives" of any sort, a "sample" of the catalog (not all items), or "nothing" (no negatives).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    needs: ClassVar[Needs] = "negatives"

    def score_form(self, negatives: int, catalog: int) -> ScoreForm:
        """Return the loss as a function (positive [M], negatives [M, N], mask [M, N]) -> [M].

        Args:
            negatives: number of negatives of each step, N.
            catalog: number of items that they are chosen from.

        Raises:
            TypeError: the loss has no negatives.
        """
        raise TypeError(f"{type(self).__name__} has no score_form, so it cannot be computed with negatives")

    def kernel(self, negatives: int, catalog: int) -> Kernel:
        """Return the loss for blocks of scores, by autograd unless a subclass overrides it; arguments as of `score_form`."""
        return ScoreFormKernel(self.score_form(negatives, catalog))

    def offsets(self, log_expected: Offsets) -> Offsets | None:
        """Return the numbers to add to the scores; None for nothing.

        Args:
            log_expected: logarithm of the expected number of draws of each negative and positive in a sample.
        """
        return None

    def target_form(self) -> TargetForm:
        """Return a loss without negatives as a function (queries [M, d], vectors of the next items [M, d]) -> [M].

        Raises:
            TypeError: the loss has negatives.
        """
        raise TypeError(f"{type(self).__name__} has no target_form, so it cannot be computed without negatives")


LOSSES: Registry[type[Loss]] = Registry(
    "loss",
    {
        "cross-entropy": "embrec.models.losses.cross_entropy:CrossEntropy",
        "sampled-softmax": "embrec.models.losses.sampled_softmax:SampledSoftmax",
        "bpr": "embrec.models.losses.bpr:Bpr",
        "bpr-max": "embrec.models.losses.bpr_max:BprMax",
        "top1": "embrec.models.losses.top1:Top1",
        "top1-max": "embrec.models.losses.top1:Top1Max",
        "bce": "embrec.models.losses.binary_cross_entropy:BinaryCrossEntropy",
        "gbce": "embrec.models.losses.binary_cross_entropy:CalibratedBinaryCrossEntropy",
        "cosine": "embrec.models.losses.cosine:Cosine",
    },
    "embrec.losses",
    name_of=lambda loss: str(loss.model_fields["name"].default),
    accepts=lambda one: isinstance(one, type) and issubclass(one, Loss),
    expected="a subclass of Loss",
)

# Any registered loss, as a field of another configuration; a name alone is a loss with its defaults.
LossConfig = Annotated[Loss, ChosenFrom(LOSSES, "name", lambda loss: loss, bare=True)]


def register(loss: type[Loss], *, replace: bool = False) -> type[Loss]:
    """Add a loss for as long as the program runs; see `Registry.register`."""
    return LOSSES.register(loss, replace=replace)
