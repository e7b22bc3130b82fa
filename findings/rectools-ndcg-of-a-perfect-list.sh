#!/usr/bin/env bash
# RecTools 0.19.0: the NDCG@10 of a perfect recommendation is .22 when a user has one relevant item.
#
# Guess: NDCG is normalised, so that the target in first place gives 1.
# Seen: by default the gain is divided by that of ten relevant items, whether or not there are as many. With one target a user
# (leave-one-out) no model gets more than 1 / (1/log2(2) + ... + 1/log2(11)) = .2201, and all figures are .2201 of those
# that other libraries and most papers print. `divide_by_achievable=True` gives theirs. An NDCG@10 of .04 against .18 may be the
# same model.
# Here: NDCG@K is divided by the gain of the one target in first place (embrec/evaluation/metrics.py).
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
install numpy==1.26.4 pandas==2.3.3 scipy==1.17.1 attrs==23.2.0 implicit==0.7.2 pydantic==2.9.2 typeguard==4.4.1
"$python" -m pip install --quiet --disable-pip-version-check --no-deps rectools==0.19.0 2>&1 | grep -v WARNING || true
cat >"$folder/run.py" <<'PYTHON'
from importlib.metadata import version

import pandas as pd
from rectools.metrics import MRR, NDCG

best_first = pd.DataFrame({"user_id": 1, "item_id": range(10), "rank": range(1, 11)})
target = pd.DataFrame({"user_id": [1], "item_id": [0]})
print("RecTools", version("rectools"))
for name, metric in (
    ("MRR@10", MRR(k=10)),
    ("NDCG@10", NDCG(k=10)),
    ("NDCG@10, divide_by_achievable", NDCG(k=10, divide_by_achievable=True)),
):
    print(f"{name} of the target in first place: {metric.calc(best_first, target):.4f}")
PYTHON
"$python" "$folder/run.py" 2>/dev/null | expect "RecTools 0.19.0
MRR@10 of the target in first place: 1.0000
NDCG@10 of the target in first place: 0.2201
NDCG@10, divide_by_achievable of the target in first place: 1.0000"
