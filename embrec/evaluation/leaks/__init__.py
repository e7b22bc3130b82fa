"""Checks for data leaks: ways in which a split gives away its test targets, found before anything is trained."""

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
    """Check a split for test targets that training knows already, that the data give away, or that no model can predict.

    The checks: training events later than the targets, ties in time and the order of ids within them, duplicate events, targets
    in their own history, items with equal texts, new items and users; for each feature table, missing items and the items that
    its encoder was fitted on; for each relation, pairs that it can only have from the test.

    Args:
        dataset: catalog and log.
        partition: split of the log, with training events and test targets.
        tables: feature tables of this catalog that a model reads.
        relations: relations of this catalog that a model reads.
        learned: the same split as the model learns from it, if that is more than its training events
            (`Partition.with_validation`). Feature tables are compared with `partition` even then.
        seed: seed of the shuffled control of the relations.
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
