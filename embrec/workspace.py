"""Folders on disk: a workspace holds categories; a category holds data, feature tables, runs, comparisons and searches."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from embrec.errors import ConfigError, DataError
from embrec.names import did_you_mean, listed, nearest
from embrec.parameters import call, parameter

_SHOWN = 60  # characters of a value shown in a message
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_name(kind: str, name: str) -> str:
    """Return a name that can be the name of a folder.

    Args:
        kind: kind of the named thing, for the message.
        name: name to check.

    Raises:
        ConfigError: the name has other characters than letters, digits, dot, dash and underscore.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{kind} {name!r} is not a usable name; use letters, digits, '.', '-' and '_'")
    return name


@dataclass(frozen=True)
class Category:
    """A folder of the workspace that holds one prepared data set and everything made from it."""

    name: str
    path: Path

    @classmethod
    def of(cls, value: "Category | str") -> "Category":
        """Return a category given as such, or by its name in the workspace of `Workspace.locate()`.

        Raises:
            ConfigError: the value is neither a category nor a name, or the name is not usable.
        """
        if isinstance(value, Category):
            return value
        if isinstance(value, str):
            return Workspace.locate().category(value)
        raise ConfigError(
            f"{_short(value)} is not a category; give its name, such as 'shop', or Workspace.locate(FOLDER).category('shop')"
        )

    @property
    def data(self) -> Path:
        """The folder of the prepared catalog and interactions."""
        return self.path / "data"

    @property
    def lock(self) -> Path:
        """The lock file of `data`: held exclusively by an import, shared by work that reads the data."""
        return self.path / ".data.lock"

    @property
    def features(self) -> Path:
        """The folder of the feature tables."""
        return self.path / "features"

    @property
    def runs(self) -> Path:
        """The folder of the trained models."""
        return self.path / "runs"

    @property
    def comparisons(self) -> Path:
        """The folder of the comparisons."""
        return self.path / "comparisons"

    @property
    def searches(self) -> Path:
        """The folder of the hyperparameter searches."""
        return self.path / "searches"

    def require(self) -> "Category":
        """Return this category if it has data.

        Raises:
            DataError: the category does not exist; the message lists the existing ones.
        """
        if not (self.data / "meta.json").is_file():
            known = [category.name for category in Workspace(self.path.parent).categories()]
            raise DataError(
                f"no category {self.name!r} in the workspace {self.path.parent}{did_you_mean(self.name, known)} "
                f"(there: {listed(known)}); make it with: {call('import_data', category=self.name)}"
            )
        return self


def _short(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN and "\n" not in shown else f"a value of type {type(value).__name__}"


def nearest_made(name: str, made: Sequence[str]) -> str:
    """Return the end of a message with the run or search whose name is most similar; empty if none is similar.

    Args:
        name: unknown name, with or without its category.
        made: existing runs or searches, as `category/name`.

    >>> nearest_made("frst", ["office/second", "office/first"])
    "; did you mean 'office/first'?"
    """
    if "/" in name:
        return did_you_mean(name, made)
    whole = {one.partition("/")[2]: one for one in reversed(made)}
    meant = nearest(name, reversed(whole))
    return f"; did you mean {whole[meant]!r}?" if meant is not None else ""


@dataclass(frozen=True)
class Made:
    """A folder made from the data of a category: a run or a search."""

    path: Path

    @property
    def name(self) -> str:
        """The name within the category."""
        return self.path.name

    @property
    def category(self) -> Category:
        """The category that the folder lies in; for a moved folder, a category that does not exist."""
        folder = self.path.resolve().parent.parent
        return Category(folder.name, folder)

    def require_category(self) -> Category:
        """Return the existing category that the folder was made from.

        Raises:
            DataError: the folder lies outside a category, such as a copied run, or its category does not exist any more.
        """
        category = self.category
        inside = self.path.resolve().parent in (category.runs.resolve(), category.searches.resolve())
        if not inside and not (category.data / "meta.json").is_file():
            raise DataError(
                f"{self.path} does not lie in a category (CATEGORY/runs/{self.name}), whose users and events are needed here; "
                f"without them it recommends after any history ({parameter('histories')}), and {call('score_by_user')} scores "
                "any log"
            )
        return category.require()

    def fingerprint(self) -> str:
        """Return the hash of the configuration and data at the start of the work; empty if it never started."""
        file = self.path / "fingerprint"
        return file.read_text(encoding="utf-8").strip() if file.exists() else ""


@dataclass(frozen=True)
class Workspace:
    """The folder that holds all categories."""

    path: Path

    @classmethod
    def locate(cls, path: Path | str | None = None) -> "Workspace":
        """Return the workspace at `path`, else at $EMBREC_WORKSPACE, else at ./workspace."""
        return cls(Path(path or os.environ.get("EMBREC_WORKSPACE") or "workspace").expanduser())

    def category(self, name: str) -> Category:
        """Return the category with a name; it need not exist."""
        return Category(check_name("category", name), self.path / name)

    def categories(self) -> list[Category]:
        """Return the imported categories, sorted by name."""
        if not self.path.is_dir():
            return []
        folders = sorted(folder for folder in self.path.iterdir() if (folder / "data" / "meta.json").is_file())
        return [Category(folder.name, folder) for folder in folders]

    def choose(self, category: str | None = None) -> Category:
        """Return the named category, or the only one of the workspace if none is named.

        Args:
            category: name of the category.

        Raises:
            ConfigError: no category is named and the workspace has none or several.
            DataError: the named category does not exist.
        """
        return self.choose_several([] if category is None else [category])[0]

    def choose_several(self, category: Sequence[str] = (), *, every: bool | None = None) -> list[Category]:
        """Return the named categories, all categories, or the only one of the workspace if none is named.

        Args:
            category: names of categories; repeated names count once.
            every: True for all categories; None if the caller offers no such choice.

        Raises:
            ConfigError: no category is named and the workspace has none or several, or names are given with `every`.
            DataError: a named category does not exist.
        """
        if every and category:
            raise ConfigError(f"{parameter('every', True)} means every category; leave out {parameter('category')}")
        if category:
            return [self.category(name).require() for name in dict.fromkeys(category)]
        there = self.categories()
        if not there:
            raise ConfigError(f"no category in the workspace {self.path}; make one with: {call('import_data')}")
        if len(there) > 1 and not every:
            or_all = f", or take {parameter('every', True)}" if every is not None else ""
            known = listed(found.name for found in there)
            raise ConfigError(f"which category? name it with {parameter('category')}{or_all}; there are: {known}")
        return there
