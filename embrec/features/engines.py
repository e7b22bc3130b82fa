"""Engines that encode the blocks of a build: this process, or Ray workers."""

from collections.abc import Iterator
from contextlib import contextmanager

from embrec.errors import ConfigError
from embrec.features.blocks import Engine, encode_here
from embrec.parameters import parameter


@contextmanager
def open_engine(engine: str, workers: int | None = None, address: str | None = None) -> Iterator[Engine]:
    """Yield an engine for `build_features`, and close it afterwards.

    Args:
        engine: "local" for this process, or "ray" for several processes, here or on a cluster.
        workers: number of Ray processes; one per processor if None.
        address: address of a running Ray cluster; a new one is started on this machine if None.

    Raises:
        ConfigError: the engine is unknown, or it is local and `workers` or `address` is given.
        MissingExtraError: Ray is not installed.
    """
    if engine not in ("local", "ray"):
        raise ConfigError(f"{parameter('engine', engine)}: use local or ray")
    if engine == "local":
        if workers is not None or address is not None:
            raise ConfigError(
                f"{parameter('workers')} and {parameter('address')} are for {parameter('engine', 'ray')}; "
                "leave them out or add it"
            )
        yield encode_here
        return
    from embrec.features.on_ray import ray_engine

    with ray_engine(address, workers) as encode_on_ray:
        yield encode_on_ray
