"""A trained run in use: recommend from any history, and take in items that training never saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.data.batches import collate
from embrec.data.catalog import Catalog
from embrec.data.sequences import Sequences
from embrec.errors import DataError, RunError
from embrec.features.registry import load_encoder
from embrec.features.text.texts import clean
from embrec.models.recommender import Recommender as Model
from embrec.progress import Progress, silent
from embrec.training.config import RunConfig
from embrec.training.run import RunFolder, load_model


@dataclass(frozen=True)
class Recommendation:
    """One item of an answer: its id, its score (comparable within one history only) and its title, if it has one."""

    item: str
    score: float
    title: str


class Recommender:
    """Recommends from a run's files alone: neither its category nor its feature tables are read.

    Attributes:
        run: the folder it came from.
        config: how it was trained.
        catalog: the candidates, in the order of the tensor ids; items added later stand at the end.
        n_trained: how many of them were there in training.
    """

    def __init__(
        self, run: RunFolder, config: RunConfig, model: Model, item_matrix: Tensor, catalog: Catalog, n_trained: int
    ) -> None:
        self.run = run
        self.config = config
        self.model = model
        self.item_matrix = item_matrix
        self.catalog = catalog
        self.n_trained = n_trained

    @classmethod
    def load(cls, run: RunFolder | Path | str) -> "Recommender":
        """Read a run folder.

        Raises:
            RunError: the folder is no finished run.
        """
        folder = run if isinstance(run, RunFolder) else RunFolder(Path(run))
        trained = load_model(folder)
        return cls(folder, folder.config(), trained.model, trained.item_matrix, trained.catalog, len(trained.catalog))

    def with_items(self, items: Catalog, progress: Progress = silent) -> "Recommender":
        """Return a recommender whose candidates include new items, encoded as the run's own were; nothing is retrained.

        Args:
            items: the new items; their columns are read as the catalog's are, and those they lack count as empty.
            progress: told of every source that is encoded.

        Raises:
            DataError: an item is in the catalog already, or the encoders find nothing to read in any of the new ones.
            RunError: the model knows items by identity only.
        """
        if not self.config.model.features:
            raise RunError(
                f"run {self.run.name!r} knows items by identity only and cannot score new ones; "
                "train with --source content or hybrid"
            )
        known = [item for item in items.item_ids.tolist() if item in self.catalog]
        if known:
            raise DataError(f"item {known[0]!r} is in the catalog already ({len(known)} such); leave it out")
        columns = [name for name in self.catalog.frame.columns if name in items.frame.columns]
        texts = [name for name in self.catalog.text_columns if name in items.frame.columns]
        extended = self.catalog.extended(Catalog(items.frame.select(columns), texts))
        added = extended.select(range(len(self.catalog), len(extended)))
        features, present = {}, np.zeros(len(added), dtype=bool)
        for done, name in enumerate(self.config.model.features):
            progress("encode new items", done, len(self.config.model.features), name)
            encoded = load_encoder(self.run.encoders / name).encode(added)
            features[name] = torch.from_numpy(encoded.vectors.astype(np.float32, copy=False))
            present |= encoded.present
        progress("encode new items", len(features), len(features))
        if len(added) and not present.any():
            readable = ", ".join([*self.catalog.text_columns, "image"])
            raise DataError(
                f"none of the {len(added):,} new items has anything that the encoders of run {self.run.name!r} read: columns "
                f"such as {readable}, or a vector in their file; the items have: {', '.join(items.frame.columns)}"
            )
        with torch.inference_mode():
            rows = self.model.items.encode(features)
        return Recommender(
            self.run, self.config, self.model, torch.cat([self.item_matrix, rows]), extended, self.n_trained
        )

    def recommend(
        self, histories: Sequence[Sequence[str]], k: int = 10, exclude_seen: bool = True
    ) -> list[list[Recommendation]]:
        """Return the best k items after each history of item ids, oldest first.

        Raises:
            DataError: a history names an unknown item.
        """
        sequences = Sequences.from_histories(self.catalog.rows(history) for history in histories)
        scores, ids = self.top_k(sequences, np.arange(len(histories)), k, exclude_seen)
        answers = []
        for row_scores, row_ids in zip(scores.numpy(), ids.numpy(), strict=True):
            kept = np.isfinite(row_scores)
            items = self.catalog.item_ids[row_ids[kept] - 1].tolist()
            answers.append(
                [
                    Recommendation(item, score, title)
                    for item, score, title in zip(items, row_scores[kept].tolist(), self.titles(items), strict=True)
                ]
            )
        return answers

    def titles(self, items: Sequence[str]) -> list[str]:
        """Return the titles of items without markup, empty where there is none."""
        return [clean(title) for title in self.catalog.titles(self.catalog.rows(items))]

    @torch.inference_mode()
    def top_k(
        self, sequences: Sequences, rows: NDArray[np.integer], k: int, exclude_seen: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Return the scores and tensor ids of the best k candidates after some of the histories, both [R, k].

        Items of the history are left out where `exclude_seen`; where fewer than k candidates are left, the scores end in
        -inf.
        """
        scores = self.score(sequences, rows, exclude_seen)
        best = scores.topk(min(k, scores.shape[1] - 1), dim=1)
        return best.values, best.indices

    @torch.inference_mode()
    def score(self, sequences: Sequences, rows: NDArray[np.integer], exclude_seen: bool = True) -> Tensor:
        """Return the scores of all candidates after some of the histories, [R, n + 1]; excluded ones are -inf."""
        read = sequences.select(rows, self.config.model.max_length)
        scores = self.model.score(collate(read, np.arange(len(read))), item_matrix=self.item_matrix)
        if exclude_seen:
            seen = collate(sequences, rows).items  # the whole history, not only what the model reads
            scores.scatter_(1, seen, -torch.inf)
        return scores
