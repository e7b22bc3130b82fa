"""Messages about unknown names: the most similar known name, and a list of the known ones."""

import difflib
from collections.abc import Iterable

_SHOWN = 12  # names listed in a message; the rest is counted


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the most similar known name, None if none is similar. Case and `_`, `-`, `.` and spaces are ignored.

    >>> nearest("Tf-Idf", ["minilm", "tfidf"])
    'tfidf'
    >>> nearest("frst", ["first", "second"])
    'first'
    """
    plain = {_plain(one): one for one in reversed(list(known))}  # the first of equal ones wins
    close = difflib.get_close_matches(_plain(name), plain, n=1, cutoff=0.6)
    return plain[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the end of a message, `; did you mean 'first'?`; empty if no known name is similar.

    >>> did_you_mean("bpr_max", ["bpr", "bpr-max"])
    "; did you mean 'bpr-max'?"
    """
    meant = nearest(name, known)
    return f"; did you mean {meant!r}?" if meant is not None else ""


def listed(known: Iterable[str], most: int = _SHOWN) -> str:
    """Return the first names separated by commas and the number of the others; `none yet` for none.

    >>> listed(["a", "b", "c", "d"], most=2)
    'a, b and 2 more'
    """
    names = list(known)
    if len(names) <= most + 1:  # "and 1 more" is no shorter than a name
        return ", ".join(names) or "none yet"
    return f"{', '.join(names[:most])} and {len(names) - most:,} more"


def either(names: Iterable[str]) -> str:
    """Return all names as a choice.

    >>> either(["dot", "cosine", "distance"])
    'dot, cosine or distance'
    """
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


def unknown(what: str, name: str, known: Iterable[str], most: int = _SHOWN) -> str:
    """Return the message about an unknown name.

    Args:
        what: kind of the named thing, such as `encoder`.
        name: unknown name.
        known: known names, in the order of the list.
        most: maximum number of listed names.

    >>> unknown("loss", "bprmax", ["bpr", "bpr-max"])
    "unknown loss 'bprmax'; did you mean 'bpr-max'? there are: bpr, bpr-max"
    """
    return f"unknown {what} {name!r}{there_are(name, known, most)}"


def there_are(name: str, known: Iterable[str], most: int = _SHOWN) -> str:
    """Return the end of a message about an unknown name: the most similar known name and the list of known names.

    >>> there_are("prise", ["price", "title"])
    "; did you mean 'price'? there are: price, title"
    """
    names = list(known)
    return f"{did_you_mean(name, names) or ';'} there are: {listed(names, most)}"


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character not in "_-. ")
