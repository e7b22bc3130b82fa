"""Parameters of the encoder of precomputed vectors."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from embrec.features.encoder import EncoderParams

Format = Literal["npy", "parquet", "hdf5", "safetensors", "csv", "tsv", "alexnet"]

# As `ids` it means that row r of the file belongs to item r of the catalog.
CATALOG_ORDER = "order"


class VectorsParams(EncoderParams):
    """Parameters of `VectorsEncoder`; paths are made absolute, so that a saved encoder finds them from any folder.

    Examples:
        >>> VectorsParams(path="/data/vectors.npy", ids="order").format is None  # given by the suffix
        True
    """

    model_config = ConfigDict(coerce_numbers_to_str=True)  # a column may have the name 0
    path: Annotated[Path, Field(description="file of vectors")]
    format: Annotated[Format | None, Field(description="format of the file; given by its suffix if None")] = None
    ids: Annotated[
        str | None,
        Field(
            min_length=1,
            description="item ids of an npy, HDF5 or safetensors file: another file (text with one id per line, npy, JSON "
            "list, CSV, Parquet), a dataset or tensor inside it, or 'order' if row r belongs to line r of the items' file",
        ),
    ] = None
    key: Annotated[
        str | None, Field(min_length=1, description="name of the dataset, tensor or list column with the vectors")
    ] = None
    id_column: Annotated[str | None, Field(min_length=1, description="name of the column with the item ids")] = None

    @model_validator(mode="before")
    @classmethod
    def _absolute(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("path"), str | Path):
            return values
        path = Path(values["path"]).expanduser().absolute()
        values = {**values, "path": path}
        ids = values.get("ids")
        if isinstance(ids, str | Path) and str(ids) != CATALOG_ORDER:
            # A name that is no file may be that of a dataset; the reader decides.
            places = (Path(ids).expanduser().absolute(), path.parent / ids)
            there = [str(place) for place in places if place.is_file()]
            values["ids"] = there[0] if there else str(ids)
        return values
