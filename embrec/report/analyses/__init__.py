"""How a model behaves, beyond its means: the analyses of [semikin2019] sec. 4.2 to 4.4 and of [weimann2022] Fig. 3.

Each has a module that computes and one that draws; `subject` opens the run, `output` writes figure and numbers.
"""
