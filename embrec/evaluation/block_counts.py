"""Counts of scores above a threshold, taken from a block of scores while it is in cache.

On a CPU, computing a score of 128 dimensions takes about 3 ns, and a naive `(scores > target).sum()` adds half of that. Here a
comparison writes one byte for each score, and eight bytes are added at a time as the lanes of a 64-bit number. A lane counts up
to 255, which limits the width of a block.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

BLOCK_WIDTH = 255 * 8  # columns of a block on a CPU: with more, a lane could overflow


class BlockCounter:
    """Counts the scores above a threshold in each row of a block.

    Args:
        rows: largest number of rows of a block.
        width: largest number of columns of a block; at most `BLOCK_WIDTH` on a CPU.
        device: device of the blocks.
    """

    def __init__(self, rows: int, width: int, device: torch.device) -> None:
        self.device = device
        self.in_lanes = device.type == "cpu"
        if self.in_lanes:
            if width > BLOCK_WIDTH:
                raise ValueError(f"a block on a processor has at most {BLOCK_WIDTH} columns, not {width}")
            self._above = np.zeros((rows, -(-width // 8) * 8), dtype=bool)

    def above(self, block: Tensor, threshold: Tensor) -> tuple[Tensor, Tensor]:
        """Count the scores greater than each row's threshold, and those equal to it; NaN is neither.

        Args:
            block: scores, [B, W].
            threshold: threshold of each row, [B].

        Returns:
            The two counts, both [B] int64, on the device of the block.
        """
        if not self.in_lanes:
            column = threshold[:, None]
            return (block > column).sum(dim=1), (block == column).sum(dim=1)
        scores, limits = block.numpy(), threshold.numpy()[:, None]
        greater = self._count(np.greater, scores, limits)
        at_least = self._count(np.greater_equal, scores, limits)
        return torch.from_numpy(greater), torch.from_numpy(at_least - greater)

    def passing(self, block: Tensor, threshold: Tensor) -> tuple[Tensor, Tensor]:
        """Return row and column of the scores greater than each row's threshold, both [P], in the order of the block."""
        if not self.in_lanes:
            row, column = (block > threshold[:, None]).nonzero(as_tuple=True)
            return row, column
        scores, limits = block.numpy(), threshold.numpy()[:, None]
        width = scores.shape[1]

        above = self._above[: len(scores), :width]
        found = np.flatnonzero(np.greater(scores, limits, out=above))
        return torch.from_numpy(found // width), torch.from_numpy(found % width)

    def _count(self, compare: np.ufunc, scores: NDArray[np.float32], limits: NDArray[np.float32]) -> NDArray[np.int64]:
        above = self._above[: len(scores)]
        width = scores.shape[1]
        compare(scores, limits, out=above[:, :width])
        above[:, width:] = False
        lanes = np.add.reduce(above.view(np.int64), axis=1)  # [B]: eight counts in each number
        counts: NDArray[np.int64] = lanes.view(np.uint8).reshape(len(lanes), 8).sum(axis=1, dtype=np.int64)
        return counts
