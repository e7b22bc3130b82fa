"""The command line: each file holds one group of commands, which call the library and print the results."""

from embrec.cli.app import main

__all__ = ["main"]
