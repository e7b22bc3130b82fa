"""Files of ready vectors in every format that is read."""

import gzip
import json

import h5py
import numpy as np
import polars as pl
from safetensors.numpy import save_file

from embrec.data.catalog import Catalog
from embrec.features.registry import make_encoder

IDS = ["0017", "B000A", "c,d", 'e"f', "ünï"]
ARRAY = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def catalog(ids=IDS):
    return Catalog(pl.DataFrame({"item": list(ids)}, schema={"item": pl.String}))


def encoder(path, **params):
    return make_encoder("vectors", {"path": str(path), **params})


def wide(ids, array):
    names = [f"v{place}" for place in range(array.shape[1])]
    return pl.DataFrame(array, schema=names).insert_column(0, pl.Series("item", ids, dtype=pl.String))


def npy_and_text(folder, ids, array):
    np.save(folder / "v.npy", array)
    (folder / "v.ids.txt").write_text("".join(f"{item}\n" for item in ids), encoding="utf-8", newline="\n")
    return {"path": folder / "v.npy"}


def npy_by_columns_and_npy(folder, ids, array):
    np.save(folder / "v.npy", np.asfortranarray(array.astype(">f4")))
    np.save(folder / "v_ids.npy", np.array(ids))
    return {"path": folder / "v.npy"}


def npy_and_json(folder, ids, array):
    np.save(folder / "v.npy", array.astype(np.float64))
    (folder / "names.json").write_text(json.dumps(list(ids)))
    return {"path": folder / "v.npy", "ids": "names.json"}


def npy_and_column(folder, ids, array):
    np.save(folder / "v.npy", array)
    pl.DataFrame({"title": ["x"] * len(ids), "sku": ids}).write_parquet(folder / "items.parquet")
    return {"path": folder / "v.npy", "ids": str(folder / "items.parquet"), "id_column": "sku"}


def npy_and_csv_column(folder, ids, array):
    np.save(folder / "v.npy", array)
    pl.DataFrame({"title": ["x"] * len(ids), "item": ids}).write_csv(folder / "items.csv", quote_style="always")
    return {"path": folder / "v.npy", "ids": str(folder / "items.csv")}


def parquet_arrays(folder, ids, array):
    schema = {"item": pl.String, "vector": pl.Array(pl.Float32, array.shape[1])}
    pl.DataFrame({"item": ids, "vector": array}, schema=schema).write_parquet(folder / "v.parquet")
    return {"path": folder / "v.parquet"}


def parquet_lists(folder, ids, array):
    schema = {"sku": pl.String, "price": pl.Float64, "e": pl.List(pl.Float64)}
    columns = {"sku": ids, "price": [1.0] * len(ids), "e": array.tolist()}
    pl.DataFrame(columns, schema=schema).write_parquet(folder / "v.parquet", row_group_size=2)
    return {"path": folder / "v.parquet"}


def parquet_columns(folder, ids, array):
    wide(ids, array).write_parquet(folder / "v.pq")
    return {"path": folder / "v.pq"}


def csv_with_header(folder, ids, array):
    wide(ids, array).write_csv(folder / "v.csv")
    return {"path": folder / "v.csv"}


def csv_without_header(folder, ids, array):
    wide(ids, array).write_csv(folder / "v.csv", include_header=False)
    return {"path": folder / "v.csv"}


def csv_with_ids_last(folder, ids, array):
    frame = wide(ids, array).rename({"item": "sku"})
    frame.select(*frame.columns[1:], "sku").write_csv(folder / "v.csv")
    return {"path": folder / "v.csv", "id_column": "sku"}


def tsv_gz(folder, ids, array):
    with gzip.open(folder / "v.tsv.gz", "wb") as stream:
        wide(ids, array).write_csv(stream, separator="\t")
    return {"path": folder / "v.tsv.gz"}


def hdf5_contiguous(folder, ids, array):
    with h5py.File(folder / "v.h5", "w") as file:
        file["vectors"], file["ids"], file["other"] = array, list(ids), array[:, :1]
    return {"path": folder / "v.h5"}


def hdf5_compressed(folder, ids, array):
    with h5py.File(folder / "v.hdf5", "w") as file:
        file.create_dataset("model/out", data=array.astype(np.float64), chunks=(1, array.shape[1]), compression="gzip")
        file["model/names"] = np.array([item.encode() for item in ids], dtype=object)
        file["model/titles"] = ["x"] * len(ids)
    return {"path": folder / "v.hdf5", "key": "model/out", "ids": "model/names"}


def safetensors_with_tensor(folder, ids, array):
    listed = np.frombuffer(json.dumps(list(ids)).encode(), dtype=np.uint8)
    save_file({"vectors": array, "ids": listed, "other": array}, folder / "v.safetensors")
    return {"path": folder / "v.safetensors"}


def safetensors_with_metadata(folder, ids, array):
    save_file({"first": np.zeros(3), "e": array}, folder / "v.safetensors", metadata={"names": json.dumps(list(ids))})
    return {"path": folder / "v.safetensors", "ids": "names"}


FORMATS = [
    npy_and_text,
    npy_by_columns_and_npy,
    npy_and_json,
    npy_and_column,
    npy_and_csv_column,
    parquet_arrays,
    parquet_lists,
    parquet_columns,
    csv_with_header,
    csv_without_header,
    csv_with_ids_last,
    tsv_gz,
    hdf5_contiguous,
    hdf5_compressed,
    safetensors_with_tensor,
    safetensors_with_metadata,
]
