"""One reader a source; each returns raw events and items as they stand in the files."""
