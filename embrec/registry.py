"""Registries: the models, losses, metrics and baselines that can be asked for by name, and how others add their own.

An entry is built in (one line in the registry's list), comes from an installed package (an entry point), or is registered
by the program that runs. Names are known without an import; an entry is imported when it is asked for.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from pydantic_core import PydanticKnownError, SchemaValidator, core_schema

from embrec.errors import ConfigError
from embrec.names import unknown

Entry = TypeVar("Entry")
_log = logging.getLogger(__name__)


class Registry(Generic[Entry]):
    """Entries of one sort, by name.

    A package that cannot be loaded does not stop the others: asking for its entry is an error of one line that names the
    package, and where all entries are wanted that line is logged.

    Args:
        what: an entry in messages, such as `model`.
        built_in: name -> `module:ATTRIBUTE`, in the order in which names are listed.
        group: the entry point group of installed packages; the name of an entry point is that of its entry.
        name_of: returns the name of an entry.
        accepts: returns whether an object is an entry.
        expected: what an entry must be, in messages, such as `a Registration`.

    Examples:
        >>> colours = Registry("colour", {}, "embrec.colours", name_of=str, accepts=lambda one: one == "red", expected="red")
        >>> colours.register("red")
        'red'
        >>> list(colours), colours["red"]
        (['red'], 'red')
    """

    def __init__(
        self,
        what: str,
        built_in: Mapping[str, str],
        group: str,
        *,
        name_of: Callable[[Entry], str],
        accepts: Callable[[Any], bool],
        expected: str,
    ) -> None:
        self.what = what
        self.group = group
        self._built_in = dict(built_in)
        self._name_of = name_of
        self._accepts = accepts
        self._expected = expected
        self._loaded: dict[str, Entry] = {}
        self._registered: list[str] = []
        self._points: dict[str, list[EntryPoint]] | None = None
        self._warned: set[str] = set()

    def register(self, entry: Entry, *, replace: bool = False) -> Entry:
        """Add an entry for as long as the program runs; returns it, so that it can decorate a class.

        Worker processes of Ray do not know it: a package with an entry point serves those too.

        Args:
            entry: what is added.
            replace: whether it may take the place of an entry that was registered before.

        Raises:
            ConfigError: it is no entry, or its name is taken.
        """
        if not self._accepts(entry):
            raise ConfigError(f"{entry!r} is no {self.what}: {self._expected} is expected")
        name = self._name_of(entry)
        if name in self and self._loaded.get(name) is not entry and not (replace and name in self._registered):
            raise ConfigError(f"a {self.what} {name!r} is registered already; choose another name")
        if name not in self._registered:
            self._registered.append(name)
        self._loaded[name] = entry
        return entry

    def unregister(self, name: str) -> None:
        """Forget an entry that was registered by `register`."""
        self._registered.remove(name)
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        """Return the names: built-in ones, those of installed packages, those registered."""
        return iter(dict.fromkeys([*self._built_in, *sorted(self._packaged()), *self._registered]))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._built_in or name in self._registered or name in self._packaged()

    def __getitem__(self, name: str) -> Entry:
        """Return an entry.

        Raises:
            ConfigError: there is none of that name, or the package that provides it cannot be loaded.
        """
        if name not in self._loaded:
            if name in self._built_in:
                module, _, attribute = self._built_in[name].partition(":")
                self._loaded[name] = getattr(import_module(module), attribute)
            elif name in self._packaged():
                self._loaded[name] = self._load(name, self._packaged()[name])
            else:
                raise ConfigError(unknown(self.what, name, self))
        return self._loaded[name]

    def usable(self) -> dict[str, Entry]:
        """Return all entries by name, without those whose packages cannot be loaded."""
        found = {}
        for name in self:
            try:
                found[name] = self[name]
            except ConfigError as error:
                self._warn(str(error))
        return found

    def packaged(self) -> list[tuple[str, str, str]]:
        """Return name, package and fault of each entry of an installed package; the fault is empty if it can be used."""
        found = []
        for name, points in self._packaged().items():
            try:
                self[name]
            except ConfigError as error:
                found.append((name, _package(points[0]), str(error)))
            else:
                found.append((name, _package(points[0]), ""))
        return sorted(found)

    def refresh(self) -> None:
        """Look for entry points of installed packages again, such as after an installation in a running notebook."""
        for name in self._points or {}:
            if name not in self._registered:
                self._loaded.pop(name, None)
        self._points = None
        self._warned.clear()

    def _warn(self, message: str) -> None:
        """Log a line once; without any configuration of logging it goes to standard error."""
        if message not in self._warned:
            self._warned.add(message)
            _log.warning("%s", message)

    def _packaged(self) -> Mapping[str, list[EntryPoint]]:
        """Return the entry points of installed packages by name; a built-in entry is never replaced."""
        if self._points is None:
            self._points = {}
            for point in entry_points(group=self.group):
                if point.name in self._built_in:
                    self._warn(
                        f"package {_package(point)!r} brings a {self.what} {point.name!r}, a name that is built in; "
                        "its own is left out"
                    )
                    continue
                named = self._points.setdefault(point.name, [])
                if _package(point) not in map(_package, named):  # a package may be found twice on the path
                    named.append(point)
        return self._points

    def _load(self, name: str, points: list[EntryPoint]) -> Entry:
        point, *others = points
        here = f"{self.what} {name!r} of package {_package(point)!r}"
        if others:
            raise ConfigError(f"{here} also comes with package {_package(others[0])!r}; uninstall one of them")
        try:
            entry = point.load()
        except (Exception, SystemExit) as error:  # a package may raise anything
            reason = " ".join(str(error).split())
            raise ConfigError(
                f"{here} cannot be loaded ({type(error).__name__}: {reason}); update or uninstall that package"
            ) from error
        if not self._accepts(entry):
            raise ConfigError(f"{here} cannot be used: {point.value} is not {self._expected}")
        if self._name_of(entry) != name:
            raise ConfigError(f"{here} cannot be used: {point.value} calls itself {self._name_of(entry)!r}")
        return entry


def _package(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value.partition(":")[0].partition(".")[0]


@dataclass
class ChosenFrom:
    """Annotation of a configuration field whose class is looked up in a registry when a value is validated.

    So a configuration accepts choices that were registered after its own class was made.

    Attributes:
        registry: registry of the choices.
        by: the key that names the choice, such as `kind`.
        config: returns the configuration class of an entry.
        default: the choice of values without that key; None where the key is required.
        bare: whether a text alone names a choice without parameters.
    """

    registry: Registry[Any]
    by: str
    config: Callable[[Any], type[BaseModel]]
    default: str | None = None
    bare: bool = False
    _validators: dict[type[BaseModel], SchemaValidator] = field(default_factory=dict, repr=False)

    def classes(self) -> list[type[BaseModel]]:
        """Return the configuration classes of all choices that can be loaded."""
        return [self.config(entry) for entry in self.registry.usable().values()]

    def __get_pydantic_core_schema__(self, source: type[BaseModel], handler: Any) -> core_schema.CoreSchema:
        def validate(value: Any) -> BaseModel:
            return value if isinstance(value, source) else self._validate(value)

        return core_schema.no_info_plain_validator_function(
            validate, serialization=core_schema.simple_ser_schema("any")
        )

    def _validate(self, value: Any) -> BaseModel:
        if self.bare and isinstance(value, str):
            value = {self.by: value}
        if not isinstance(value, Mapping):
            raise PydanticKnownError("dict_type")
        name = value.get(self.by, self.default)
        if name is None:
            raise PydanticKnownError("union_tag_not_found", {"discriminator": repr(self.by)})
        if not isinstance(name, str) or name not in self.registry:
            allowed = ", ".join(map(repr, self.registry))
            raise PydanticKnownError(
                "union_tag_invalid", {"discriminator": repr(self.by), "tag": str(name), "expected_tags": allowed}
            )
        config = self.config(self.registry[name])
        if config not in self._validators:  # the tag puts the choice into the place of an error
            tagged = core_schema.tagged_union_schema({name: config.__pydantic_core_schema__}, lambda _: name)
            self._validators[config] = SchemaValidator(tagged)
        validated: BaseModel = self._validators[config].validate_python(dict(value))
        return validated
