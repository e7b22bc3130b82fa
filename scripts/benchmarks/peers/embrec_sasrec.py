"""SASRec of embrec, through its public Python interface."""

from contract import Clock, Outcome, Task, main


def run(task: Task, clock: Clock) -> Outcome:
    """Train and recommend; see `contract`.

    The model's size and training are the constants of `contract`; `clock.mark()` is called when the first epoch begins and
    when each ends, and nothing is validated in between.
    """
    raise NotImplementedError("embrec has no SASRec yet")


if __name__ == "__main__":
    main("embrec", "embrec", ("torch", "embrec"), run)
