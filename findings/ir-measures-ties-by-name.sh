#!/usr/bin/env bash
# ir-measures 0.4.3 (over pytrec_eval): among equal scores the item whose name sorts last wins.
#
# Guess: a model that scores all items alike is no better than chance, whatever the items are called.
# Seen: ties are settled by name, the last one first, as trec_eval does. A constant model finds the item "i19" of twenty always and
# the item "i00" never: with targets chosen by age, and ids given in order, that is a good figure for nothing. Models whose scores
# are often tied (counts, popularity, scores rounded to half precision) get a figure that depends on their catalog's ids.
# Here: a tied target takes the mean of the ranks that it shares (embrec/evaluation/ranks.py); tests compare with this package on
# scores without ties.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
install ir-measures==0.4.3 pytrec-eval-terrier==0.5.11 numpy==2.4.6
cat >"$folder/run.py" <<'PYTHON'
from importlib.metadata import version

import ir_measures
from ir_measures import RR, Success, nDCG

scores = {"user": {f"i{place:02d}": 1.0 for place in range(20)}}
print("ir-measures", version("ir-measures"))
for target in ("i00", "i10", "i19"):
    found = ir_measures.calc_aggregate([RR, Success @ 10, nDCG @ 10], {"user": {target: 1}}, scores)
    print(target, ", ".join(f"{measure} {value:.3f}" for measure, value in sorted(found.items(), key=str)))
PYTHON
"$python" "$folder/run.py" | expect "ir-measures 0.4.3
i00 RR 0.050, Success@10 0.000, nDCG@10 0.000
i10 RR 0.100, Success@10 1.000, nDCG@10 0.289
i19 RR 1.000, Success@10 1.000, nDCG@10 1.000"
