"""SASRec of RecBole with its cross-entropy loss.

Its epoch is every event of each user but the first, each as a row of its own with the 50 events before it; an epoch takes
minutes, so training stops inside one when the time is up, and the cost of an epoch is that of the batches done, in
proportion. Its ranking does not leave out what a user has seen for models of this kind, so that is done here.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contract import BATCH_SIZE, BLOCKS, DIM, DROPOUT, HEADS, LEARNING_RATE, MAX_LENGTH, TOP, Clock, Outcome, Task, main

NAME = "peers"


def run(task: Task, clock: Clock) -> Outcome:
    """Train and recommend; see `contract`."""
    import pandas as pd
    import torch
    from recbole.config import Config
    from recbole.data import create_dataset
    from recbole.data.dataloader import TrainDataLoader
    from recbole.data.interaction import Interaction
    from recbole.model.sequential_recommender import SASRec
    from recbole.trainer import Trainer
    from recbole.utils import init_seed

    class LimitedLoader(TrainDataLoader):
        batches = 0

        def __iter__(self) -> Iterator[Interaction]:
            for batch in super().__iter__():
                if time.perf_counter() - clock.marks[0][1] > task.seconds:
                    return
                yield batch
                self.batches += 1

    class MarkingTrainer(Trainer):
        def _train_epoch(self, train_data: TrainDataLoader, *args: Any, **options: Any) -> Any:
            if not clock.marks:
                clock.mark()
            done = train_data.batches
            loss = super()._train_epoch(train_data, *args, **options)
            if train_data.batches == done:  # the time was up before
                return 0.0
            clock.mark()
            return loss

    events = pd.read_csv(task.train, dtype={"user": str, "item": str})
    folder = Path(NAME)
    folder.mkdir(exist_ok=True)
    columns = {"user": "user_id:token", "item": "item_id:token", "order": "timestamp:float"}
    events.rename(columns=columns).to_csv(folder / f"{NAME}.inter", sep="\t", index=False)
    settings = {
        "data_path": str(Path.cwd()), "load_col": {"inter": ["user_id", "item_id", "timestamp"]}, "use_gpu": False,
        "eval_args": {"split": {"RS": [1.0, 0.0, 0.0]}, "order": "TO", "group_by": None, "mode": "full"},
        "train_neg_sample_args": None, "train_batch_size": BATCH_SIZE, "epochs": task.epochs, "seed": task.seed,
        "learner": "adam", "learning_rate": LEARNING_RATE, "MAX_ITEM_LIST_LENGTH": MAX_LENGTH, "n_layers": BLOCKS,
        "n_heads": HEADS, "hidden_size": DIM, "inner_size": DIM, "hidden_act": "relu", "hidden_dropout_prob": DROPOUT,
        "attn_dropout_prob": DROPOUT, "loss_type": "CE", "show_progress": False,
    }  # fmt: skip
    config = Config(model="SASRec", dataset=NAME, config_dict=settings)
    torch.set_num_threads(task.threads)
    init_seed(task.seed, config["reproducibility"])
    dataset = create_dataset(config)
    histories = {
        user: torch.as_tensor(dataset.token2id(dataset.iid_field, rows["item"].to_numpy()))
        for user, rows in events.groupby("user")
    }
    train, _, _ = dataset.build()
    loader = LimitedLoader(config, train, None, shuffle=True)
    model = SASRec(config, train)
    MarkingTrainer(config, model).fit(loader, saved=False, verbose=False)

    model.eval()
    ends = [history[-MAX_LENGTH:] for history in histories.values()]
    inputs = {
        model.ITEM_SEQ: torch.nn.utils.rnn.pad_sequence(ends, batch_first=True),
        model.ITEM_SEQ_LEN: torch.tensor([len(end) for end in ends]),
    }
    with torch.no_grad():
        scores = model.full_sort_predict(Interaction(inputs))
    for row, history in enumerate(histories.values()):
        scores[row, history] = -torch.inf
    scores[:, 0] = -torch.inf  # padding
    best = dataset.id2token(dataset.iid_field, scores.topk(TOP).indices.numpy())
    epochs = loader.batches / len(loader)
    return Outcome(
        epochs=epochs,
        targets=len(train),
        updates=len(loader),
        parameters=sum(weights.numel() for weights in model.parameters()),
        recommendations=(
            (user, item, rank)
            for user, items in zip(histories, best, strict=True)
            for rank, item in enumerate(items, 1)
        ),
        note=f"stopped after {task.seconds:.0f} s" if epochs < task.epochs else "",
    )


if __name__ == "__main__":
    main(
        "RecBole",
        "recbole",
        ("recbole.config", "recbole.data", "recbole.trainer", "recbole.model.sequential_recommender.sasrec"),
        run,
    )
