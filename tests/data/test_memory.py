"""The memory that sequences and batches of a training take."""

import tracemalloc

import numpy as np

from embrec.data.batches import BucketSampler, collate
from embrec.data.interactions import Interactions
from embrec.data.sequences import training_sequences
from embrec.data.splits import LeaveOneOut


def log_like_ml_1m():
    """A million events of 6,040 users with 3,706 items, a few users having thousands."""
    generator = np.random.default_rng(0)
    lengths = np.clip(generator.lognormal(4.55, 1.0, 6040).astype(np.int64), 20, 2314)
    user = np.repeat(np.arange(6040), lengths)
    ids = np.array([f"u{number}" for number in range(6040)], dtype=object)
    return Interactions.from_events(ids, user, generator.integers(0, 3706, len(user)), np.arange(len(user)))


def test_an_epoch_of_ml_1m_holds_less_than_three_times_the_log():
    log = log_like_ml_1m()
    raw = log.user.nbytes + log.item.nbytes + log.time.nbytes
    assert 14e6 < raw < 17e6
    tracemalloc.start()
    try:
        partition = LeaveOneOut()(log, 3706)
        whole = training_sequences(log, partition, max_length=3000)
        held = raw + tracemalloc.get_traced_memory()[0]
        del whole
        sequences = training_sequences(log, partition, max_length=200)
        tracemalloc.reset_peak()
        for options in ({}, {"tokens": 8192}, {"bucket": False}):
            sampler = BucketSampler(sequences.lengths - 1, 128, **options)
            for epoch in range(2):
                for rows in sampler.epoch(epoch):
                    collate(sequences, rows)
        peak = raw + tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert held < 3 * raw
    assert peak < 3 * raw
