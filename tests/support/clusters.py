"""A cluster of Ray on this machine, guarded by a token in a home folder, as `ray start` makes it."""

import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil


@contextmanager
def running_cluster(home: Path, machines: int = 1) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the address of a cluster with two processors a machine, and the environment of a user who may use it."""
    ray = str(Path(sys.executable).with_name("ray"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment["HOME"] = str(home)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def run(*words: str, **more: str) -> None:
        subprocess.run([ray, *words], env=environment | more, check=True, capture_output=True, timeout=120)

    run("get-auth-token", "--generate")
    # The paths of Ray's sockets must be short.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        try:
            run(
                "start", "--head", f"--port={port}", "--num-cpus=2", "--include-dashboard=false", f"--temp-dir={folder}"
            )
            for _ in range(machines - 1):
                run("start", f"--address=127.0.0.1:{port}", "--num-cpus=2", RAY_AUTH_MODE="token")
            yield f"127.0.0.1:{port}", environment
        finally:
            daemons = [
                process
                for process in psutil.process_iter(["cmdline"])
                if folder in " ".join(process.info["cmdline"] or [])
            ]
            children = []
            for daemon in daemons:
                with suppress(psutil.NoSuchProcess):
                    children += daemon.children(recursive=True)
            for process in daemons + children:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
