"""File formats of precomputed vectors: their suffixes, readers and parameters."""

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

# Format -> module of its reader, and the parameters that apply to it.
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
    """Return the format that belongs to a file name's ending, None if there is none.

    Examples:
        >>> format_of(Path("vectors.csv.gz"))
        'csv'
    """
    name = path.name.lower()
    return next((kind for suffix, kind in _SUFFIXES.items() if name.endswith(suffix)), None)


def open_vectors(params: VectorsParams, scratch: Path | None = None) -> VectorFile:
    """Open a file of vectors.

    npy, contiguous HDF5, safetensors and AlexNet records are read in place; compressed and text files are copied once, block
    by block, to a flat temporary file.

    Args:
        params: path of the file, and names of the columns or datasets in it.
        scratch: folder of the temporary file; the system's choice if None.

    Raises:
        ConfigError: the format is unknown, or a parameter does not apply to it.
        FeatureError: the file is missing, damaged, or has no vectors with ids.
    """
    path = params.path
    kind = params.format or format_of(path)
    if kind is None:
        raise ConfigError(
            f"{path}: cannot tell the format from the name; give format= and one of: {', '.join(_READERS)} "
            f"(or name it {', '.join(_SUFFIXES)})"
        )
    module, options = _READERS[kind]
    for option in ("ids", "key", "id_column"):
        if getattr(params, option) is not None and option not in options:
            possible = f"; possible: {', '.join(sorted(options))}" if options else ""
            raise ConfigError(f"{path}: {option}= does not apply to a file of format {kind}{possible}")
    if not path.is_file():
        what = "is no file" if path.exists() else "does not exist"
        raise FeatureError(f"the file of vectors {path} {what}; put it there, or build with another path=")
    try:
        file: VectorFile = import_module(f"embrec.features.vectors.readers.{module}").read(params, scratch)
    except OSError as error:
        raise FeatureError(f"{path} cannot be read ({error.strerror or error})") from None
    return file
