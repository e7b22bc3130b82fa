"""Roles of table columns: the column named by the user, else the only column with a common name for the role.

Names are compared without case, `_`, `-`, `.` and blanks, and without the types that RecBole appends (`user_id:token`). Guesses
are reported as remarks; if two columns could be meant, an error lists them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import polars as pl

from embrec.data.readers.raw import ITEM, USER
from embrec.errors import DataError
from embrec.names import listed, nearest
from embrec.parameters import parameter

# Prefix for columns of a catalog that are called `item` or `image` without having this role.
_BESIDE = "catalog."
_SHOWN = 30  # maximum number of columns listed in a message
_CLOSE = 0.8  # minimum similarity of a proposed name; higher than for typing errors, since no name was given

_TYPED = re.compile(r":(token|token_seq|float|float_seq)$")


def plain_name(name: str) -> str:
    """Return the normalised name of a column.

    >>> plain_name("User-ID") == plain_name("user_id:token") == plain_name(" userid")
    True
    """
    return re.sub(r"[\s_.-]+", "", _TYPED.sub("", name.strip().casefold()))


@dataclass(frozen=True)
class Role:
    """A role of a column, with its common names.

    Attributes:
        what: content of the column, in words.
        parameter: parameter that gives the name of the column.
        usual: standard name; preferred to all others.
        common: groups of other common names; a group counts only if no earlier group has a match.
        makeshift: names of possible substitutes, proposed if nothing else matches.
    """

    what: str
    parameter: str
    usual: str
    common: tuple[frozenset[str], ...]
    makeshift: tuple[str, ...] = ()

    def candidates(self, columns: Iterable[str]) -> list[str]:
        """Return the columns that could have the role; several if it is ambiguous."""
        names = list(columns)
        if self.usual in names:
            return [self.usual]
        for group in ({plain_name(self.usual)}, *self.common):
            found = [name for name in names if plain_name(name) in group]
            if found:
                return found
        return []

    def likely(self, columns: Iterable[str]) -> str | None:
        """Return the column to propose if none has a common name; None if no column is likely."""
        plain = {plain_name(name): name for name in columns}
        makeshift = next((plain[name] for name in self.makeshift if name in plain), None)
        every = [plain_name(self.usual), *sorted(set().union(*self.common))]
        close = (get_close_matches(name, plain, n=1, cutoff=_CLOSE) for name in every)
        return makeshift or next((plain[found[0]] for found in close if found), None)


def _names(text: str) -> frozenset[str]:
    return frozenset(map(plain_name, text.split()))


USERS = Role(
    "user ids",
    "user_column",
    USER,
    (
        _names(
            "user_id users uid customer customer_id cust_id cust visitor visitor_id client client_id member member_id "
            "reviewer reviewer_id buyer buyer_id shopper shopper_id household household_id household_key account "
            "account_id person person_id profile_id user_name"
        ),
        _names("session session_id"),
    ),
)
ITEMS = Role(
    "item ids",
    "item_column",
    ITEM,
    (
        _names(
            "item_id items iid article_id product_id prod_id parent_asin sku sku_id movie_id film_id book_id "
            "track_id song_id video_id news_id business_id game_id app_id recipe_id listing_id offer_id"
        ),
        _names("asin product article movie book song track video"),
    ),
)
# `id` in a catalog can only be the item's; in a log it may number the events.
CATALOG_ITEMS = Role(ITEMS.what, "catalog_item_column", ITEM, (*ITEMS.common, _names("id")))
TIMES = Role(
    "times",
    "time_column",
    "timestamp",
    (
        _names(
            "datetime date_time event_time event_timestamp unix_timestamp unix_review_time unix_time ts timestamp_ms "
            "created_at purchased_at ordered_at viewed_at purchase_time order_time click_time time_stamp"
        ),
        _names("time date day t_dat event_date order_date purchase_date review_date"),
    ),
    # Only proposed, since in other logs a position is a place on a page.
    makeshift=("position", "order", "sequence", "seq", "step"),
)


class IdNames:
    """Container of the names of columns to keep as text: columns of ids, given or with a common name.

    Args:
        given: names of columns of ids or texts given by the user; None is ignored.
        roles: roles of id columns, whose common names are included.
        others: columns excluded from the common names.
    """

    def __init__(self, given: Iterable[str | None], roles: Iterable[Role], others: Iterable[str] = ()) -> None:
        self._given = {name for name in given if name is not None}
        self._plain = {plain_name(role.usual) for role in roles}.union(
            *(group for role in roles for group in role.common)
        )
        self._others = set(others)

    def __contains__(self, name: object) -> bool:
        known = isinstance(name, str) and name not in self._others and plain_name(name) in self._plain
        return name in self._given or known


def find_column(
    columns: Sequence[str], role: Role, given: str | None, table: str, remarks: list[str], hint: str = ""
) -> str:
    """Return the column of a role: the given one, else the only one with a common name.

    Args:
        columns: columns of the table.
        role: role of the wanted column.
        given: name given by the user; None to guess.
        table: name of the table in messages, such as its path.
        remarks: list that receives a remark about the guess.
        hint: end of the message about a missing column.

    Raises:
        DataError: there is no such column, or several could be meant; the message lists the columns.
    """
    if given is not None:
        require_columns(columns, [given], role.parameter, table, hint)
        return given
    found = role.candidates(columns)
    if len(found) > 1:
        raise DataError(
            f"{table}: the columns {' and '.join(map(repr, found))} could both hold the {role.what}; "
            f"say which with {parameter(role.parameter)}"
        )
    if not found:
        close = role.likely(columns)
        meant = f"; did you mean {parameter(role.parameter, close)}?" if close is not None else _no_header(columns)
        meant = meant or f"; name it with {parameter(role.parameter)}"
        raise DataError(
            f"{table} {_has(table)} no column {role.usual!r} and none whose name is common for {role.what}; "
            f"{_has(table, 'it has', 'they have')}: {_listed(columns)}{meant}{hint}"
        )
    if found[0] != role.usual:
        remarks.append(f"{role.parameter.removesuffix('_column').replace('_', ' ')} column: {found[0]}")
    return found[0]


def require_columns(columns: Sequence[str], wanted: Iterable[str], given_by: str, table: str, hint: str = "") -> None:
    """Raise if a column does not exist.

    Args:
        columns: columns of the table.
        wanted: required columns.
        given_by: parameter that gave the required columns.
        table: name of the table in messages.
        hint: end of the message.

    Raises:
        DataError: a column is missing; the message has its parameter, the existing columns and the most similar one.
    """
    for name in wanted:
        if name not in columns:
            close = nearest(name, columns)
            meant = f"; did you mean {close!r}?" if close is not None else ""
            raise DataError(
                f"{table} {_has(table)} no column {name!r} (given by {parameter(given_by)}); "
                f"{_has(table, 'it has', 'they have')}: {_listed(columns)}{meant}{hint}"
            )


def refuse_shared(chosen: dict[str, str | None], table: str) -> None:
    """Raise if one column was given for two roles.

    Args:
        chosen: parameter -> column.
        table: name of the table in messages.

    Raises:
        DataError: a column has two roles; the message has both parameters.
    """
    taken: dict[str, str] = {}
    for given_by, name in chosen.items():
        if name is not None and name in taken:
            raise DataError(
                f"{table}: column {name!r} cannot be both {parameter(taken[name])} and {parameter(given_by)}; name another"
            )
        if name is not None:
            taken[name] = given_by


def set_aside(frame: pl.DataFrame, role: str, column: str, remarks: list[str]) -> tuple[pl.DataFrame, dict[str, str]]:
    """Rename the column called `role` of a catalog to `catalog.<role>` if another column has the role.

    Args:
        frame: catalog.
        role: `item` or `image`.
        column: column with the role.
        remarks: list that receives a remark about the renaming.

    Returns:
        The table, and old name -> new name for all columns.
    """
    names = {name: name for name in frame.columns}
    if column != role and role in names:
        beside = _BESIDE + role
        while beside in names:
            beside += "_"
        names[role] = beside
        remarks.append(f"column {role!r} of the catalog is kept as {beside!r}, because {column!r} has this role")
    return frame.rename(names), names


def _no_header(columns: Sequence[str]) -> str:
    """Return the likely error in the first line of a file, if it does not look like column names."""
    if len(columns) == 1 and len(columns[0].split()) > 1:
        return "; fields must be separated by commas, semicolons, tabs or |, not by blanks"
    if any(name.startswith("__UNNAMED__") for name in columns):
        return "; its first row does not name the columns: remove the rows above the header"
    if any(re.fullmatch(r"[\d.:/ -]+", name) for name in columns):
        return (
            "; its first line looks like a row: put one before it that names the columns, such as user,item,timestamp"
        )
    return ""


def _has(table: str, one: str = "has", many: str = "have") -> str:
    """Return the verb: plural for tables in memory, which messages call "the items" or "the interactions"."""
    return many if table in ("the items", "the interactions") else one


def _listed(columns: Sequence[str]) -> str:
    return listed([" ".join(name.split()) for name in columns], _SHOWN)
