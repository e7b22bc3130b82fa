"""Half precision and compilation: the same arithmetic, done faster."""

import contextlib

import torch
from torch import nn

from embrec.errors import ConfigError

_TYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
# After some thirty halvings without a finite gradient, the scale is not what is wrong.
_SMALLEST_SCALE = 2.0**-14


class Precision:
    """The number format of matrix products; weights, sums and losses stay float32.

    Args:
        name: float32, bfloat16 or float16; the last one needs a GPU, for its losses must be scaled.
        device: of the model.

    Raises:
        ConfigError: float16 on a CPU.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        if name == "float16" and device.type != "cuda":
            raise ConfigError(
                f"training.precision: float16 needs a GPU, and the device is {device.type}; use bfloat16 or float32"
            )
        self.device = device
        self.dtype = _TYPES.get(name)
        self.scaler = torch.amp.GradScaler(device.type, enabled=name == "float16")

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Return the context that a loss is computed in."""
        if self.dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    @property
    def collapsed(self) -> bool:
        """True if no scale of the loss gives finite gradients; waits for the device if losses are scaled."""
        return self.scaler.is_enabled() and self.scaler.get_scale() < _SMALLEST_SCALE


def compile_model(model: nn.Module, device: torch.device) -> None:
    """Compile the layers of a model in place, for any number of rows and steps; names of weights do not change.

    Args:
        model: whose modules with the attribute `compilable = True` are compiled.
        device: of the model.

    Raises:
        ConfigError: there is nothing to compile, or no compiler for the device.
    """
    layers = [module for module in model.modules() if getattr(module, "compilable", False)]
    if not layers:
        raise ConfigError(
            "training.compile is for transformers (sasrec): a GRU has no layers to compile; leave it out for this model"
        )
    try:
        torch.compile(_one_more)(torch.ones(2, device=device))
    except Exception as error:  # whatever torch's compilers raise where a C++ compiler or Triton is missing
        reason = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
        raise ConfigError(
            f"training.compile: there is no working compiler for {device.type} ({reason[:200]}); leave it out"
        ) from None
    for layer in layers:
        layer.compile(dynamic=True)


def _one_more(values: torch.Tensor) -> torch.Tensor:
    return values + 1
