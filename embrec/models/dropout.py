"""Dropout with cheap random numbers on a CPU, where those of torch take a seventh of a transformer's step."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

_LEVELS = 1 << 16


def dropout(x: Tensor, share: float, training: bool) -> Tensor:
    """Set a share of the entries to zero in training, and scale the others so that the mean stays the same.

    On a CPU, if not compiled, the share is rounded to a multiple of 1 / 65,536. A call takes one seed from torch's generator,
    so that a training resumed with a saved generator drops the same entries. Source: [srivastava2014].

    Args:
        x: values of any shape.
        share: share of the entries to drop, from 0 to 1.
        training: True in training; if False, `x` is returned unchanged.

    >>> dropout(torch.ones(4), 0.5, training=False)
    tensor([1., 1., 1., 1.])
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
