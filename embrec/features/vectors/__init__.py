"""Ready vectors: item vectors that somebody else computed, read from a file."""
