"""From token vectors to one vector a text: pooling, and the layers that sentence-transformers folders put after it."""

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
    """Return one vector a text from the vectors of its tokens, [k, len(names) * d], in float32.

    Args:
        states: padded on the right, [k, w, d].
        lengths: tokens of each text, [k]; None if all have w.
        names: of `SentenceFolder.pooling`.
    """
    mask = None
    if lengths is not None:
        mask = torch.arange(states.shape[1], device=states.device)[None, :] < lengths[:, None]  # [k, w]
    pooled = [_POOL[name](states, lengths, mask).float() for name in names]
    return pooled[0] if len(pooled) == 1 else torch.cat(pooled, dim=1)


def _sum(states: Tensor, weights: Tensor) -> Tensor:
    """A weighted sum over tokens as a product of matrices, so that no second [k, w, d] is made."""
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
    """Brings vectors to unit length."""

    def forward(self, vectors: Tensor) -> Tensor:
        """Divide by the length, [k, d]."""
        return F.normalize(vectors, dim=1)


def make_heads(said: SentenceFolder, normalize: bool | None = None) -> nn.Sequential:
    """Return what follows the pooling.

    Args:
        said: by a folder.
        normalize: whether vectors have unit length; None = as the folder says.

    Raises:
        FeatureError: a Dense module is damaged, or of a kind that is not supported.
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
    except Exception as error:  # torch and safetensors raise many kinds for damaged files
        raise broken(path_of_weights, "Dense module", error) from None
