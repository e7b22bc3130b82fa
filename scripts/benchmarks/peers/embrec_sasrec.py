"""SASRec of embrec: the trainer of `embrec train` on the events of a file.

Its epoch is the last 51 events of each user, like that of RecTools and RePlay.
"""

from collections.abc import Iterator
from typing import Literal

from contract import BATCH_SIZE, BLOCKS, DIM, DROPOUT, HEADS, LEARNING_RATE, MAX_LENGTH, TOP, Clock, Outcome, Task, main

MODULES = ("torch", "polars", "embrec.models.zoo", "embrec.training.loop.trainer")


def run(task: Task, clock: Clock, precision: Literal["float32", "bfloat16"] = "float32") -> Outcome:
    """Train and recommend; see `contract`."""
    import numpy as np
    import polars as pl
    import torch

    from embrec.data.batches import batches_in_order
    from embrec.data.sequences import Sequences
    from embrec.data.training_rows import ShuffledHistories
    from embrec.models.inputs import CatalogInputs
    from embrec.models.zoo import build_model
    from embrec.models.zoo.sasrec import SASRecConfig
    from embrec.training.config import TrainingConfig
    from embrec.training.loop.trainer import Trainer, Validation

    events = pl.read_csv(task.train, schema_overrides={"user": pl.String, "item": pl.String})
    names, row = np.unique(events["item"].to_numpy(), return_inverse=True)
    events = events.with_columns(pl.Series("row", row))
    users = events.group_by("user", maintain_order=True).agg(pl.col("row"))
    histories = [row.to_numpy() for row in users["row"]]
    read = Sequences.from_histories(history[-MAX_LENGTH:] for history in histories)
    learned = [history[-MAX_LENGTH - 1 :] for history in histories if len(history) > 1]
    sequences = Sequences.from_histories(learned)
    sequences = Sequences(
        sequences.items, sequences.times, sequences.ptr, sequences.user
    )  # each step predicts the next
    known = torch.ones(len(names) + 1, dtype=torch.bool)
    known[0] = False
    torch.manual_seed(task.seed)
    config = SASRecConfig(dim=DIM, layers=BLOCKS, heads=HEADS, dropout=DROPOUT, max_length=MAX_LENGTH)
    model = build_model(config, CatalogInputs({}, known))
    training = TrainingConfig(
        epochs=task.epochs,
        batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        seed=task.seed,
        patience=task.epochs,
        precision=precision,
    )
    popularity = torch.from_numpy(np.bincount(events["row"].to_numpy() + 1, minlength=len(names) + 1))
    epoch = iter(range(1, task.epochs + 1))  # the last epoch is the one to keep: nothing is validated

    def validate() -> Validation:
        value = next(epoch)
        return Validation({"ndcg@10": value}, value)

    rows = ShuffledHistories(sequences, training)
    trainer = Trainer(model, rows, popularity, validate, training, on_epoch=lambda record: clock.mark())
    clock.mark()
    trainer.fit()
    model.eval()

    def recommendations() -> Iterator[tuple[str, str, int]]:
        with torch.inference_mode():
            cached = model.cached()
            for rows, batch in batches_in_order(read, 256):
                scores = cached.score(batch)
                for row, row_scores in zip(rows, scores, strict=True):
                    row_scores[torch.from_numpy(histories[row] + 1)] = -torch.inf
                best = scores.topk(TOP, dim=1).indices.numpy() - 1
                for row, items in zip(rows, best, strict=True):
                    yield from ((users["user"][int(row)], str(names[item]), rank) for rank, item in enumerate(items, 1))

    return Outcome(
        epochs=task.epochs,
        targets=int((sequences.lengths - 1).sum()),
        updates=len(trainer.rows.epoch(0)),
        parameters=sum(weights.numel() for weights in model.parameters()),
        recommendations=recommendations(),
        note="" if precision == "float32" else f"matrix products in {precision}",
    )


if __name__ == "__main__":
    main("embrec", "embrec", MODULES, run)
