"""Relations, attributes, context columns and users that a model reads of a category.

The registration of a model says which kinds of these it reads. Fields of its configuration with the same names, `relations`,
`attributes` and `context`, say which ones; a configuration without such a field reads the defaults.
"""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from embrec.data.attributes import Attribute, read_attribute
from embrec.data.catalog import IMAGE, ITEM, Catalog
from embrec.data.prepared import PreparedSplit
from embrec.data.relations import Relations
from embrec.data.splits import Partition
from embrec.errors import ConfigError
from embrec.parameters import parameter

# The relation that is counted from training events: from an item to those that some user touched right after it.
NEXT = "next"
_NEXT = re.compile(r"next(:most=(?P<most>[1-9][0-9]*))?")


@dataclass(frozen=True)
class Extras:
    """What a model reads of a category besides histories and feature tables.

    Attributes:
        relations: relations between items; None for models that read none.
        attributes: attributes of the items, by name.
        context: names of the context columns of events.
        users: True for the users with training events, [U]; None for models that know no users.
    """

    relations: Relations | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    context: tuple[str, ...] = ()
    users: NDArray[np.bool_] | None = None


def read_extras(model: object, reads: Set[str], prepared: PreparedSplit, learned: Partition) -> Extras:
    """Read what a model reads of a category besides histories and feature tables.

    Args:
        model: the model's configuration.
        reads: kinds of extras that it reads: relations, attributes, context, users.
        prepared: the data and how the split divides them.
        learned: how the log is divided for the training itself; relations are counted from its training events.

    Raises:
        ConfigError: a relation, an attribute or a context column does not have the form it needs.
        DataError: the catalog or the log has no such column.
    """
    log = prepared.interactions
    relations, attributes, context, users = None, {}, (), None
    if "relations" in reads:
        relations = read_relations(getattr(model, "relations", (NEXT,)), prepared, learned)
    if "attributes" in reads:
        names = getattr(model, "attributes", attribute_columns(prepared.catalog))
        attributes = {name: read_attribute(prepared.catalog, name) for name in names}
    if "context" in reads:
        context = tuple(getattr(model, "context", log.numeric_context()))
        log.with_context(context)  # raises if there is no such column
    if "users" in reads:
        users = np.bincount(log.user[learned.train.events(log)], minlength=log.n_users) > 0
    return Extras(relations, attributes, context, users)


def read_relations(names: Sequence[str], prepared: PreparedSplit, learned: Partition) -> Relations:
    """Return relations by name: `next` or `next:most=N`, which is counted, or a catalog column that lists other items.

    Args:
        names: names of the relations, each once.
        prepared: the data.
        learned: how the log is divided for the training; only its training events are counted.

    Raises:
        ConfigError: there is no relation, or one twice.
        DataError: the catalog has no such column.
    """
    if not names or len(set(names)) < len(names):
        raise ConfigError(f"{parameter('relations', names)} must name at least one relation, each once")
    catalog, log = prepared.catalog, prepared.interactions
    found = []
    for name in names:
        counted = _NEXT.fullmatch(name) if name not in catalog.frame.columns else None
        if counted is None:
            found.append(Relations.from_lists(catalog, [name]))
            continue
        most = None if counted["most"] is None else int(counted["most"])
        events = learned.train.events(log)
        found.append(Relations.from_transitions(log, events, len(catalog), name=name, most=most))
    together = found[0]
    for one in found[1:]:
        together = together.beside(one)
    return together


def attribute_columns(catalog: Catalog) -> tuple[str, ...]:
    """Return the columns that a model reads as attributes where it names none: those of one number or name an item, without
    ids, pictures and the texts that encoders read.
    """
    others = (ITEM, IMAGE, *catalog.text_columns)
    schema = catalog.frame.schema.items()
    return tuple(name for name, dtype in schema if name not in others and not dtype.is_nested() and dtype != pl.Binary)
