"""EmbRec: content-based sequential recommendation.

What this module exports is the public Python interface. Everything is loaded on first use, so that `import embrec`
costs milliseconds and the command line starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from embrec.version import __version__ as __version__

if TYPE_CHECKING:
    from embrec.comparisons.encoders import compare_encoders, comparison_config
    from embrec.comparisons.models import compare_models
    from embrec.comparisons.request import ComparisonRequest
    from embrec.comparisons.runs import compare_runs
    from embrec.data.catalog import Catalog
    from embrec.data.everyone import load_everyone
    from embrec.data.importing import import_data
    from embrec.data.interactions import Interactions
    from embrec.data.preparation import PreparationConfig
    from embrec.data.readers.amazon import AmazonSource
    from embrec.data.readers.complete_journey import CompleteJourneySource
    from embrec.data.readers.hm import HMSource
    from embrec.data.readers.microlens import MicroLensSource
    from embrec.data.readers.mind import MindSource
    from embrec.data.readers.movielens import MovieLensSource
    from embrec.data.readers.otto import OttoSource
    from embrec.data.readers.pixelrec import PixelRecSource
    from embrec.data.readers.recbole import RecBoleSource
    from embrec.data.readers.retailrocket import RetailRocketSource
    from embrec.data.readers.sequences import SequencesSource
    from embrec.data.readers.table import TableSource, read_items
    from embrec.data.relations import Relations
    from embrec.data.splits import GlobalTime, ItemHoldout, LeaveOneOut, PerUserRatio, UserHoldout, parse_split
    from embrec.data.store import load_dataset
    from embrec.errors import EmbrecError
    from embrec.evaluation.leaks import check_leaks
    from embrec.features.category import build_features
    from embrec.features.defaults import default_encoders
    from embrec.features.registry import make_encoder
    from embrec.features.table import FeatureTable
    from embrec.runs.evaluate import evaluate_runs
    from embrec.runs.pipeline import train
    from embrec.runs.presets import build_config
    from embrec.serving.recommender import Recommender
    from embrec.serving.scoring import score_by_item, score_by_user
    from embrec.tuning.plan import plan_search
    from embrec.tuning.search import tune
    from embrec.workspace import Workspace

_EXPORTS = {
    "AmazonSource": "embrec.data.readers.amazon",
    "Catalog": "embrec.data.catalog",
    "ComparisonRequest": "embrec.comparisons.request",
    "CompleteJourneySource": "embrec.data.readers.complete_journey",
    "EmbrecError": "embrec.errors",
    "FeatureTable": "embrec.features.table",
    "GlobalTime": "embrec.data.splits",
    "HMSource": "embrec.data.readers.hm",
    "Interactions": "embrec.data.interactions",
    "ItemHoldout": "embrec.data.splits",
    "LeaveOneOut": "embrec.data.splits",
    "MicroLensSource": "embrec.data.readers.microlens",
    "MindSource": "embrec.data.readers.mind",
    "MovieLensSource": "embrec.data.readers.movielens",
    "OttoSource": "embrec.data.readers.otto",
    "PerUserRatio": "embrec.data.splits",
    "PixelRecSource": "embrec.data.readers.pixelrec",
    "PreparationConfig": "embrec.data.preparation",
    "RecBoleSource": "embrec.data.readers.recbole",
    "Recommender": "embrec.serving.recommender",
    "Relations": "embrec.data.relations",
    "RetailRocketSource": "embrec.data.readers.retailrocket",
    "SequencesSource": "embrec.data.readers.sequences",
    "TableSource": "embrec.data.readers.table",
    "UserHoldout": "embrec.data.splits",
    "Workspace": "embrec.workspace",
    "build_config": "embrec.runs.presets",
    "build_features": "embrec.features.category",
    "check_leaks": "embrec.evaluation.leaks",
    "compare_encoders": "embrec.comparisons.encoders",
    "compare_models": "embrec.comparisons.models",
    "compare_runs": "embrec.comparisons.runs",
    "comparison_config": "embrec.comparisons.encoders",
    "default_encoders": "embrec.features.defaults",
    "evaluate_runs": "embrec.runs.evaluate",
    "import_data": "embrec.data.importing",
    "load_dataset": "embrec.data.store",
    "load_everyone": "embrec.data.everyone",
    "make_encoder": "embrec.features.registry",
    "parse_split": "embrec.data.splits",
    "plan_search": "embrec.tuning.plan",
    "read_items": "embrec.data.readers.table",
    "score_by_item": "embrec.serving.scoring",
    "score_by_user": "embrec.serving.scoring",
    "train": "embrec.runs.pipeline",
    "tune": "embrec.tuning.search",
}

__all__ = [
    "AmazonSource",
    "Catalog",
    "ComparisonRequest",
    "CompleteJourneySource",
    "EmbrecError",
    "FeatureTable",
    "GlobalTime",
    "HMSource",
    "Interactions",
    "ItemHoldout",
    "LeaveOneOut",
    "MicroLensSource",
    "MindSource",
    "MovieLensSource",
    "OttoSource",
    "PerUserRatio",
    "PixelRecSource",
    "PreparationConfig",
    "RecBoleSource",
    "Recommender",
    "Relations",
    "RetailRocketSource",
    "SequencesSource",
    "TableSource",
    "UserHoldout",
    "Workspace",
    "__version__",
    "build_config",
    "build_features",
    "check_leaks",
    "compare_encoders",
    "compare_models",
    "compare_runs",
    "comparison_config",
    "default_encoders",
    "evaluate_runs",
    "import_data",
    "load_dataset",
    "load_everyone",
    "make_encoder",
    "parse_split",
    "plan_search",
    "read_items",
    "score_by_item",
    "score_by_user",
    "train",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'embrec' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
