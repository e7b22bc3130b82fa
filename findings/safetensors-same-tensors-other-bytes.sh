#!/usr/bin/env bash
# safetensors 0.8.0: the same tensors with the same metadata give files of different bytes, if the metadata have several entries.
#
# Guess: saving the same thing twice gives the same file, so that the hash of a model's file says whether it is the same model.
# Seen: the order of the metadata in the header is drawn anew at each save, even within one process. Tensors stand in a fixed order,
# and with one entry of metadata the bytes are always the same.
# Here: the metadata of a run are one entry of JSON (embrec/runs/model.py), and tests compare the files of equal trainings byte by byte.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
install safetensors==0.8.0 numpy==2.4.6
cat >"$folder/run.py" <<'PYTHON'
from importlib.metadata import version

import numpy as np
from safetensors.numpy import save

tensors = {"weights": np.zeros(3, np.float32), "bias": np.ones(2, np.float32)}
print("safetensors", version("safetensors"))
for metadata in ({"run": "first"}, {"run": "first", "epochs": "3", "seed": "0", "split": "leave-one-out"}):
    files = {save(tensors, metadata) for _ in range(50)}
    print(f"{len(metadata)} entries of metadata: {'always the same bytes' if len(files) == 1 else 'bytes differ'}")
PYTHON
"$python" "$folder/run.py" | expect "safetensors 0.8.0
1 entries of metadata: always the same bytes
4 entries of metadata: bytes differ"
