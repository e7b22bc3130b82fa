"""The HTML report, and the analyses of how a model behaves."""
