"""Run the command line as `python -m embrec`."""

from embrec.cli import main

main()
