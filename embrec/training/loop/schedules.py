"""How the learning rate moves while a model is trained."""

import math

from embrec.training.config import Schedule


def rate_factor(schedule: Schedule, done: int, total: int) -> float:
    """Return what the learning rate is multiplied by.

    In the warm-up the rate climbs in equal parts to the full one, which its last step or epoch has. Then it stays, or goes
    down along half a cosine that would reach the floor right after the last step or epoch.

    Args:
        schedule: warm-up, shape and floor; says whether steps or epochs are counted.
        done: how many of them are over.
        total: how many there are at most.

    >>> [rate_factor(Schedule(name="cosine", warm_up=2), done, 6) for done in (0, 1, 2, 4)]
    [0.5, 1.0, 1.0, 0.5]
    """
    if done < schedule.warm_up:
        return (done + 1) / schedule.warm_up
    if schedule.name == "constant":
        return 1.0
    way = min(1.0, (done - schedule.warm_up) / max(1, total - schedule.warm_up))
    return schedule.floor + (1 - schedule.floor) * (1 + math.cos(math.pi * way)) / 2
