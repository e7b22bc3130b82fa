"""How well a model ranks, by the number of events before the target."""
