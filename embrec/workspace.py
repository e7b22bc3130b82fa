"""Where everything lies on disk: a workspace holds categories, a category holds data, feature tables and runs."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from embrec.errors import ConfigError, DataError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_name(kind: str, name: str) -> str:
    """Return `name` if it can be a folder's name, else raise.

    Raises:
        ConfigError: the name has other characters than letters, digits, dot, dash and underscore.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{kind} {name!r} is not a usable name; use letters, digits, '.', '-' and '_'")
    return name


@dataclass(frozen=True)
class Category:
    """One prepared data set: a folder of the workspace."""

    name: str
    path: Path

    @property
    def data(self) -> Path:
        """The folder of the prepared catalog and interactions."""
        return self.path / "data"

    @property
    def lock(self) -> Path:
        """The lock of `data`, which are replaced as a whole: held alone by an import, together by all who build on them."""
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
        """The folder of the comparisons of encoders."""
        return self.path / "comparisons"

    @property
    def searches(self) -> Path:
        """The folder of the searches for settings."""
        return self.path / "searches"

    def require(self) -> "Category":
        """Return this category if it was imported, else raise.

        Raises:
            DataError: the category does not exist; the message lists those that do.
        """
        if not (self.data / "meta.json").is_file():
            known = ", ".join(category.name for category in Workspace(self.path.parent).categories()) or "none yet"
            raise DataError(
                f"no category {self.name!r} in the workspace {self.path.parent} (there: {known}); "
                f"make it with: embrec data import --category {self.name} ..."
            )
        return self


@dataclass(frozen=True)
class Made:
    """A folder that a category holds of something that was made from its data: a run, or a search."""

    path: Path

    @property
    def name(self) -> str:
        """Its name within its category."""
        return self.path.name

    @property
    def category(self) -> Category:
        """The category that it was made from, if the folder still lies inside it."""
        folder = self.path.resolve().parent.parent
        return Category(folder.name, folder)

    def fingerprint(self) -> str:
        """Return the hash of configuration and data that it was begun with, empty if none was."""
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
        """Return the category of that name, whether or not it exists yet."""
        return Category(check_name("category", name), self.path / name)

    def categories(self) -> list[Category]:
        """Return the imported categories, by name."""
        if not self.path.is_dir():
            return []
        folders = sorted(folder for folder in self.path.iterdir() if (folder / "data" / "meta.json").is_file())
        return [Category(folder.name, folder) for folder in folders]
