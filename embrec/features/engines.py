"""Who encodes the blocks of a build: this process, or workers of Ray."""

from collections.abc import Iterator
from contextlib import contextmanager

from embrec.errors import ConfigError
from embrec.features.build import Engine, encode_here


@contextmanager
def open_engine(name: str, workers: int | None = None, address: str | None = None) -> Iterator[Engine]:
    """Yield an engine for `build`, and close what it has opened.

    Args:
        name: local or ray.
        workers: processes of Ray; one a processor if None.
        address: of a Ray cluster; one is started here if None.

    Raises:
        ConfigError: there is no such engine, or it has no workers and no address.
    """
    if name not in ("local", "ray"):
        raise ConfigError(f"--engine is {name!r}: use local or ray")
    if name == "local":
        if workers is not None or address is not None:
            raise ConfigError("--workers and --address are for --engine ray; leave them out or add it")
        yield encode_here
        return
    from embrec.features.on_ray import ray_engine

    with ray_engine(address, workers) as engine:
        yield engine
