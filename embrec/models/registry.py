"""The models by kind: what the configuration, the command line, presets and searches know of each.

A model has a file of its own in `embrec.models.zoo` (its configuration, its builder, its registration) and one line in
`MODELS` below. A model of another package has the same three in that package, and an entry point in its `pyproject.toml`:

    [project.entry-points."embrec.models"]
    my-model = "my_package.my_model:MY_MODEL"
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_type_hints

from embrec.errors import ConfigError
from embrec.models.config import ItemsConfig
from embrec.names import unknown
from embrec.registry import ChosenFrom, Registry

_KIND = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
Reads = Literal["relations", "attributes", "context", "users", "features"]
# A configuration that names no kind is of this one.
DEFAULT = "embrec"


@dataclass(frozen=True)
class Registration:
    """What the program knows of a kind of model.

    Attributes:
        kind: its name in configurations and on the command line; the default of the configuration's field `kind`.
        config: the class of its configuration.
        build: composes a model with new weights from a configuration and what it reads of the catalog; see `build_model`.
        help: what it is, in one line.
        reads: what it reads besides item vectors and histories, as fields of its `CatalogInputs`. "users" are the users with
            training events, "features" the feature tables themselves, which the run then keeps beside the item vectors.

    Examples:
        >>> lookup("sasrec").source, lookup("sasrec").config.__name__
        ('id', 'SASRecConfig')
    """

    kind: str
    config: type[ItemsConfig]
    build: Callable[..., Any]
    help: str
    reads: frozenset[Reads] = frozenset()

    def __post_init__(self) -> None:
        if not _KIND.fullmatch(self.kind):
            raise ConfigError(f"model {self.kind!r}: a kind is made of letters, digits, hyphens, dots and underscores")
        if not (isinstance(self.config, type) and issubclass(self.config, ItemsConfig)):
            raise ConfigError(f"model {self.kind!r}: its configuration {self.config!r} is no subclass of ItemsConfig")
        field = self.config.model_fields["kind"]
        if field.is_required():
            raise ConfigError(f"model {self.kind!r}: the field `kind` of {self.config.__name__} has no default")
        if field.default != self.kind:
            raise ConfigError(f"model {self.kind!r}: the field `kind` of {self.config.__name__} says {field.default!r}")
        for one in self.reads:
            if one not in get_args(Reads):
                raise ConfigError(f"model {self.kind!r}: {unknown('entry of reads', one, get_args(Reads))}")

    @property
    def scored(self) -> bool:
        """True if the model is trained on scores of drawn negatives alone, by the return type of its builder."""
        try:
            model = get_type_hints(self.build).get("return")
        except (NameError, TypeError):  # a builder without readable annotations: the training itself says what it needs
            return False
        return hasattr(model, "training_scores") and not hasattr(model, "training_steps")

    @property
    def source(self) -> str:
        """The default source of the model's item vectors: content, id or hybrid."""
        return str(self.config.model_fields["source"].default)


MODELS: Registry[Registration] = Registry(
    "model",
    {
        "embrec": "embrec.models.zoo.embrec:EMBREC",
        "sasrec": "embrec.models.zoo.sasrec:SASREC",
        "gru4rec": "embrec.models.zoo.gru4rec:GRU4REC",
    },
    "embrec.models",
    name_of=lambda registration: registration.kind,
    accepts=lambda one: isinstance(one, Registration),
    expected="a Registration",
)

# The configuration of any registered model, as a field of another configuration.
ModelConfig = Annotated[ItemsConfig, ChosenFrom(MODELS, "kind", lambda registration: registration.config, DEFAULT)]


def register(registration: Registration, *, replace: bool = False) -> Registration:
    """Add a kind of model for as long as the program runs; see `Registry.register`.

    Raises:
        ConfigError: the kind is taken, or is not that of the configuration.
    """
    return MODELS.register(registration, replace=replace)


def kinds() -> list[str]:
    """Return the kinds of models, built-in ones first; nothing is imported for it."""
    return list(MODELS)


def lookup(kind: str) -> Registration:
    """Return the registration of a kind of model.

    Raises:
        ConfigError: there is no such kind, or the package that provides it cannot be loaded.
    """
    return MODELS[kind]


def reads_of(model: ItemsConfig) -> frozenset[str]:
    """Return what a configured model reads besides histories and item vectors; see `Registration.reads`."""
    return lookup(model.kind).reads
