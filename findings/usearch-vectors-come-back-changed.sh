#!/usr/bin/env bash
# usearch 2.26.6: an index keeps bfloat16 unless told, and int8 with inner products forgets how long the vectors are.
#
# Guess: float32 vectors that are added to an index come back as they were, and a smaller type costs a little recall.
# Seen: the default type is bfloat16, so the vectors that come back differ in the third digit. With dtype="i8" each vector is brought
# to one length before it is rounded: for cosines that is harmless, for inner products (matrix factorisation, item biases,
# popularity in the length of a vector) the best ten items of the index share less than half with the true ones, and nothing says so.
# Here: no index is used yet; whoever adds one must ask for dtype="f32" or compare by cosine.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
install usearch==2.26.6 numpy==2.4.6
cat >"$folder/run.py" <<'PYTHON'
from importlib.metadata import version

import numpy as np
from usearch.index import Index

draw = np.random.default_rng(0)
unit = draw.normal(size=(1000, 64)).astype(np.float32)
unit /= np.linalg.norm(unit, axis=1, keepdims=True)
items = unit * np.linspace(1, 10, 1000, dtype=np.float32)[:, None]
queries = draw.normal(size=(50, 64)).astype(np.float32)
keys = np.arange(1000)


def recall(vectors: np.ndarray, dtype: str) -> float:
    index = Index(ndim=64, metric="ip", dtype=dtype, expansion_search=1000)
    index.add(keys, vectors)
    best = np.argsort(-(queries @ vectors.T), axis=1)[:, :10]
    found = index.search(queries, 10).keys
    return float(np.mean([len({*a} & {*b}) / 10 for a, b in zip(best.tolist(), found.tolist())]))


index = Index(ndim=64, metric="ip")
index.add(keys, unit)
back = np.asarray(index.get(keys), dtype=np.float32).reshape(unit.shape)
print("usearch", version("usearch"))
print(f"default type: {index.dtype.name}; vectors come back as they were: {bool((back == unit).all())}")
print(f"recall at 10, lengths all alike: f32 {recall(unit, 'f32') > 0.95}, i8 {recall(unit, 'i8') > 0.8}")
print(f"recall at 10, lengths from 1 to 10: f32 {recall(items, 'f32') > 0.95}, i8 {recall(items, 'i8') > 0.6}")
PYTHON
"$python" "$folder/run.py" | expect "usearch 2.26.6
default type: BF16; vectors come back as they were: False
recall at 10, lengths all alike: f32 True, i8 True
recall at 10, lengths from 1 to 10: f32 True, i8 False"
