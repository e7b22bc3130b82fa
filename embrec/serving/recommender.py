"""Recommender: a trained run that recommends after any history and takes in items that training never saw."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from embrec.data.catalog import Catalog
from embrec.data.events import Events, in_time_order
from embrec.data.readers.frames import Frame
from embrec.data.sequences import Sequences
from embrec.errors import DataError, RunError
from embrec.features.registry import load_encoder
from embrec.features.text.texts import clean
from embrec.models.interface import Extensible, Stateful
from embrec.models.interface import SequenceModel as Model
from embrec.names import listed
from embrec.parameters import parameter
from embrec.progress import Progress, silent
from embrec.runs.config import RunConfig
from embrec.runs.extras import context_of, users_of
from embrec.runs.folder import RunFolder, locate_run
from embrec.runs.model import load_model
from embrec.runs.provenance import user_hashes
from embrec.serving.histories import History, check_count, read_histories, read_ids, read_times_and_context, read_users
from embrec.serving.logs import Log, read_log
from embrec.serving.new_items import empty_notes, encode, extend, item_attributes, item_vectors, read_columns
from embrec.serving.ranking import CandidateRanking, excluded_items, make_ranking, map_single_threaded
from embrec.serving.reading import as_imported, read_new_items
from embrec.workspace import Workspace


@dataclass(frozen=True)
class Recommendation:
    """A recommended item: its id, its score (comparable within one history only) and its title, if it has one."""

    item: str
    score: float
    title: str


class Recommender:
    """Recommends from a run's files alone: neither its category nor its feature tables are read.

    The answer to a history depends on the history alone: not on other histories in the same call, nor on the number of items
    asked for, so that the best 5 are the first 5 of the best 10. Among equal scores the item that comes first in the catalog
    comes first, as in evaluation.

    Attributes:
        run: folder of the run.
        config: configuration of the run.
        catalog: the candidates in the order of their tensor ids; items added later come last.
        n_trained: number of items that were in the catalog in training.
        model: scores the candidates, with the item vectors of the run and of items added later.
        unreadable: tensor ids of added items in which the encoders found nothing to read; they are no candidates.
        context: names of the context columns of events that the model reads; most models read none.
        users: a hash of the name of each user of the training log, for models that know them; None for the others.
    """

    def __init__(
        self,
        run: RunFolder,
        config: RunConfig,
        model: Model,
        catalog: Catalog,
        n_trained: int,
        unreadable: Sequence[int] = (),
        context: Sequence[str] = (),
        users: NDArray[np.int64] | None = None,
    ) -> None:
        self.run = run
        self.config = config
        self.model = model
        self.catalog = catalog
        self.n_trained = n_trained
        self.unreadable = tuple(unreadable)
        self.context = tuple(context)
        self.users = users

    @classmethod
    def load(cls, run: RunFolder | Path | str, workspace: Workspace | Path | str | None = None) -> "Recommender":
        """Read a run.

        Args:
            run: folder of the run, `category/run`, or a name that only one run has.
            workspace: workspace in which a named run is found; $EMBREC_WORKSPACE, else ./workspace, if None.

        Raises:
            RunError: there is no such run, or it is not finished.
        """
        if isinstance(run, str) and len(Path(run).parts) <= 2:
            run = locate_run(run, workspace if isinstance(workspace, Workspace) else Workspace.locate(workspace))
        if not isinstance(run, RunFolder | Path | str):
            raise RunError(f"{run!r} is no run; give its folder, or its name such as 'shop/first'")
        folder = run if isinstance(run, RunFolder) else RunFolder(Path(run))
        trained = load_model(folder)
        return cls(
            folder,
            folder.config(),
            trained.model,
            trained.catalog,
            len(trained.catalog),
            context=context_of(folder),
            users=users_of(folder),
        )

    def read_items(
        self,
        items: Frame | Path | str,
        *,
        item_column: str | None = None,
        image_column: str | None = None,
        images: Path | str | None = None,
    ) -> Catalog:
        """Read new items as the run's own catalog was read: by the reader of its source, from the same columns.

        Args:
            items: a file like the one that the catalog was imported from, or with its columns; or such a table in memory.
            item_column: column of the ids, if it differs from the import's.
            image_column: column of the image paths, relative to the file's folder, if it differs from the import's.
            images: folder of images named <item>.jpg, if it differs from the import's.

        Raises:
            DataError: the file is missing, malformed or empty, has no ids, or an item stands in it twice.
        """
        texts = [name for name in self.catalog.text_columns if self.catalog.frame.schema[name] == pl.String]
        return read_new_items(self.run, items, item_column, image_column, images, texts)

    def with_items(
        self,
        items: Catalog | Frame | Path | str,
        progress: Progress = silent,
        tell: Callable[[str], None] | None = None,
    ) -> "Recommender":
        """Return a recommender whose candidates include new items, encoded as the run's own were; nothing is retrained.

        An item's vector does not depend on the others that are added with it. Items that are there already are left out, and
        those in which the encoders find nothing to read are no candidates.

        Args:
            items: the new items: a file or a table in memory, which are read by `read_items`, or a catalog. Columns that they
                lack count as empty.
            progress: called after each source that is encoded.
            tell: called with each note, such as a missing column, in one line; a Python warning each if None.

        Raises:
            DataError: the encoders find nothing to read in any of the new items, or the items cannot be read.
            RunError: the model knows items by identity only.
        """
        names = self.config.model.features
        if not names or not isinstance(self.model, Extensible):
            raise RunError(
                f"run {self.run.name!r} knows items by identity only and cannot score new ones; "
                f"train with {parameter('model.source', 'content')} or hybrid"
            )
        encoders = {name: load_encoder(self.run.encoders / name) for name in names}
        if not isinstance(items, Catalog):
            items = self.read_items(items)
        items, notes = as_imported(self.run, items)
        columns = read_columns(list(encoders.values()), self.catalog)
        extended, added, more = extend(self.catalog, items, columns)
        notes += more
        if not len(added):
            _say(notes, tell)
            return self
        features, found = {}, {}
        for done, (name, encoder) in enumerate(encoders.items()):
            progress("encode new items", done, len(encoders), name)
            features[name], found[name] = encode(encoder, added)
        progress("encode new items", len(encoders), len(encoders))
        if not np.any(list(found.values())):
            readable = f"what they read is: {listed(columns)}" if columns else "they read vectors from their files"
            raise DataError(
                f"none of the {len(added):,} new items has anything that the encoders of run {self.run.name!r} read; "
                + "; ".join([readable, f"the items have: {listed(items.frame.columns)}", *notes])
            )
        _say([*notes, *empty_notes(added, found)], tell)
        rows = item_vectors(self.model.encode_items, features, len(added))
        attributes = item_attributes(self.run, extended, len(added))
        empty = np.flatnonzero(~np.any(list(found.values()), axis=0)) + len(self.catalog) + 1
        return Recommender(
            self.run,
            self.config,
            self.model.extended(rows, attributes) if attributes else self.model.extended(rows),
            extended,
            self.n_trained,
            (*self.unreadable, *empty.tolist()),
            self.context,
            self.users,
        )

    @overload  # a str is a sequence of str too, but is refused
    def recommend(  # type: ignore[overload-overlap]
        self,
        histories: Sequence[str],
        k: int = ...,
        exclude_seen: bool = ...,
        *,
        times: Sequence[int] | None = ...,
        at: int | None = ...,
        context: Mapping[str, Sequence[float]] | None = ...,
        query_context: Mapping[str, float] | None = ...,
        users: str | None = ...,
    ) -> list[Recommendation]: ...

    @overload
    def recommend(
        self,
        histories: Sequence[History],
        k: int = ...,
        exclude_seen: bool = ...,
        *,
        times: Sequence[Sequence[int]] | None = ...,
        at: int | Sequence[int] | None = ...,
        context: Mapping[str, Sequence[Sequence[float]]] | None = ...,
        query_context: Mapping[str, Sequence[float]] | None = ...,
        users: Sequence[str | None] | None = ...,
    ) -> list[list[Recommendation]]: ...

    def recommend(
        self,
        histories: Sequence[str] | Sequence[History],
        k: int = 10,
        exclude_seen: bool = True,
        *,
        times: Sequence[Any] | None = None,
        at: int | Sequence[int] | None = None,
        context: Mapping[str, Sequence[Any]] | None = None,
        query_context: Mapping[str, Any] | None = None,
        users: str | Sequence[str | None] | None = None,
    ) -> list[Recommendation] | list[list[Recommendation]]:
        """Return the best k items after each history of item ids, oldest first.

        Args:
            histories: lists of ids, [["a", "b"], ["c"]], whose answer is a list of recommendations each; or one list of ids,
                ["a", "b"], which is one history, and whose answer is one list of recommendations.
            k: number of items; a history with fewer candidates gets fewer.
            exclude_seen: leave out the items of the history.
            times: times of the events in seconds since 1970, in the form of `histories`, for models that read times; unknown
                (0) if None.
            at: time at which the next event is asked for, one for all histories or one each; the time of the last event if
                None.
            context: values of the events in each context column that the model reads (`context`), name -> in the form of
                `histories`.
            query_context: values of the event that is asked for, as far as they are known, name -> one for each history.
            users: name of each history's user, None for nobody, for models with user vectors: a user of the training log gets
                their own vector, anybody else that of unknown users; None for no names.

        Raises:
            ConfigError: k is no whole number of at least 1.
            DataError: a history names an unknown item, a text stands where a history belongs, times, context or users do not
                fit the histories, or a context column that the model reads is missing.
        """
        k = check_count(k)
        read, flat = read_histories(histories)
        beside = read_times_and_context(read, flat, self.context, times, at, context, query_context)
        names = read_users(users, len(read), flat)
        sequences = Sequences.from_histories((self.catalog.rows(history) for history in read), **beside)
        sequences = replace(sequences, user=self.user_numbers(names))
        scores, ids = self.top_k(sequences, np.arange(len(read)), k, exclude_seen)
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
        return answers[0] if flat else answers

    def user_numbers(self, names: Sequence[str | None]) -> NDArray[np.int64]:
        """Return the number that the model has for each user by name, -1 for those it does not know, [R]."""
        if self.users is None:
            return np.full(len(names), -1)
        hashes = user_hashes(np.array(["" if name is None else name for name in names], dtype=object)).view(np.int64)
        order = np.argsort(self.users, kind="stable")
        place = order[np.minimum(np.searchsorted(self.users, hashes, sorter=order), len(order) - 1)]
        known = (self.users[place] == hashes) & np.array([name is not None for name in names], dtype=bool)
        return np.where(known, place, -1)

    def observe(self, log: Log) -> None:
        """Let a stateful model take in events that came after its training, in the order of time; answers then depend on them.

        Args:
            log: the new events alone; see `read_log`. Users unknown to the training have the number -1.

        Raises:
            DataError: the log has items that the recommender does not know, or is at fault itself.
            RunError: the model is not stateful: no event changes it.
        """
        if not isinstance(self.model, Stateful):
            raise RunError(f"no event changes the model of run {self.run.name!r}; give events in the histories instead")
        interactions = read_log(log, self.catalog, self.run.name)
        events = Events.of(interactions, in_time_order(interactions, np.arange(len(interactions))))
        numbers = self.user_numbers(interactions.user_ids.tolist())
        with torch.no_grad():
            self.model.observe(replace(events, user=torch.from_numpy(numbers)[events.user]))
        self.__dict__.pop("ranking", None)  # it may hold what the model computed before

    def item_vectors(self, items: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Return the vectors of items as the model compares them with histories, in the order of the ids, [n, d].

        Args:
            items: their ids; all items in the order of `catalog.item_ids` if None.

        Raises:
            DataError: an item is unknown, or one text is given where a list of ids belongs.
        """
        if items is None:
            rows = np.arange(len(self.catalog))
        elif isinstance(items, str):
            raise DataError(f"{items!r} is a text where a list of ids belongs; write item_vectors([{items!r}])")
        else:
            rows = self.catalog.rows(read_ids(items))
        vectors: NDArray[np.float32] = self.item_matrix.float().numpy()[rows + 1]
        return vectors

    def titles(self, items: Sequence[str]) -> list[str]:
        """Return the titles of items without markup, empty where there is none."""
        return [clean(self._titles[row]) for row in self.catalog.rows(items).tolist()]

    @cached_property
    def _titles(self) -> list[str]:
        return self.catalog.titles()

    @property
    def item_matrix(self) -> Tensor:
        """The vectors of all items behind a row of zeros, [n + 1, d]; `item_vectors` gives them by id."""
        return self.model.catalog()

    @cached_property
    def ranking(self) -> CandidateRanking:
        """The ranking of the candidates; made at the first use and kept."""
        return make_ranking(
            self.model,
            len(self.catalog),
            self.config.model.max_length,
            np.array(self.unreadable, dtype=np.int64),
            self.context,
        )

    def top_k(
        self, sequences: Sequences, rows: NDArray[np.integer], k: int, exclude_seen: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Return the scores and tensor ids of the best k candidates after some of the histories, both [R, k].

        Items of the history are left out where `exclude_seen`; where fewer than k candidates are left, the scores end in -inf
        and the ids in 0.
        """
        found = list(self.top_k_of_parts(sequences, rows, k, exclude_seen))
        width = min(k, len(self.catalog))
        scores = torch.cat([torch.empty(0, width), *(part for _, part, _ in found)])
        ids = torch.cat([torch.empty(0, width, dtype=torch.long), *(part for _, _, part in found)])
        return scores, ids

    def top_k_of_parts(
        self, sequences: Sequences, rows: NDArray[np.integer], k: int, exclude_seen: bool = True
    ) -> Iterator[tuple[NDArray[np.integer], Tensor, Tensor]]:
        """Yield rows, and what `top_k` returns for them, a few hundred at a time, in their order."""

        ranking = self.ranking  # made here, and not by several threads at once

        def best(part: NDArray[np.integer]) -> tuple[NDArray[np.integer], Tensor, Tensor]:
            excluded = excluded_items(sequences, part, exclude_seen)
            return part, *ranking.best(ranking.queries(sequences, part), excluded, k)

        return map_single_threaded(best, ranking.parts(rows))


def _say(notes: Sequence[str], tell: Callable[[str], None] | None) -> None:
    """Pass notes on to a callback, or as warnings to the caller of `with_items` if there is none."""
    for note in notes:
        if tell is not None:
            tell(note)
        else:
            warnings.warn(note, stacklevel=3)
