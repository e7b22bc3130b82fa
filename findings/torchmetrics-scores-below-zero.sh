#!/usr/bin/env bash
# torchmetrics 1.9.0: in four retrieval metrics a relevant item counts for nothing if its score is zero or below.
#
# Guess: the metrics of a ranking depend on the order of the scores alone, so that adding a constant to all of them changes nothing.
# Seen: reciprocal rank, average precision, precision and recall take the relevant items with a score of zero or less for irrelevant
# ones; hit rate, NDCG and AUROC of the same package do not. A recommender that scores by inner products, cosines or logits has
# such scores for most of its targets, so its MRR and recall come out too low, and recall differs from the hit rate although each
# user has one relevant item.
# Here: ranks are counted by comparing scores (embrec/evaluation/ranks.py); the test that compares with torchmetrics
# (tests/evaluation/test_metrics.py) lifts all scores above zero first.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
install torchmetrics==1.9.0 torch==2.13.0 numpy==2.4.6
cat >"$folder/run.py" <<'PYTHON'
import torch
import torchmetrics
import torchmetrics.functional.retrieval as retrieval

scores = torch.tensor([-1.0, -2.0, -3.0, -4.0])
relevant = torch.tensor([0, 1, 0, 0])
print("torchmetrics", torchmetrics.__version__)
for name in ("reciprocal_rank", "average_precision", "precision", "recall", "hit_rate", "normalized_dcg", "auroc"):
    metric = getattr(retrieval, f"retrieval_{name}")
    print(f"{name}: {float(metric(scores, relevant)):.3f}, all scores ten higher: {float(metric(scores + 10, relevant)):.3f}")
PYTHON
"$python" "$folder/run.py" | expect "torchmetrics 1.9.0
reciprocal_rank: 0.000, all scores ten higher: 0.500
average_precision: 0.000, all scores ten higher: 0.500
precision: 0.000, all scores ten higher: 0.250
recall: 0.000, all scores ten higher: 1.000
hit_rate: 1.000, all scores ten higher: 1.000
normalized_dcg: 0.631, all scores ten higher: 0.631
auroc: 0.667, all scores ten higher: 0.667"
