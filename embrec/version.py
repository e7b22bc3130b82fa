"""The version of this package; every folder that it writes names it."""

__version__ = "0.1.0"
