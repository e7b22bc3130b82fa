"""Everything that a model reads of a category besides the histories: feature tables, known items, relations, attributes."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.data.relations import Relations
from embrec.models.tables import FrozenTable, TableArrays, table_arrays, table_of_arrays


@dataclass(frozen=True)
class CatalogInputs:
    """What a model reads of a catalog of n items; built once for a run and saved with it.

    Attributes:
        tables: feature tables by full name, in the order of the configuration.
        known: True for the items with training events, [n + 1].
        relations: relations between items, given or counted from training events; None for models that read none.
        attributes: values of each item by attribute, [n + 1, ...]; see `embrec.data.attributes`.
        vocabularies: attribute -> the names behind its numbers, of which the first is number 1; only attributes with names.
        context: names of the context columns of events that the model reads, as `Batch.context` has them.
        users: True for the users with training events, by their numbers in `Batch.user`, [U]; None for models that read none.
        user_hashes: a hash of each user's name, int64 [U], by which a run finds its users again; None with `users`.
        tables_kept: True if the run saves the feature tables, for a model that reads them beside its item vectors.
    """

    tables: Mapping[str, FrozenTable]
    known: Tensor
    relations: Relations | None = None
    attributes: Mapping[str, Tensor] = field(default_factory=dict)
    vocabularies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    context: tuple[str, ...] = ()
    users: Tensor | None = None
    user_hashes: Tensor | None = None
    tables_kept: bool = False

    @property
    def n_items(self) -> int:
        """The size of the catalog."""
        return len(self.known) - 1

    def select(self, names: Iterable[str]) -> "CatalogInputs":
        """Return the inputs with these feature tables alone, in this order.

        Raises:
            KeyError: there is no such table.
        """
        return replace(self, tables={name: self.tables[name] for name in names})

    def to(self, device: torch.device) -> "CatalogInputs":
        """Return the inputs on a device; relations are looked up on the device of each query, wherever they are stored."""
        return replace(
            self,
            tables={name: table.to(device) for name, table in self.tables.items()},
            known=self.known.to(device),
            attributes={name: values.to(device) for name, values in self.attributes.items()},
            users=None if self.users is None else self.users.to(device),
        )

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that is read."""
        digest = hashlib.blake2b(self.extras_fingerprint.encode(), digest_size=16)
        digest.update(self.known.cpu().numpy().tobytes())
        for name, table in self.tables.items():
            content = table_arrays(table)
            digest.update(json.dumps([name, content.shape]).encode())
            for values in content.arrays.values():
                digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()

    @cached_property
    def extras_fingerprint(self) -> str:
        """A hash of relations, attributes, users and the names of context columns; empty for models that read none of them."""
        if not self.has_extras:
            return ""
        vocabularies = {name: list(words) for name, words in self.vocabularies.items()}
        digest = hashlib.blake2b(json.dumps([vocabularies, list(self.context)]).encode(), digest_size=16)
        if self.relations is not None:
            digest.update(json.dumps(list(self.relations.names)).encode())
            digest.update(self.relations.ptr.tobytes() + self.relations.tail.tobytes())
        for name, values in self.attributes.items():
            digest.update(json.dumps([name, list(values.shape)]).encode() + values.cpu().numpy().tobytes())
        for users in (self.users, self.user_hashes):
            if users is not None:
                digest.update(users.cpu().numpy().tobytes())
        return digest.hexdigest()

    @property
    def has_extras(self) -> bool:
        """True if the model reads more than item vectors and histories."""
        named = bool(self.attributes) or bool(self.context) or self.tables_kept
        return named or self.relations is not None or self.users is not None

    def arrays(self) -> "InputArrays":
        """Return the inputs as plain arrays that several processes can share, without copying them."""
        return InputArrays(
            {name: table_arrays(table) for name, table in self.tables.items()},
            self.known.numpy(),
            self.relations,
            {name: values.numpy() for name, values in self.attributes.items()},
            self.vocabularies,
            self.context,
            None if self.users is None else self.users.numpy(),
            None if self.user_hashes is None else self.user_hashes.numpy(),
            self.tables_kept,
        )


class InputArrays(NamedTuple):
    """The content of `CatalogInputs` as plain arrays; see there."""

    tables: Mapping[str, TableArrays]
    known: NDArray[np.bool_]
    relations: Relations | None = None
    attributes: Mapping[str, NDArray] = {}
    vocabularies: Mapping[str, tuple[str, ...]] = {}
    context: tuple[str, ...] = ()
    users: NDArray[np.bool_] | None = None
    user_hashes: NDArray[np.int64] | None = None
    tables_kept: bool = False

    def inputs(self, names: Iterable[str]) -> CatalogInputs:
        """Return the inputs with these feature tables, which are not copied: the arrays may be read-only.

        Raises:
            KeyError: there is no such table.
        """
        return CatalogInputs(
            {name: table_of_arrays(self.tables[name]) for name in names},
            torch.tensor(self.known),
            self.relations,
            {name: torch.tensor(values) for name, values in self.attributes.items()},
            self.vocabularies,
            self.context,
            None if self.users is None else torch.tensor(self.users),
            None if self.user_hashes is None else torch.tensor(self.user_hashes),
            self.tables_kept,
        )


def known_items(train_items: NDArray[np.bool_]) -> Tensor:
    """Return which tensor ids have training events, [n] -> [n + 1]."""
    return torch.nn.functional.pad(torch.tensor(train_items), (1, 0))
