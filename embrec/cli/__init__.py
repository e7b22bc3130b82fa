"""The command line: each file parses one group of commands, calls the library and prints what came back."""

from embrec.cli.app import main

__all__ = ["main"]
