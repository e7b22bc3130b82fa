"""What a comparison of losses or negatives found, as plain values."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from embrec.comparisons.baselines import Baselines
from embrec.comparisons.provenance import settings_of
from embrec.comparisons.results import CONFIDENCE, RESAMPLES, Measured, Measurements, TrainedRun, plain_measurements
from embrec.comparisons.variants import Footing
from embrec.evaluation.statistics import mean_interval
from embrec.runs.config import RunConfig

Subject = Literal["losses", "negatives"]


@dataclass(frozen=True)
class Row:
    """One loss with one number of negatives.

    Attributes:
        footing: what it trains with.
        config: the whole configuration, but for features and seed.
        runs: one model a seed.
        metrics: on the test targets, compared with those of `reference`.
        reference: name of the footing that it is compared with; its own for the reference itself.
    """

    footing: Footing
    config: RunConfig
    runs: tuple[TrainedRun, ...]
    metrics: Measurements
    reference: str

    @property
    def negatives(self) -> str:
        """How many negatives a step has."""
        training = self.config.training
        if training.loss.needs == "nothing":
            return "none"
        count = training.negatives.count
        return "all" if count == "all" else f"{count:,}"

    @property
    def protocol(self) -> str:
        """Whose negatives they are."""
        return "published" if self.footing.published else "corrected"


@dataclass(frozen=True)
class ObjectiveComparison:
    """Losses, or numbers of negatives, side by side.

    Attributes:
        subject: what is compared.
        name: of the comparison.
        category: the data set.
        features: what all models read.
        seeds: of the models.
        metric_names: what was measured.
        targets: slice -> test targets in it; slices without targets are left out.
        rows: in the order they were asked for.
        failures: row -> why it could not be compared.
        notes: what was left out from the start, and why.
        description: terms, data, machine, versions, command.
        folder: where its report is.
        baselines: what all of the models must beat.
    """

    subject: Subject
    name: str
    category: str
    features: tuple[str, ...]
    seeds: tuple[int, ...]
    metric_names: tuple[str, ...]
    targets: Mapping[str, int]
    rows: tuple[Row, ...]
    failures: Mapping[str, str]
    notes: tuple[str, ...]
    description: Mapping[str, Any]
    folder: Path
    baselines: Baselines | None = None

    @property
    def both_protocols(self) -> bool:
        """Whether the published negatives stand beside the corrected ones."""
        return any(row.footing.published for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values for JSON."""
        return {
            "comparison": self.name,
            "subject": self.subject,
            "category": self.category,
            **self.description,
            "seeds": list(self.seeds),
            "statistics": {
                "over seeds": f"{CONFIDENCE:.0%} interval of the mean over seeds, by Student's t",
                "over users": f"{CONFIDENCE:.0%} percentile bootstrap over users of the mean over seeds",
                "resamples": RESAMPLES,
                "tests": "paired, over users: bootstrap of the difference; Wilcoxon signed-rank, Holm over a reference's rows",
            },
            "targets": dict(self.targets),
            "rows": [_plain(row) for row in self.rows],
            "failures": dict(self.failures),
            "notes": list(self.notes),
            **({} if self.baselines is None else self.baselines.as_dict()),
        }

    def as_csv(self) -> str:
        """Return one line for each row, slice and metric."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = ["loss", "negatives", "protocol", "targets on", "metric", "mean", "low over seeds", "high over seeds"]
        writer.writerow([*columns, "low over users", "high over users", *(f"seed {seed}" for seed in self.seeds)])
        for row in self.rows:
            for label, metrics in row.metrics.items():
                for name, value in metrics.items():
                    ends = [*(over_seeds(value) or ("", "")), value.estimate.low, value.estimate.high]
                    what = [row.footing.loss, row.negatives.replace(",", ""), row.protocol, label, name]
                    writer.writerow([*what, value.estimate.mean, *ends, *value.seeds])
        return text.getvalue()


def over_seeds(value: Measured) -> tuple[float, float] | None:
    """Return the interval of a mean over its seeds; None for a single one."""
    if len(value.seeds) < 2:
        return None
    mean, half_width = mean_interval(value.seeds, CONFIDENCE)
    return mean - half_width, mean + half_width


def _plain(row: Row) -> dict[str, Any]:
    return {
        "row": row.footing.name,
        "loss": row.footing.loss,
        "negatives": row.negatives.replace(",", ""),
        "protocol": row.protocol,
        "reference": row.reference,
        "metrics": {
            label: {
                name: {**plain, "over seeds": over_seeds(row.metrics[label][name])} for name, plain in metrics.items()
            }
            for label, metrics in plain_measurements(row.metrics).items()
        },
        "config": settings_of(row.config),
        "runs": [asdict(run) for run in row.runs],
    }


def references(footings: Sequence[Footing], asked: Footing | None = None) -> dict[Footing, Footing]:
    """Return what each row is compared with: the same loss and protocol with all negatives, or one loss for all losses.

    Args:
        footings: the rows.
        asked: compared with everywhere, where it stands among the rows.

    Returns:
        Row -> its reference, which is a row of its own.
    """
    found: dict[Footing, Footing] = {}
    for footing in footings:
        if footing.negatives is None:
            group = list(footings)
            best = asked if asked in group else group[0]
        else:
            group = [one for one in footings if (one.loss, one.published) == (footing.loss, footing.published)]
            best = max(group, key=lambda one: float("inf") if one.negatives == "all" else float(one.negatives or 0))
        found[footing] = best
    return found
