"""Pooling of token vectors into one vector per text, and the layers that sentence-transformers folders add after it."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from embrec.errors import FeatureError
from embrec.features.huggingface import read_json, weight_files
from embrec.features.text.sentence_folder import SentenceFolder
from embrec.features.weights import broken


def pool(states: Tensor, lengths: Tensor | None, names: Sequence[str]) -> Tensor:
    """Pool the token vectors of each text.

    Args:
        states: token vectors, padded on the right, [k, w, d].
        lengths: number of tokens of each text, [k]; None if all texts have w.
        names: poolings whose results are concatenated; see `SentenceFolder.pooling`.

    Returns:
        One vector per text, float32, [k, len(names) * d].

    Examples:
        >>> states = torch.tensor([[[1.0, 2.0], [3.0, 6.0]]])
        >>> pool(states, None, ["mean", "cls"])
        tensor([[2., 4., 1., 2.]])
    """
    mask = None
    if lengths is not None:
        mask = torch.arange(states.shape[1], device=states.device)[None, :] < lengths[:, None]  # [k, w]
    pooled = [_POOL[name](states, lengths, mask).float() for name in names]
    return pooled[0] if len(pooled) == 1 else torch.cat(pooled, dim=1)


def _sum(states: Tensor, weights: Tensor) -> Tensor:
    """Return a weighted sum over tokens, as a matrix product that allocates no second [k, w, d]."""
    return torch.bmm(weights[:, None, :], states.float())[:, 0]


def _mean(states: Tensor, lengths: Tensor | None, mask: Tensor | None, power: float = 1.0) -> Tensor:
    if lengths is None or mask is None:
        return states.mean(dim=1, dtype=torch.float32) * states.shape[1] ** (1 - power)
    return _sum(states, mask.float()) / lengths[:, None] ** power


def _weighted_mean(states: Tensor, lengths: Tensor | None, mask: Tensor | None) -> Tensor:
    places = torch.arange(1, states.shape[1] + 1, device=states.device, dtype=torch.float32).expand(len(states), -1)
    weights = places if mask is None else places * mask
    return _sum(states, weights) / weights.sum(dim=1, keepdim=True)


def _max(states: Tensor, lengths: Tensor | None, mask: Tensor | None) -> Tensor:
    return (states if mask is None else states.masked_fill(~mask[:, :, None], -torch.inf)).amax(dim=1)


def _last(states: Tensor, lengths: Tensor | None, mask: Tensor | None) -> Tensor:
    if lengths is None:
        return states[:, -1]
    return states[torch.arange(len(states), device=states.device), lengths - 1]


_POOL = {
    "cls": lambda states, lengths, mask: states[:, 0],
    "max": _max,
    "mean": _mean,
    "mean_sqrt_len_tokens": lambda states, lengths, mask: _mean(states, lengths, mask, power=0.5),
    "weightedmean": _weighted_mean,
    "lasttoken": _last,
}


class Normalize(nn.Module):
    """Scales vectors to unit length."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Divide each vector by its length, [k, d]."""
        return F.normalize(vectors, dim=1)


def make_heads(said: SentenceFolder, normalize: bool | None = None) -> nn.Sequential:
    """Build the layers that follow the pooling.

    Args:
        said: settings of the model's folder.
        normalize: True for vectors of unit length, False for none; None to follow the folder.

    Raises:
        FeatureError: a Dense module is damaged or not supported.
    """
    heads: list[nn.Module] = []
    for place in said.heads:
        if place is not None:
            heads.extend(_dense(place))
        elif normalize is not False:
            heads.append(Normalize())
    if normalize and not (heads and isinstance(heads[-1], Normalize)):
        heads.append(Normalize())
    return nn.Sequential(*heads).eval()


def _dense(folder: Path) -> list[nn.Module]:
    settings = read_json(folder / "config.json")
    path = str(settings.get("activation_function", "torch.nn.modules.activation.Tanh"))
    activation = getattr(nn, path.rpartition(".")[2], None) if path.startswith("torch.nn.") else None
    if not (isinstance(activation, type) and issubclass(activation, nn.Module)):
        raise FeatureError(f"{folder}: the activation {path} is not supported; those of torch.nn are")
    linear = nn.Linear(int(settings["in_features"]), int(settings["out_features"]), bool(settings.get("bias", True)))
    path_of_weights = weight_files(folder)[0]
    try:
        if path_of_weights.suffix == ".safetensors":
            from safetensors.torch import load_file

            weights = load_file(path_of_weights)
        else:
            weights = torch.load(path_of_weights, map_location="cpu", weights_only=True)
        linear.load_state_dict({name.removeprefix("linear."): value for name, value in weights.items()})
        return [linear, activation()]
    except Exception as error:  # torch and safetensors raise many types for damaged files
        raise broken(path_of_weights, "Dense module", error) from None
