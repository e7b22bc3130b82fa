"""SASRec of RecTools with its softmax loss.

Its epoch is the last 51 events of each user, and only items among them can be recommended.
"""

from contract import BATCH_SIZE, BLOCKS, DIM, DROPOUT, HEADS, LEARNING_RATE, MAX_LENGTH, TOP, Clock, Outcome, Task, main


def run(task: Task, clock: Clock) -> Outcome:
    """Train and recommend; see `contract`."""
    import pandas as pd
    from pytorch_lightning import Callback, LightningModule, Trainer, seed_everything
    from rectools import Columns
    from rectools.dataset import Dataset
    from rectools.models import SASRecModel

    class Marks(Callback):
        def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
            clock.mark()

        def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
            clock.mark()

    def trainer() -> Trainer:
        return Trainer(
            max_epochs=task.epochs, accelerator="cpu", devices=1, logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, callbacks=[Marks()],
        )  # fmt: skip

    seed_everything(task.seed)
    events = pd.read_csv(task.train, dtype={"user": str, "item": str})
    events = events.rename(columns={"user": Columns.User, "item": Columns.Item})
    events[Columns.Weight] = 1.0
    events[Columns.Datetime] = pd.to_datetime(events.pop("order"), unit="s")
    dataset = Dataset.construct(events)
    model = SASRecModel(
        n_blocks=BLOCKS, n_heads=HEADS, n_factors=DIM, dropout_rate=DROPOUT, session_max_len=MAX_LENGTH, loss="softmax",
        lr=LEARNING_RATE, batch_size=BATCH_SIZE, epochs=task.epochs, get_trainer_func=trainer,
        recommend_torch_device="cpu",
    )  # fmt: skip
    model.fit(dataset)
    loader = model.data_preparator.get_dataloader_train()
    found = model.recommend(users=events[Columns.User].unique(), dataset=dataset, k=TOP, filter_viewed=True)
    return Outcome(
        epochs=task.epochs,
        targets=sum(len(sequence) - 1 for sequence in loader.dataset.sessions),
        updates=len(loader),
        parameters=sum(weights.numel() for weights in model.torch_model.parameters()),
        recommendations=zip(found[Columns.User], found[Columns.Item], found[Columns.Rank], strict=True),
    )


if __name__ == "__main__":
    main("RecTools", "rectools", ("rectools.dataset", "rectools.models", "pytorch_lightning"), run)
