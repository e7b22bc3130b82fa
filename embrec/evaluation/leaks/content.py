"""Checks of the content of items: missing vectors, equal texts, and the items that encoders were fitted on."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.catalog import Catalog
from embrec.data.interactions import Interactions
from embrec.data.repeats import is_repeat
from embrec.data.splits import Partition
from embrec.data.store import Dataset
from embrec.evaluation.leaks.report import MANY, Check, Status, graded, percent, share
from embrec.features.fitting import sample_hash
from embrec.features.table import FeatureTable
from embrec.parameters import call


def missing_features(table: FeatureTable, interactions: Interactions, partition: Partition) -> Check:
    """Count the test targets whose item has no vector in a feature table of the catalog; the value is their share."""
    name = f"items without {table.path.stem}"
    items = interactions.item[partition.test.events(interactions)]
    missing = ~table.present[items]
    found = share(int(missing.sum()), len(items))
    counts = {
        "items": len(table),
        "items without a vector": int((~table.present).sum()),
        "test targets": len(items),
        "test targets without a vector": int(missing.sum()),
    }
    if not found:
        return Check(name, Status.OK, found, counts, "every test target's item has a vector")
    return Check(
        name,
        graded(found),
        found,
        counts,
        f"{percent(found)} of the test targets are of items without a vector in this table, so models by it "
        "know nothing of them; complete the catalog, or add features that they have",
    )


def fitting(table: FeatureTable, dataset: Dataset, partition: Partition) -> Check:
    """Check which items an encoder was fitted on.

    The value is the share of test targets whose item has no training event, if the encoder was fitted on other items than the
    training items of this split; 0 otherwise.
    """
    name = f"fitting of {table.path.stem}"
    log = dataset.interactions
    items = log.item[partition.test.events(log)]
    outside = int((~partition.train_items[items]).sum())
    counts = {"items fitted on": int(table.attributes["fitted_items"]), "test targets": len(items)}
    fitted_on = table.attributes["fitted_on"]
    if fitted_on is None:
        return Check(name, Status.OK, 0.0, counts, "the encoder learns nothing from this catalog")
    if fitted_on == sample_hash(dataset.catalog.item_ids[partition.train_items]):
        return Check(name, Status.OK, 0.0, counts, "the encoder was fitted on the training items of this split")
    counts["test targets on items outside training"] = outside
    found = share(outside, len(items))
    built = call("build_features", fit_on="train")
    again = f"to fit it on training items only, build it with {built} and the options of this split"
    if fitted_on == sample_hash(dataset.catalog.item_ids):
        return Check(
            name,
            Status.NOTE,
            found,
            counts,
            f"the encoder was fitted on the whole catalog, with the texts of items that training does not see "
            f"({percent(found)} of the test targets are of such items); {again}",
        )
    return Check(
        name,
        Status.WARNING,
        found,
        counts,
        f"the encoder was fitted on neither the training items of this split nor the whole catalog: the items that this split "
        f"keeps for the test may be among those it learned from; {again}",
    )


def equal_texts(dataset: Dataset, partition: Partition) -> Check:
    """Look for items whose texts are equal except for case, punctuation and spaces.

    The value is the share of test targets whose item has the text of another one. The counts also say how many have such a twin
    in their own history: a model finds these by repeating what it has read.
    """
    name = "equal texts"
    if not dataset.catalog.text_columns:
        return Check(name, Status.OK, None, {"items": len(dataset.catalog)}, "the catalog has no texts")
    log = dataset.interactions
    group = text_groups(dataset.catalog)
    size = np.bincount(group)
    size[0] = 1  # items without a text are not twins of each other
    twin = size[group] > 1
    targets = partition.test.events(log)
    twins = int(twin[log.item[targets]].sum())
    counts = {"items": len(group), "items with a text": int((group > 0).sum()), "items with a twin": int(twin.sum())}
    if not twin.any():
        return Check(name, Status.OK, 0.0, counts, "no two items have the same text")
    of_twins = np.flatnonzero(twin[log.item])  # other events have no twin in their history
    met = np.zeros(len(log), dtype=bool)
    met[of_twins] = is_repeat(log.user[of_twins], group[log.item[of_twins]])
    met[of_twins] &= ~is_repeat(log.user[of_twins], log.item[of_twins])
    in_history = int(met[targets].sum())
    found = share(twins, len(targets))
    counts |= {
        "test targets": len(targets),
        "test targets with a twin": twins,
        "test targets with a twin in their own history": in_history,
    }
    much = (
        f"{percent(share(int(twin.sum()), len(group)))} of the items have the same text as another, {percent(found)} of the "
        f"test targets are such items, and {percent(share(in_history, len(targets)))} have such a twin in their own history"
    )
    return Check(
        name,
        Status.WARNING if share(in_history, len(targets)) >= MANY else Status.NOTE,
        found,
        counts,
        f"{much}: what reads only the text cannot tell twins apart; merge them, or give encoders columns that differ",
    )


def text_groups(catalog: Catalog) -> NDArray[np.int64]:
    """Return a group number for each item, equal for texts with equal letters and digits, 0 for no text, [n]."""
    texts = pl.Series("text", catalog.texts(), dtype=pl.String).fill_null("")
    plain = texts.str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars()
    ranks = plain.replace("", None).rank("dense").fill_null(0)
    return ranks.cast(pl.Int64).to_numpy()
