#!/usr/bin/env bash
# scikit-learn 1.9.1: which terms `max_features` keeps depends on the kind of processor.
#
# Guess: with max_features=1000 the thousand most frequent terms are kept, and among equally frequent ones always the same, say the
# first of the alphabet: the same texts give the same vocabulary anywhere.
# Seen: ties at the cut are settled by NumPy's default sort, which is not stable and runs other code on processors with AVX2, with
# AVX-512 and with neither. Item texts have thousands of terms that stand in two or three items, so the cut always falls
# among equals: a TF-IDF table built on a laptop and one built on a server have other columns, and a model trained on the
# one reads nonsense from the other. Here the same processor is told to leave its vector instructions alone.
# Here: the vocabulary is chosen by count, then by alphabet (embrec/features/text/tfidf.py), and tests build it both ways.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
install scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
cat >"$folder/run.py" <<'PYTHON'
import json

import sklearn
from sklearn.feature_extraction.text import CountVectorizer

texts = [f"word{row:04d} word{row * 7 % 3000:04d} word{row * 13 % 3000:04d}" for row in range(3000)]
print(json.dumps([sklearn.__version__, sorted(CountVectorizer(max_features=1000).fit(texts).vocabulary_)]))
PYTHON
"$python" "$folder/run.py" >"$folder/with.json"
NPY_DISABLE_CPU_FEATURES="X86_V3 X86_V4" "$python" "$folder/run.py" >"$folder/without.json" 2>/dev/null ||
    { echo "this processor has no vector instructions to leave alone: nothing to compare" && exit 0; }
"$python" - "$folder" <<'PYTHON' | expect "scikit-learn 1.9.1: 1000 terms kept of 3000 that are equally frequent
the same terms with and without vector instructions: False"
import json
import sys
from pathlib import Path

(version, first), (_, second) = (json.loads(Path(sys.argv[1], f"{name}.json").read_text()) for name in ("with", "without"))
print(f"scikit-learn {version}: {len(first)} terms kept of 3000 that are equally frequent")
print("the same terms with and without vector instructions:", first == second)
PYTHON
