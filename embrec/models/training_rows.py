"""The rows that a model trains on, chosen by what the model is."""

from embrec.data.sequences import training_sequences
from embrec.data.training_data import TrainingData
from embrec.data.training_rows import Batching, ShuffledHistories, TrainingRows
from embrec.data.training_stream import TrainingStream
from embrec.models.interface import Factorised, Scored, Stateful


def training_rows(
    model: Factorised | Scored, data: TrainingData, max_length: int, batching: Batching, *, fixed: bool = False
) -> TrainingRows:
    """Return the rows: one per history, one per prefix of a history, or the events in the order of time.

    Args:
        model: the model to train.
        data: the events of the training.
        max_length: largest number of steps that the model reads.
        batching: sizes of the batches, and the seed.
        fixed: True for the same batches in every epoch.
    """
    if isinstance(model, Stateful):
        return TrainingStream(data.interactions, data.partition, max_length, batching.batch_size)
    sequences = data.sequences
    prefixes = getattr(model, "prefixes", False)
    if prefixes or max_length != data.max_length:
        sequences = training_sequences(data.interactions, data.partition, max_length, prefixes)
    return ShuffledHistories(sequences, batching, fixed=fixed)
