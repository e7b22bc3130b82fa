"""Checks, before anything is trained, of what a test on a split can and cannot show."""

from collections.abc import Sequence

from embrec.data.relations import Relations
from embrec.data.splits import Partition
from embrec.data.store import Dataset
from embrec.evaluation.leaks.content import equal_texts, fitting, missing_features
from embrec.evaluation.leaks.newcomers import new_items, new_users
from embrec.evaluation.leaks.relations import leaking_relations
from embrec.evaluation.leaks.repeats import duplicates, seen_targets
from embrec.evaluation.leaks.report import Check, LeakReport, Status
from embrec.evaluation.leaks.times import order_in_ties, ties, time_overlap
from embrec.features.table import FeatureTable

__all__ = ["Check", "LeakReport", "Status", "check_leaks"]


def check_leaks(
    dataset: Dataset,
    partition: Partition,
    tables: Sequence[FeatureTable] = (),
    relations: Relations | None = None,
    *,
    learned: Partition | None = None,
    seed: int = 0,
) -> LeakReport:
    """Look for ways in which the test targets of a split are known, given away or unknowable.

    Time overlap, ties in time and whether they stand in the order of ids, duplicate events, targets in their own history, items
    of equal text, new items and users; for each feature table, items that are missing and what it was fitted on; for each
    relation, what it knows of the test.

    Args:
        dataset: the catalog and the log.
        partition: how the log is split; it has training events and test targets.
        tables: feature tables of this catalog that a model reads.
        relations: relations of this catalog that a model reads.
        learned: the same split as a model learns from it, where that is more than its training events
            (`Partition.with_validation`); what the tables were fitted on is held against `partition` all the same.
        seed: of the shuffled control of the relations.
    """
    log, known = dataset.interactions, learned or partition
    checks = [
        time_overlap(dataset, known),
        ties(dataset, partition),
        order_in_ties(dataset, partition),
        duplicates(log, partition),
        seen_targets(log, partition),
        equal_texts(dataset, partition),
        new_items(log, known),
        new_users(log, known),
    ]
    for table in tables:
        checks += [missing_features(table, log, partition), fitting(table, dataset, partition)]
    if relations is not None:
        checks += leaking_relations(relations, log, known, seed=seed)
    return LeakReport(tuple(checks))
