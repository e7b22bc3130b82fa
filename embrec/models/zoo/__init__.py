"""Published models, one per file: each composes parts and has a line in `embrec.models.registry`."""

from embrec.errors import ConfigError
from embrec.models import registry
from embrec.models.config import ItemsConfig
from embrec.models.inputs import CatalogInputs
from embrec.models.interface import Factorised, Scored
from embrec.names import listed

# What every model that can be trained has, besides `training_steps` or `training_scores`.
_ALL = (
    *("cached", "catalog", "factors", "queries", "score", "eval"),
    *("known", "state_dict", "load_state_dict", "to", "parameters"),
)


def build_model(config: ItemsConfig, inputs: CatalogInputs) -> Factorised | Scored:
    """Compose the model of a configuration, with freshly initialised weights.

    Args:
        config: configuration of a registered kind.
        inputs: what the model reads of the catalog; its tables are those of `config.features`, in that order.

    Raises:
        ConfigError: there is no such kind, or its builder returns something that cannot be trained.
    """
    model = registry.lookup(config.kind).build(config, inputs)
    if isinstance(model, Factorised | Scored):
        return model
    lacking = [name for name in _ALL if not hasattr(model, name)]
    raise ConfigError(
        f"model {config.kind!r}: its builder returned {type(model).__name__}, which is neither Factorised nor Scored: it lacks "
        f"{listed(lacking) or 'training_steps or training_scores'}"
    )
