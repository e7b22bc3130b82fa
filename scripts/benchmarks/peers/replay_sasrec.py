"""SASRec of RePlay with its cross-entropy loss, as its own example sets it up.

Its epoch is the last 51 events of each user.
"""

import math
from pathlib import Path

from contract import BATCH_SIZE, BLOCKS, DIM, DROPOUT, HEADS, LEARNING_RATE, MAX_LENGTH, TOP, Clock, Outcome, Task, main


def run(task: Task, clock: Clock) -> Outcome:
    """Train and recommend; see `contract`."""
    import lightning
    import pandas as pd
    from replay.data import FeatureHint, FeatureType
    from replay.data.nn import ParquetModule, TensorFeatureInfo, TensorSchema
    from replay.data.nn.utils import groupby_sequences
    from replay.nn.lightning import LightningModule
    from replay.nn.lightning.callback import PandasTopItemsCallback
    from replay.nn.lightning.optimizer import OptimizerFactory
    from replay.nn.lightning.postprocessor import SeenItemsFilter
    from replay.nn.sequential import SasRec
    from replay.nn.transform.template import make_default_sasrec_transforms
    from replay.preprocessing import LabelEncoder, LabelEncodingRule

    class Marks(lightning.Callback):
        def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
            clock.mark()

        def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
            clock.mark()

    def trainer(callback: lightning.Callback) -> lightning.Trainer:
        return lightning.Trainer(
            max_epochs=task.epochs, accelerator="cpu", devices=1, logger=False, enable_checkpointing=False,
            enable_progress_bar=False, enable_model_summary=False, limit_val_batches=0, callbacks=[callback],
        )  # fmt: skip

    lightning.seed_everything(task.seed)
    events = pd.read_csv(task.train, dtype={"user": str, "item": str})
    encoder = LabelEncoder([LabelEncodingRule("user"), LabelEncodingRule("item")])
    histories = groupby_sequences(encoder.fit_transform(events), groupby_col="user", sort_col="order")[["user", "item"]]
    histories["seen"] = histories["item"]
    lengths = histories["item"].map(len)
    path = str(Path("histories.parquet").absolute())
    histories.to_parquet(path)
    count = len(encoder.mapping["item"])
    schema = TensorSchema(
        TensorFeatureInfo(
            name="item", is_seq=True, padding_value=count, cardinality=count, embedding_dim=DIM,
            feature_type=FeatureType.CATEGORICAL, feature_hint=FeatureHint.ITEM_ID,
        )
    )  # fmt: skip
    transforms = make_default_sasrec_transforms(schema)
    model = LightningModule(
        SasRec.from_params(
            schema=schema, embedding_dim=DIM, num_heads=HEADS, num_blocks=BLOCKS, max_sequence_length=MAX_LENGTH,
            dropout=DROPOUT,
        ),
        optimizer_factory=OptimizerFactory("adam", learning_rate=LEARNING_RATE),
    )  # fmt: skip
    shapes = {"train": {"item": {"shape": MAX_LENGTH + 1, "padding": count}}}
    data = ParquetModule(BATCH_SIZE, shapes, {"train": transforms["train"]}, train_path=path)
    trainer(Marks()).fit(model, datamodule=data)

    shapes = {
        "predict": {
            "user": {},
            "item": {"shape": MAX_LENGTH, "padding": count},
            "seen": {"shape": int(lengths.max()), "padding": -1},
        }
    }
    best = PandasTopItemsCallback(
        TOP, query_column="user", item_column="item", rating_column="score",
        postprocessors=[SeenItemsFilter(count, seen_items_column="seen")],
    )  # fmt: skip
    data = ParquetModule(BATCH_SIZE, shapes, {"predict": transforms["predict"]}, predict_path=path)
    trainer(best).predict(model.eval(), datamodule=data, return_predictions=False)
    found = best.get_result().astype({"item": "int64", "score": "float64"})
    found = encoder.inverse_transform(found.sort_values(["user", "score"], ascending=[True, False]))
    return Outcome(
        epochs=task.epochs,
        targets=int((lengths - 1).clip(upper=MAX_LENGTH).sum()),
        updates=math.ceil(len(histories) / BATCH_SIZE),
        parameters=sum(weights.numel() for weights in model.parameters()),
        recommendations=zip(found["user"], found["item"], found.groupby("user").cumcount() + 1, strict=True),
    )


if __name__ == "__main__":
    main(
        "RePlay",
        "replay-rec",
        ("replay.data.nn", "replay.nn.sequential", "replay.nn.lightning.callback", "replay.preprocessing"),
        run,
    )
