"""`compare_losses`: the same model with each loss, as in [semikin2019] Fig. 12, under one protocol and with several seeds."""

from collections.abc import Sequence

from embrec.comparisons.objectives import (
    LossVariant,
    ObjectiveVariants,
    SharedSettings,
    compare_objectives,
    with_published,
)
from embrec.comparisons.request import ComparisonRequest
from embrec.comparisons.results import Comparison, Subject

LOSSES = ("cross-entropy", "bpr", "bpr-max", "cosine")


class LossVariants(ObjectiveVariants):
    """Losses with the negatives of their presets, all compared with one of them."""

    subject = Subject(
        name="losses",
        interval="seeds",
        figure="losses",
        remark="The paper's Fig. 12 is of validation targets, after a fixed number of steps with each loss; here the best "
        "epoch is chosen by validation, and test targets are ranked once.",
    )


def compare_losses(
    request: ComparisonRequest, losses: Sequence[str] = LOSSES, *, published: bool = False
) -> Comparison:
    """Train the same model with each loss and several seeds, and compare them ([semikin2019] Fig. 12).

    Settings of the request may be for one loss alone: `bpr:training.learning_rate=1e-3`. Without a preset each loss has its
    own, such as `embrec-bpr`. Seen items stay among the candidates, as in [semikin2019].

    Args:
        request: data, settings, seeds and report. Its reference is a loss.
        losses: their names. Those that the comparison has from before stay in it.
        published: beside each loss with the user's own items left out of the negatives, also train it with the negatives of
            the published code: the batch's next items left out, batches and draws the same in every epoch.

    Returns:
        The comparison; `results.json`, `results.csv`, `table.md` and the figure are in its folder.

    Raises:
        ConfigError: a loss, a setting, a preset or a metric is unknown, or none is named; raised before any work.
        MissingExtraError: packages of an encoder or of the figure are not installed; raised before any work.
        RunError: the comparison was begun with other settings or data, or every loss failed.
    """
    objectives = [LossVariant(loss) for loss in dict.fromkeys(losses)]
    shared = SharedSettings(request, varied=("training.loss", "training.loss.name"))
    return compare_objectives(LossVariants, with_published(objectives) if published else objectives, shared)
