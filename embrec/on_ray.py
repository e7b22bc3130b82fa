"""Ray clusters, started or joined without output of Ray. The stages define their workers in their own `on_ray` modules."""

import io
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from embrec.errors import ConfigError, MissingExtraError
from embrec.processors import usable_processors

_ANSWER_SECONDS = 5
_PROCESSES_PER_PROCESSOR = 4  # more would only take memory: each process loads torch
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}


def import_ray(purpose: str, *modules: str) -> Any:
    """Import Ray and silence its logs.

    Args:
        purpose: reason for needing Ray, for the message, such as "`engine='ray'`".
        modules: modules of Ray to import besides its core, such as "data".

    Raises:
        MissingExtraError: Ray is not installed.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.exceptions

        for module in modules:
            __import__(f"ray.{module}")
    except ImportError:
        raise MissingExtraError("ray", "ray", purpose) from None
    for logger in () if _debug() else ("ray", *(f"ray.{module}" for module in modules)):
        logging.getLogger(logger).setLevel(logging.CRITICAL)
    return ray


@contextmanager
def ray_cluster(
    purpose: str, *modules: str, address: str | None = None, processors: int = 1, gpus: int | None = None
) -> Iterator[Any]:
    """Connect to a Ray cluster, or start one on this machine, and yield Ray; disconnect or shut down afterwards.

    Args:
        purpose: reason for needing Ray, for messages.
        modules: modules of Ray to import besides its core.
        address: address of a running cluster, `host:port` or `auto`; None starts a new one on this machine.
        processors: minimum number of CPUs of a new cluster, even if the machine has fewer.
        gpus: number of GPUs of a new cluster; None: those that Ray finds.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: no cluster answers at the address, or a new one would have far more CPUs than the machine.
    """
    if address is None:
        _check_room(processors)
    else:
        _bring_token()
    ray = import_ray(purpose, *modules)
    with tempfile.TemporaryDirectory(prefix="embrec-ray-", ignore_cleanup_errors=True) as folder:
        here: dict[str, Any] = {
            "num_cpus": max(processors, usable_processors()),
            "num_gpus": gpus,
            "include_dashboard": False,
            "_temp_dir": folder,
        }
        try:
            if address is not None:
                _reach(address)
            with _silent_stderr():
                ray.init(
                    address=address or "local",
                    log_to_driver=_debug(),
                    logging_level="INFO" if _debug() else "ERROR",
                    **(here if address is None else {}),
                )
        except (OSError, RuntimeError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ConfigError(f"no Ray cluster at {address or 'this machine'} ({reason}); see: ray status") from None
        try:
            with _ended_by_sigterm(), nullcontext() if _debug() else redirect_stdout(_WithoutNotices(sys.stdout)):
                yield ray
        finally:
            ray.shutdown()


def _check_room(processes: int) -> None:
    """Refuse more processes than this machine can hold: Ray starts them all, and the system kills them for memory.

    Raises:
        ConfigError: there are too many.
    """
    processors = usable_processors()
    most = max(8, _PROCESSES_PER_PROCESSOR * processors)
    if processes > most:
        raise ConfigError(
            f"{processes} processes are too many for this machine, which has {processors} processors; use {most} or fewer"
        )


def _debug() -> bool:
    return bool(os.environ.get("EMBREC_DEBUG"))


def _reach(address: str) -> None:
    """Check that something answers at `host:port`; Ray itself would retry for minutes.

    Raises:
        OSError: nothing answers.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()


def _bring_token() -> None:
    """Enable authentication by this user's token, if there is one; call it before Ray is imported.

    `ray start` protects a cluster by itself once the home folder has a token, but `ray.init` does not send the token by
    itself. Clusters without authentication ignore it.
    """
    token = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    if "RAY_AUTH_TOKEN" in os.environ or token.is_file():
        os.environ.setdefault("RAY_AUTH_MODE", "token")


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the program as Ctrl-C does; Ray would print a stack trace of its core and abort."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drop what Ray's core prints to stderr while it starts, even with logging off."""
    if _debug():
        yield
        return
    with Path(os.devnull).open("w") as nothing:
        kept = os.dup(2)
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


class _WithoutNotices(io.TextIOBase):
    """Standard output without Ray's notices about workers that died and were restarted."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._left_out = False

    def write(self, text: str) -> int:
        """Write a text unless it comes from Ray's own processes."""
        left_out = "(raylet)" in text or (self._left_out and text == "\n")
        self._left_out = "(raylet)" in text
        return len(text) if left_out else self._stream.write(text)

    def flush(self) -> None:
        """Flush the underlying stream."""
        self._stream.flush()
