"""Published models, one a file: each composes the parts beside this folder and registers itself in `embrec.models.registry`."""

from embrec.models import registry
from embrec.models.config import ItemsConfig
from embrec.models.inputs import CatalogInputs
from embrec.models.interface import Factorised, Scored


def build_model(config: ItemsConfig, inputs: CatalogInputs) -> Factorised | Scored:
    """Compose the model of a configuration, with freshly initialised weights.

    Args:
        config: configuration of a registered kind.
        inputs: what the model reads of the catalog; its tables are those of `config.features`, in that order.
    """
    model: Factorised | Scored = registry.of(config.kind).build(config, inputs)
    return model
