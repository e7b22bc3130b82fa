"""The baselines by name: what each reads, how it is built, and how reports describe it.

A baseline has a file of its own beside this one (its class and its registration) and one line in `BASELINES`. One of another
package has an entry point of the group `embrec.baselines`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from embrec.registry import Registry

if TYPE_CHECKING:  # the names of baselines are listed without torch
    from embrec.models.baselines.base import Baseline

Sources = Mapping[str, Any]  # source name -> item vectors, dense or sparse, [n, d_s]


@dataclass(frozen=True)
class BaselineRegistration:
    """What the program knows of a baseline.

    Attributes:
        name: how users call it.
        build: makes one from the vectors of the feature tables; an empty mapping where it reads none.
        title: its name at the beginning of a sentence.
        knows: what it knows, after its name and a comma, where a model does not beat it.
        about: what it does, as a sentence of a report.
        reads_content: True if it needs feature tables.
    """

    name: str
    build: "Callable[[Sources], Baseline]"
    title: str
    knows: str
    about: str
    reads_content: bool = False


BASELINES: Registry[BaselineRegistration] = Registry(
    "baseline",
    {
        "pop": "embrec.models.baselines.popularity:POPULARITY",
        "markov": "embrec.models.baselines.markov:MARKOV",
        "content-knn": "embrec.models.baselines.content_knn:CONTENT_KNN",
    },
    "embrec.baselines",
    name_of=lambda registration: registration.name,
    accepts=lambda one: isinstance(one, BaselineRegistration),
    expected="a BaselineRegistration",
)


def register(registration: BaselineRegistration, *, replace: bool = False) -> BaselineRegistration:
    """Add a baseline for as long as the program runs; see `Registry.register`."""
    return BASELINES.register(registration, replace=replace)
