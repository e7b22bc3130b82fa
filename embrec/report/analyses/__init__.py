"""Analyses of a model beyond mean metrics, after [semikin2019] sec. 4.2 to 4.4 and [weimann2022] Fig. 3.

Each analysis is a package with three modules: `measure` computes, `figure` draws, and `analyze` opens the run, calls both and
writes the files. `context` holds the run and its data; `files` writes figures and numbers.
"""
