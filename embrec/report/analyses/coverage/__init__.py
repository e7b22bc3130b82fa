"""How much of the catalog a model recommends, by the length of the history."""
