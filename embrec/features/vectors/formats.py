"""Which reader opens which file, and what can be said to it."""

from importlib import import_module
from pathlib import Path

from embrec.errors import ConfigError, FeatureError
from embrec.features.vectors.file import VectorFile
from embrec.features.vectors.params import Format, VectorsParams

_SUFFIXES: dict[str, Format] = {
    ".npy": "npy",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".safetensors": "safetensors",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "tsv",
    ".tsv.gz": "tsv",
    ".b": "alexnet",
    ".bin": "alexnet",
}

# Format -> module, and the options that mean something to it.
_READERS: dict[Format, tuple[str, frozenset[str]]] = {
    "npy": ("npy", frozenset({"ids", "id_column"})),
    "parquet": ("parquet", frozenset({"key", "id_column"})),
    "hdf5": ("hdf5", frozenset({"ids", "key", "id_column"})),
    "safetensors": ("safetensors", frozenset({"ids", "key", "id_column"})),
    "csv": ("csv", frozenset({"id_column"})),
    "tsv": ("csv", frozenset({"id_column"})),
    "alexnet": ("alexnet", frozenset()),
}


def format_of(path: Path) -> Format | None:
    """Return the format that a file's name tells, None if it tells none."""
    name = path.name.lower()
    return next((kind for suffix, kind in _SUFFIXES.items() if name.endswith(suffix)), None)


def open_vectors(params: VectorsParams, scratch: Path | None = None) -> VectorFile:
    """Open a file of vectors.

    npy, contiguous HDF5, safetensors and AlexNet records are read where they lie; what is compressed or text is copied
    once, a block at a time, into a flat temporary file.

    Args:
        params: which file, and where in it things are.
        scratch: folder of the temporary file; the system's choice if None.

    Raises:
        ConfigError: an option means nothing to this format, or the format is not known.
        FeatureError: the file is missing, damaged, or holds no vectors with ids.
    """
    path = params.path
    kind = params.format or format_of(path)
    if kind is None:
        raise ConfigError(
            f"{path}: cannot tell the format from the name; say format= and one of: {', '.join(_READERS)} "
            f"(or name it {', '.join(_SUFFIXES)})"
        )
    module, options = _READERS[kind]
    for option in ("ids", "key", "id_column"):
        if getattr(params, option) is not None and option not in options:
            possible = f"; possible: {', '.join(sorted(options))}" if options else ""
            raise ConfigError(f"{path}: {option}= means nothing to a file of format {kind}{possible}")
    if not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise FeatureError(f"the file of vectors {path} {what}; put it there, or build with another path=")
    try:
        file: VectorFile = import_module(f"embrec.features.vectors.readers.{module}").read(params, scratch)
    except OSError as error:
        raise FeatureError(f"{path} cannot be read ({error.strerror or error})") from None
    return file
