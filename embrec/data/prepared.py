"""A prepared split: a category's data set and how a split divides its log."""

from dataclasses import dataclass

from embrec.data.catalog import Catalog
from embrec.data.interactions import Interactions
from embrec.data.splits import Partition, Split
from embrec.data.store import Dataset, load_dataset
from embrec.workspace import Category


@dataclass(frozen=True)
class PreparedSplit:
    """A data set and its division, read once and handed to everything that needs both.

    Attributes:
        dataset: the catalog and the log.
        partition: which events of the log are for training, validation and testing.
    """

    dataset: Dataset
    partition: Partition

    @classmethod
    def of(cls, dataset: Dataset, split: Split) -> "PreparedSplit":
        """Divide a data set that is in memory.

        Raises:
            DataError: the split leaves no training events, validation targets or test targets.
        """
        return cls(dataset, split(dataset.interactions, len(dataset.catalog)))

    @property
    def catalog(self) -> Catalog:
        """The items."""
        return self.dataset.catalog

    @property
    def interactions(self) -> Interactions:
        """The log."""
        return self.dataset.interactions

    @property
    def n_train_items(self) -> int:
        """The number of items with training events."""
        return int(self.partition.train_items.sum())


class OnSplit:
    """Base of what holds a prepared split as `prepared`: its data set and division by their own names."""

    prepared: PreparedSplit

    @property
    def dataset(self) -> Dataset:
        """The catalog and the log."""
        return self.prepared.dataset

    @property
    def partition(self) -> Partition:
        """How the log is divided."""
        return self.prepared.partition


def open_split(category: Category | str, split: Split) -> PreparedSplit:
    """Read the data set of a category and divide it.

    Args:
        category: the prepared data, or its name.
        split: how to divide its log.

    Raises:
        ConfigError: `category` is not a category.
        DataError: the category does not exist or was written by another version, or the split leaves no training events,
            validation targets or test targets.
    """
    return PreparedSplit.of(load_dataset(category), split)
