"""Baselines: scorers that learn nothing by gradient steps, which every trained model has to beat."""

from collections.abc import Mapping

# Each baseline by name, with what readers are told of it where a model does not beat it.
WHAT_IT_KNOWS: Mapping[str, str] = {
    "pop": "which lists the same for everyone",
    "markov": "which only counts what followed the last item",
    "content-knn": "which learns nothing",
}
BASELINES = tuple(WHAT_IT_KNOWS)
