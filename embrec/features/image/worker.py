"""The program of a decoding process: reads paths from standard input and writes arrays to standard output.

It is a program of its own instead of a `multiprocessing` worker: it imports neither torch nor the caller's main module,
nothing is pickled, and it ends by itself when its caller is gone, however that ended.

Protocol: the first input line is a JSON object {"module", "name", "fields"} that describes the transform, a dataclass. Every
further input line is a path as JSON. The answer is a line of JSON: null if there is no file, a text with the reason why it
cannot be read, or {"dtype", "shape"} followed by the bytes of the array.
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
    """Return the first line of the protocol for a transform, a dataclass of plain values."""
    cls = type(transform)
    return _line({"module": cls.__module__, "name": cls.__name__, "fields": asdict(transform)})


def ask(path: Path | None, to: BinaryIO, answers: BufferedReader) -> Decoded:
    """Send one path to a worker and return its answer, the result of `decode`.

    Args:
        path: image file; None for an item without one.
        to: standard input of the worker.
        answers: standard output of the worker.

    Raises:
        EOFError: the worker is gone.
        OSError: the worker is gone.
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
    """Answer requests until the input ends."""
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
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches the whole process group; the caller decides when to end
    warnings.simplefilter("ignore")  # about oddities of a file, which is then decoded or refused
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # keeps whatever a library prints out of the answers
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
