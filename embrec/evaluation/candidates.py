"""The candidates that a target is ranked against: the whole catalog, a sample of it, or the items seen so far."""

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator, ConfigDict, Field

from embrec.choices import parse_kind
from embrec.errors import ConfigError
from embrec.validation import Checked


class AllItems(Checked):
    """Every item of the catalog: exact, and the default."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["all"] = "all"

    def words(self) -> str:
        """Return what a table says of it."""
        return "all items of the catalog"


class SeenSoFar(Checked):
    """Every item that anybody has touched up to the moment of the target, the streaming protocol of [weimann2022]."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["seen-so-far"] = "seen-so-far"

    def words(self) -> str:
        """Return what a table says of it."""
        return "the items seen so far"


class Sampled(Checked):
    """The target and a few drawn items, for parity with papers that did so: it flatters weak models and can turn an order.

    No item is drawn twice for a target. What is drawn depends on the seed and the target alone, so that every model meets the
    same candidates.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Literal["sampled"] = "sampled"
    count: Annotated[int, Field(ge=1, description="how many are drawn beside each target")] = 99
    by: Annotated[
        Literal["uniform", "popularity"], Field(description="all items alike, or by their number of training events")
    ] = "uniform"
    exclude: Annotated[
        Literal["history", "interacted", "nothing"],
        Field(description="never drawn: items before the target, all items of the user, or the target alone"),
    ] = "interacted"
    seed: Annotated[int, Field(ge=0, lt=2**63, description="of the drawing")] = 0

    def words(self) -> str:
        """Return what a table says of it."""
        left_out = {"history": "the history", "interacted": "all items of the user", "nothing": "the target"}[
            self.exclude
        ]
        return f"SAMPLED: the target and {self.count} items, {self.by}, without {left_out}, seed {self.seed}"


_KINDS: dict[str, type[AllItems | Sampled | SeenSoFar]] = {
    "all": AllItems,
    "sampled": Sampled,
    "seen-so-far": SeenSoFar,
}


def _from_text(value: object) -> object:
    """Read `sampled:count=99:by=popularity`; anything else is left to pydantic."""
    return parse_kind(value, _KINDS, "candidates") if isinstance(value, str) else value


CandidatesConfig = Annotated[
    Annotated[AllItems | Sampled | SeenSoFar, Field(discriminator="kind")], BeforeValidator(_from_text)
]


class Sampler:
    """Draws candidates without replacement, a batch of targets at a time.

    Args:
        config: how.
        weights: how often each tensor id may be drawn in proportion, 0 = never, [n + 1].
    """

    def __init__(self, config: Sampled, weights: NDArray[np.float64]) -> None:
        self.config = config
        self._possible = int((weights > 0).sum())
        self._cumulative = np.cumsum(weights) / weights.sum()
        self._weights = weights

    def draw(
        self,
        target: NDArray[np.int64],
        event: NDArray[np.int64],
        excluded_row: NDArray[np.int64],
        excluded_item: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Return tensor ids, [B, count], all different in a row, none of them its target or excluded.

        What is drawn a second time, or must not be drawn, is drawn again, which is the same as drawing one after the other
        from what is left.

        Args:
            target: tensor ids, [B].
            event: index of each row's event in the log, from which its random numbers are made, [B].
            excluded_row: rows of the pairs that must not be drawn, each pair once, [P].
            excluded_item: their tensor ids, [P].

        Raises:
            ConfigError: the catalog has not as many items to draw.
        """
        count = self.config.count
        width = len(self._weights)
        forbidden = np.concatenate([excluded_row * width + excluded_item, np.arange(len(target)) * width + target])
        forbidden = np.unique(forbidden[self._weights[forbidden % width] > 0])
        left = self._possible - np.bincount(forbidden // width, minlength=len(target))
        if left.min(initial=count) < count:
            raise ConfigError(
                f"candidates.count is {count}, but for some users only {left.min()} of the {self._possible:,} items that can "
                "be drawn are left; ask for fewer, or exclude less"
            )
        drawn = np.empty((len(target), count), dtype=np.int64)
        few = 3 * count > left  # drawing again and again would take long
        row_of, item_of = forbidden // width, forbidden % width
        for rows, draw in ((np.flatnonzero(few), self._by_keys), (np.flatnonzero(~few), self._one_by_one)):
            if len(rows):
                place = np.full(len(target), -1)
                place[rows] = np.arange(len(rows))
                mine = place[row_of] >= 0
                drawn[rows] = draw(event[rows], place[row_of[mine]] * width + item_of[mine])
        return drawn

    def _one_by_one(self, event: NDArray[np.int64], forbidden: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw, and draw again what is forbidden or stands there already."""
        count, width = self.config.count, len(self._weights)
        drawn = np.empty((len(event), count), dtype=np.int64)
        taken = np.zeros(len(event) * width, dtype=bool)
        taken[forbidden] = True
        row, place = np.divmod(np.arange(drawn.size), count)
        attempt = 0
        while len(row):
            items = self._items(_random(self.config.seed, event[row], place + attempt * count))
            codes = row * width + items
            accepted = np.zeros(len(row), dtype=bool)
            accepted[np.unique(codes, return_index=True)[1]] = True  # the first of equals
            accepted &= ~taken[codes]
            drawn[row[accepted], place[accepted]] = items[accepted]
            taken[codes[accepted]] = True
            row, place = row[~accepted], place[~accepted]
            attempt += 1
        return drawn

    def _items(self, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        return np.searchsorted(self._cumulative, numbers, side="right").astype(np.int64)

    def _by_keys(self, event: NDArray[np.int64], forbidden: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw where few are left: the highest of keys log(u) / weight are a sample without replacement [efraimidis2006]."""
        width = len(self._weights)
        uniform = _random(self.config.seed, event[:, None], np.arange(width))
        with np.errstate(divide="ignore"):
            keys = np.where(self._weights > 0, np.log(uniform) / self._weights, -np.inf)
        keys.ravel()[forbidden] = -np.inf
        drawn = np.argpartition(-keys, self.config.count - 1, axis=1)[:, : self.config.count]
        return np.sort(drawn, axis=1)  # the order of a partition differs by processor


def _random(seed: int, event: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return uniform numbers in (0, 1) that depend on their arguments alone, by SplitMix64's mixing [steele2014]."""
    with np.errstate(over="ignore"):
        state = np.uint64(seed) * np.uint64(0xD1342543DE82EF95) + event.astype(np.uint64)
        state = _mixed(state * np.uint64(0x9E3779B97F4A7C15)) + number.astype(np.uint64) * np.uint64(0xBF58476D1CE4E5B9)
        bits = _mixed(state + np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(11)
    return (bits.astype(np.float64) + 0.5) * 2.0**-53


def _mixed(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
