"""Losses, one for each file: the configuration class, the formula, and a hand-written gradient if there is one."""
