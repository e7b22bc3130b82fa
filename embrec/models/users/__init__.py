"""User vectors: what a model knows of a user beside the history."""
