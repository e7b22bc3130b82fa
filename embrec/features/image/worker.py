"""A process that decodes pictures: paths come in on standard input, arrays go out on standard output.

Started as a program of its own rather than by `multiprocessing`: it then imports neither torch nor the caller's main
module, nothing is pickled, and it ends by itself when the process that asks is gone, however that one ended.

Protocol: the first line in is a JSON object {"module", "name", "fields"}, a dataclass that is the transform. After that
every line in is a path as JSON, answered by a line of JSON: null where there is no file, a text that says why it could
not be read, or {"dtype", "shape"}, followed by the bytes of that array.
"""

import json
import os
import signal
import sys
import warnings
from dataclasses import asdict
from importlib import import_module
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from embrec.features.image.decode import Decoded, ImageTransform, decode


def describe(transform: Any) -> bytes:
    """Return the first line of the protocol for a transform, which is a dataclass of plain values."""
    cls = type(transform)
    return _line({"module": cls.__module__, "name": cls.__name__, "fields": asdict(transform)})


def ask(path: Path | None, to: BinaryIO, answers: BufferedReader) -> Decoded:
    """Send one path to a worker and return its answer, as `decode` would.

    Raises:
        EOFError: the worker is gone.
        OSError: likewise.
    """
    to.write(_line(None if path is None else str(path)))
    to.flush()
    line = answers.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    answer = json.loads(line)
    if not isinstance(answer, dict):
        return answer
    array = np.empty(answer["shape"], dtype=answer["dtype"])
    if answers.readinto(array.data.cast("B")) != array.nbytes:
        raise EOFError
    return array


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer requests until there are no more."""
    description = json.loads(requests.readline())
    cls = getattr(import_module(description["module"]), description["name"])
    transform: ImageTransform = cls(**description["fields"])
    for line in requests:
        path = json.loads(line)
        decoded = decode(None if path is None else Path(path), transform)
        if isinstance(decoded, np.ndarray):
            answers.write(_line({"dtype": decoded.dtype.str, "shape": decoded.shape}))
            answers.write(np.ascontiguousarray(decoded).data.cast("B"))
        else:
            answers.write(_line(decoded))
        answers.flush()


def _line(value: Any) -> bytes:
    return json.dumps(value).encode() + b"\n"


def main() -> None:
    """Serve on the standard streams."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the caller decides when to end
    warnings.simplefilter("ignore")  # of oddities in a file that is then read or refused
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints does not stand among the answers
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
