#!/usr/bin/env bash
# implicit 0.7.3: `precision_at_k` of a user with one relevant item is 1 and not 1/K.
#
# Guess: precision at 10 is the number of hits among ten recommended items divided by ten, so that with one relevant item a user
# (leave-one-out) it is at most .1.
# Seen: the hits are divided by the smaller of K and the number of relevant items. With leave-one-out, "precision" is the hit rate:
# ten times as high as the textbook's, and as high as a table of another library's precision@10 can never be.
# Here: the hit rate is called HR@K, and there is no precision, which with one target says no more.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
install implicit==0.7.3 numpy==2.4.6 scipy==1.17.1
cat >"$folder/run.py" <<'PYTHON'
import implicit
import numpy as np
from implicit.evaluation import precision_at_k
from implicit.nearest_neighbours import CosineRecommender
from scipy.sparse import csr_matrix

# Everybody has items 0 and 1; users 0 to 4 have item 2 too, and it is the target of users 5 to 9.
train = np.zeros((10, 30), dtype=np.float32)
train[:, :2] = 1
train[:5, 2] = 1
train[np.arange(10), 10 + np.arange(10)] = 1
test = np.zeros_like(train)
test[5:, 2] = 1
model = CosineRecommender(num_threads=1)
model.fit(csr_matrix(train), show_progress=False)
top, _ = model.recommend(np.arange(5, 10), csr_matrix(train)[5:], N=10)
hits = int((top == 2).any(axis=1).sum())
found = precision_at_k(model, csr_matrix(train), csr_matrix(test), K=10, show_progress=False, num_threads=1)
print("implicit", implicit.__version__)
print(f"targets among the best ten: {hits} of 5; hits divided by recommended items: {hits / 50:.2f}")
print(f"precision_at_k: {found:.2f}")
PYTHON
"$python" "$folder/run.py" 2>/dev/null | expect "implicit 0.7.3
targets among the best ten: 5 of 5; hits divided by recommended items: 0.10
precision_at_k: 1.00"
