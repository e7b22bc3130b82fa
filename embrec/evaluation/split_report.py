"""Report on a split before anything is trained on it: its parts, and what a test on it can show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from embrec.data.prepared import open_split
from embrec.data.relations import Relations
from embrec.data.split_summary import PartSummary, describe_parts
from embrec.data.splits import SplitConfig
from embrec.data.timeline import Timeline, timeline
from embrec.evaluation.leaks import LeakReport, check_leaks
from embrec.features.finding import find_table
from embrec.workspace import Category


@dataclass(frozen=True)
class SplitReport:
    """The parts of a split and its report on leaks; see `describe_split`.

    Attributes:
        split: how the log was divided.
        timeline: what the times of the log mean.
        parts: train, valid and test.
        leaks: the checks for leaks and their findings.
    """

    split: SplitConfig
    timeline: Timeline
    parts: Mapping[str, PartSummary]
    leaks: LeakReport

    def as_dict(self) -> dict[str, Any]:
        """Return the report as JSON can hold it."""
        return {
            "split": self.split.model_dump(),
            "timeline": self.timeline.value,
            "parts": {name: part.as_dict() for name, part in self.parts.items()},
            "leaks": self.leaks.as_dict(),
        }


def describe_split(
    category: Category, split: SplitConfig, features: Sequence[str] = (), relations: Sequence[str] = ()
) -> SplitReport:
    """Divide the log of a category and look for leaks.

    Args:
        category: the prepared data.
        split: how to divide them.
        features: feature tables to check too, by encoder name; see `find_table`.
        relations: catalog columns with lists of items to check too, such as also_bought.

    Raises:
        DataError: the category does not exist, or a part of the split is empty.
        FeatureError: a feature table is missing or belongs to other items.
    """
    prepared = open_split(category, split)
    dataset, partition = prepared.dataset, prepared.partition
    tables = [find_table(category, name, dataset.catalog, partition.train_items, split) for name in features]
    return SplitReport(
        split,
        timeline(dataset),
        describe_parts(dataset.interactions, partition),
        check_leaks(
            dataset, partition, tables, Relations.from_lists(dataset.catalog, relations) if relations else None
        ),
    )
