"""EmbRec: content-based sequential recommendation.

What this module exports is the public Python interface. Everything is loaded on first use, so that `import embrec`
costs milliseconds and the command line starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from embrec.data.catalog import Catalog
    from embrec.data.interactions import Interactions
    from embrec.errors import EmbrecError
    from embrec.workspace import Workspace

_EXPORTS = {
    "Catalog": "embrec.data.catalog",
    "EmbrecError": "embrec.errors",
    "Interactions": "embrec.data.interactions",
    "Workspace": "embrec.workspace",
}

__all__ = ["Catalog", "EmbrecError", "Interactions", "Workspace", "__version__"]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'embrec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
