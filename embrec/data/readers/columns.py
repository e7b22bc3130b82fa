"""Which column of a table is what: the one that is named, or, where none is, the only one with a common name.

Names are compared without regard to case, `_`, `-`, `.` and blanks, and without the types that RecBole writes behind them
(`user_id:token`). What was guessed is said; where two columns could be meant, nothing is guessed.
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

# Before the name of a catalog's column that is called `item` or `image` and is not the one with this role.
_BESIDE = "catalog."
_SHOWN = 30  # columns that a message lists
_CLOSE = 0.8  # likeness of a name that is proposed unasked; more than of one that somebody has typed

_TYPED = re.compile(r":(token|token_seq|float|float_seq)$")


def plain_name(name: str) -> str:
    """Return what counts of a column's name.

    >>> plain_name("User-ID") == plain_name("user_id:token") == plain_name(" userid")
    True
    """
    return re.sub(r"[\s_.-]+", "", _TYPED.sub("", name.strip().casefold()))


@dataclass(frozen=True)
class Role:
    """What a column can be for.

    Attributes:
        what: it holds, in words.
        parameter: the name of the parameter that names it.
        usual: its usual name, which goes before all others.
        common: groups of other common names; one of a group counts only where there is none of the groups before it.
        makeshift: names of columns that might do, and are proposed where there is none of these.
    """

    what: str
    parameter: str
    usual: str
    common: tuple[frozenset[str], ...]
    makeshift: tuple[str, ...] = ()

    def candidates(self, columns: Iterable[str]) -> list[str]:
        """Return the columns that could be meant where none is named; several if nobody can tell."""
        names = list(columns)
        if self.usual in names:
            return [self.usual]
        for group in ({plain_name(self.usual)}, *self.common):
            found = [name for name in names if plain_name(name) in group]
            if found:
                return found
        return []

    def likely(self, columns: Iterable[str]) -> str | None:
        """Return the column that was most likely meant where none has a common name, None if none is likely."""
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
# Of a catalog `id` can only be the item's, while a log may number its events so.
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
    # In other logs a position is a place on a page.
    makeshift=("position", "order", "sequence", "seq", "step"),
)


class IdNames:
    """The names of columns that hold ids, given or common, and of others that were named as texts, as a container.

    All other columns may become numbers.
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
        columns: of the table.
        role: which column is wanted.
        given: its name, if somebody has said it.
        table: as messages call it, such as its path.
        remarks: told what was guessed.
        hint: the end of the message where there is none.

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
        columns: of the table.
        wanted: columns that must be among them.
        given_by: name of the parameter that named them.
        table: as messages call it.
        hint: the end of the message.

    Raises:
        DataError: names the column, the parameter it came from, the columns that there are, and the nearest.
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
        chosen: parameter -> its column.
        table: as messages call it.

    Raises:
        DataError: names the column and both parameters.
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
    """Make room for a catalog's column `role`, if that is the name of another column than the one that has the role.

    Returns:
        the table, and the new name of each of its columns: what was called `role` is kept as `catalog.<role>`.
    """
    names = {name: name for name in frame.columns}
    if column != role and role in names:
        beside = _BESIDE + role
        while beside in names:
            beside += "_"
        names[role] = beside
        remarks.append(f"column {role!r} of the catalog is kept as {beside!r}, because {column!r} has its place")
    return frame.rename(names), names


def _no_header(columns: Sequence[str]) -> str:
    """Return what is most likely wrong with the first line of a file, if it does not seem to name columns."""
    if len(columns) == 1 and len(columns[0].split()) > 1:
        return "; the fields of a line are told apart by commas, semicolons, tabs or |, not by blanks"
    if any(name.startswith("__UNNAMED__") for name in columns):
        return "; its first row does not name the columns: remove what stands above the row that does"
    if any(re.fullmatch(r"[\d.:/ -]+", name) for name in columns):
        return (
            "; its first line looks like a row: put one before it that names the columns, such as user,item,timestamp"
        )
    return ""


def _has(table: str, one: str = "has", many: str = "have") -> str:
    """Return the verb for a file, or for a table in memory, which is called by what it holds, such as "the items"."""
    return many if table in ("the items", "the interactions") else one


def _listed(columns: Sequence[str]) -> str:
    return listed([" ".join(name.split()) for name in columns], _SHOWN)
