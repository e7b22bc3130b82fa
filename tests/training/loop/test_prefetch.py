"""Prefetched batches come in order, and nothing is lost or left running."""

import contextlib
import threading

import pytest

from embrec.training.loop.prefetch import prefetch


def helpers():
    return [thread for thread in threading.enumerate() if thread.name == "embrec-batches"]


def test_results_come_in_the_order_of_the_jobs():
    assert list(prefetch(lambda job: job * 2, range(50))) == list(range(0, 100, 2))
    assert helpers() == []


def test_at_most_three_results_are_made_before_they_are_wanted():
    made = []
    with contextlib.closing(prefetch(lambda job: made.append(job) or job, range(50))) as results:
        next(results)
        threading.Event().wait(0.2)
        assert len(made) <= 4


def test_an_error_surfaces_where_its_result_is_wanted():
    def make(job):
        if job == 3:
            raise ValueError("broken")
        return job

    results = prefetch(make, range(10))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(results)
    assert helpers() == []


def test_the_thread_ends_when_the_results_are_not_wanted_any_more():
    with contextlib.closing(prefetch(lambda job: job, range(1000))) as results:
        next(results)
    assert helpers() == []
