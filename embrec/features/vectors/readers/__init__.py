"""Files of ready vectors: one module a format, each with a function `read`."""
