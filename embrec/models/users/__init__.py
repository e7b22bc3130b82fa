"""User vectors: one file for each way in which a model represents a user beside the history."""
