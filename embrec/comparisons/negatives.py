"""`compare_negatives`: losses with different numbers of negatives, as in [semikin2019] Fig. 13, under one protocol."""

from collections.abc import Sequence
from dataclasses import replace

from embrec.comparisons.objectives import (
    METRICS,
    Count,
    LossVariant,
    ObjectiveVariants,
    SharedSettings,
    compare_objectives,
    with_published,
)
from embrec.comparisons.request import ComparisonRequest
from embrec.comparisons.results import Comparison, Subject
from embrec.data.prepared import open_split
from embrec.errors import ConfigError
from embrec.evaluation.metrics import cutoff

LOSSES_WITH_NEGATIVES = ("cross-entropy", "bpr", "bpr-max")
COUNTS: tuple[Count, ...] = (1024, 2048, 4096, 8192, 16384, 32768, "all")


class NegativesVariants(ObjectiveVariants):
    """Losses with numbers of negatives, each compared with the most negatives of the same loss and protocol."""

    subject = Subject(
        name="negatives",
        interval="seeds",
        figure="counts",
        remark="The paper's Fig. 13 is of validation targets, and of the published code: its negatives were drawn once, before "
        "the first epoch, without the next items of the whole batch, and items without training events were never drawn.",
    )

    def references(self, names: Sequence[str], asked: str | None) -> dict[str, str]:
        """Return the variant that each one is compared with: the most negatives of its loss and protocol."""
        every = [LossVariant.of(name) for name in names]
        found = {}
        for one in every:
            group = [other for other in every if (other.loss, other.published) == (one.loss, one.published)]
            best = max(
                group, key=lambda other: float("inf") if other.negatives == "all" else float(other.negatives or 0)
            )
            found[one.name] = best.name
        return found


def compare_negatives(
    request: ComparisonRequest,
    losses: Sequence[str] = LOSSES_WITH_NEGATIVES,
    counts: Sequence[Count] = COUNTS,
    *,
    published: bool = False,
    alpha: float = 1.0,
) -> Comparison:
    """Train the same model with different numbers of negatives, for each loss, and compare them ([semikin2019] Fig. 13).

    All negatives are always among the counts, and each loss's other counts are compared with them. Counts above the number of
    training items are left out with a note. Settings of the request may be for one loss alone, as in `compare_losses`.

    Args:
        request: data, settings, seeds and report; it names no reference.
        losses: those that are ranked against negatives.
        counts: numbers of negatives, drawn anew at each step and shared by the batch; the user's own items do not count.
        published: beside each row also train it with the negatives of the published code.
        alpha: negatives are drawn in proportion to popularity to this power; 1, as [semikin2019], or 0 for uniform.

    Returns:
        The comparison; `results.json`, `results.csv`, `table.md` and the figure are in its folder.

    Raises:
        ConfigError, MissingExtraError, RunError: see `compare_losses`.
    """
    if "cosine" in losses:
        raise ConfigError("loss cosine has no negatives to vary; choose other losses")
    for name in request.metrics or METRICS:
        cutoff(name)  # before the data are read
    items = open_split(request.folder, request.split).n_train_items
    numbers = sorted({count for count in counts if count != "all"})
    fitting: list[Count] = [count for count in numbers if count <= items]
    notes = [
        f"{count:,} negatives are left out: only {items:,} items have training events"
        for count in numbers
        if count > items
    ]
    objectives = [LossVariant(loss, count) for loss in dict.fromkeys(losses) for count in [*fitting, "all"]]
    keys = ("count", "alpha", "exclude", "frozen")
    shared = SharedSettings(
        replace(request, reference=None),
        varied=(
            "training.loss",
            "training.loss.name",
            "training.negatives",
            *(f"training.negatives.{key}" for key in keys),
        ),
        alpha=alpha,
    )
    return compare_objectives(NegativesVariants, with_published(objectives) if published else objectives, shared, notes)
