"""Dropout whose random numbers cost little on a CPU, where torch's take a seventh of a transformer's step."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

_LEVELS = 1 << 16


def dropout(x: Tensor, share: float, training: bool) -> Tensor:
    """Set a share of the entries to zero in training, and scale the others so that the mean stays.

    On a CPU, if not compiled, the share is rounded to 1 / 65,536, and the scale is that of the rounded share. torch's generator
    gives one seed a call, so that a training that goes on from a saved generator drops the same entries.

    Args:
        x: of any shape.
        share: from 0 to 1.
        training: False leaves `x` as it is.
    """
    if not training or share == 0:
        return x
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return F.dropout(x, share, True)
    dropped: Tensor = _Dropout.apply(x, round(share * _LEVELS))
    return dropped


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, threshold: int) -> Tensor:
        seed = int(torch.randint(1 << 62, ()))
        words = np.random.SFC64(seed).random_raw(-(-x.numel() // 4))
        drawn = torch.from_numpy(words.view(np.uint16)[: x.numel()].view(np.int16))
        # An int16 is uniform over [-32,768, 32,768).
        kept = drawn >= threshold - _LEVELS // 2
        ctx.factors = kept.to(x.dtype).mul_(_LEVELS / (_LEVELS - threshold)).view(x.shape)
        return x * ctx.factors

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return gradients[0] * ctx.factors, None
