"""Content nearest neighbours: recommends what resembles the last few items.

No training and no other users, yet strong: a sequence model that does not beat it has not learned sequences.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from torch import Tensor
from torch.nn import functional as F

from embrec.data.batches import Batch
from embrec.data.interactions import Interactions
from embrec.data.splits import Partition
from embrec.models.baselines.base import FactorisedBaseline, steps_of
from embrec.models.baselines.registry import BaselineRegistration
from embrec.models.factors import Queries
from embrec.models.interface import Step


class ContentKNN(FactorisedBaseline):
    """Scores a candidate by the cosine between it and the mean vector of the last `k` items of the history.

    Each source is brought to unit length before they are concatenated, so that none drowns the others; sparse sources are
    reduced by SVD first.

    Args:
        sources: source name -> item vectors, dense or sparse, [n, d_s].
        k: number of last items that count.
        svd_dim: length of a sparse source's vectors after the reduction.
    """

    def __init__(self, sources: Mapping[str, NDArray[np.float32] | csr_matrix], k: int = 3, svd_dim: int = 256) -> None:
        self.sources = sources
        self.k = self.reads = k
        self.svd_dim = svd_dim

    def fit(self, interactions: Interactions, partition: Partition) -> None:
        """Reduce sparse sources by an SVD of the training items' vectors."""
        parts = []
        for vectors in self.sources.values():
            dense = self._reduced(vectors, partition.train_items) if isinstance(vectors, csr_matrix) else vectors
            parts.append(F.normalize(torch.from_numpy(np.array(dense, dtype=np.float32)), dim=1))
        self._vectors = F.pad(F.normalize(torch.cat(parts, dim=1), dim=1), (0, 0, 1, 0))

    def _reduced(self, vectors: csr_matrix, train_items: NDArray[np.bool_]) -> NDArray[np.float32]:
        svd_dim = min(self.svd_dim, vectors.shape[1] - 1, int(train_items.sum()) - 1)
        if svd_dim < 1:
            return vectors.toarray()
        svd = TruncatedSVD(svd_dim, random_state=0).fit(vectors[train_items])
        reduced: NDArray[np.float32] = svd.transform(vectors)
        return reduced

    def catalog(self) -> Tensor:
        """Return the unit vectors, row 0 zero, [n + 1, d]."""
        return self._vectors

    def queries(self, batch: Batch, at: Step | None = None) -> Queries:
        """Return the direction of the last items' mean, [B, d]; see `SequenceModel.queries`."""
        row, step = steps_of(batch, at)
        recent = step[:, None] - torch.arange(self.k)  # [M, k]
        items = batch.items[row[:, None], recent.clamp(min=0)] * (recent >= 0)
        return Queries(F.normalize(self._vectors[items].sum(dim=1), dim=1))


CONTENT_KNN = BaselineRegistration(
    "content-knn",
    ContentKNN,
    title="Content kNN",
    knows="which learns nothing",
    about="Content kNN lists the items whose content is nearest to that of the history; it learns nothing.",
    reads_content=True,
)
