"""Causal transformer: every event of a history attends to itself and to earlier events.

Source: [vaswani2017], in the form of SASRec [kang2018]: learned positions, normalisation before each part of a layer
[xiong2020], feed-forward layers as wide as the item vectors.
"""

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from embrec.data.batches import Batch
from embrec.models.dropout import dropout
from embrec.models.encoders.base import SequenceEncoder

Positions = Literal["start", "end"]


class AttentionState(NamedTuple):
    """Keys and values of the t events read so far, to which later events attend.

    Attributes:
        keys: keys in each layer, [layers, B, heads, t, d / heads].
        values: values in each layer, [layers, B, heads, t, d / heads].
    """

    keys: Tensor
    values: Tensor


class TransformerLayer(nn.Module):
    """Self-attention, then a feed-forward network, each with a normalisation before it and a residual connection.

    Args:
        dim: d.
        heads: number of heads; each has d / heads of the dimensions.
        feed_forward: length of the hidden layer.
        dropout: dropout rate of the attention weights, the hidden layer and the outputs of both parts.

    Attributes:
        compilable: True: `training.compile` compiles modules with this attribute.
    """

    compilable = True

    def __init__(self, dim: int, heads: int, feed_forward: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        self.attention_norm = nn.LayerNorm(dim)
        self.attention = nn.Linear(dim, 3 * dim)  # queries, keys, values
        self.attention_out = nn.Linear(dim, dim)
        self.feed_forward_norm = nn.LayerNorm(dim)
        self.first = nn.Linear(dim, feed_forward)
        self.second = nn.Linear(feed_forward, dim)
        for layer in (self.attention, self.attention_out, self.first, self.second):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Transform histories, [B, L, d]; step i attends to steps 0 to i."""
        query, key, value = self._project(x)
        share = self.dropout if self.training else 0.0
        if share and x.device.type == "cpu" and not torch.compiler.is_compiling():
            return self._add(x, _attend(query, key, value, share))
        return self._add(x, F.scaled_dot_product_attention(query, key, value, is_causal=True, dropout_p=share))

    def step(self, x: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Transform the next event of each history; return the output, and keys and values with those of the event.

        Args:
            x: the events, [B, 1, d].
            keys: keys of the earlier events, [B, heads, t, d / heads].
            values: values of the earlier events, [B, heads, t, d / heads].
        """
        query, key, value = self._project(x)
        keys, values = torch.cat([keys, key], dim=2), torch.cat([values, value], dim=2)
        return self._add(x, F.scaled_dot_product_attention(query, keys, values)), keys, values

    def _project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, each [B, heads, L, d / heads]."""
        parts = self.attention(self.attention_norm(x)).split(x.shape[2], dim=2)
        query, key, value = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in parts)
        return query, key, value

    def _add(self, x: Tensor, mixed: Tensor) -> Tensor:
        """Return x plus the outputs of attention, given as [B, heads, L, d / heads], and of the feed-forward network."""
        mixed = self.attention_out(mixed.transpose(1, 2).flatten(2))
        x = x + dropout(mixed, self.dropout, self.training)
        hidden = dropout(F.relu(self.first(self.feed_forward_norm(x))), self.dropout, self.training)
        return x + dropout(self.second(hidden), self.dropout, self.training)


def _attend(query: Tensor, key: Tensor, value: Tensor, share: float) -> Tensor:
    """Return causal attention with dropout, [B, heads, L, d / heads]; torch has no fused form of it for CPUs."""
    size, heads, steps, dim = query.shape
    later = query.new_full((steps, steps), -torch.inf).triu_(1)
    query, key, value = (part.reshape(size * heads, steps, dim) for part in (query, key, value))
    weights = torch.softmax(torch.baddbmm(later, query, key.mT, alpha=dim**-0.5), dim=-1)
    return (dropout(weights, share, True) @ value).view(size, heads, steps, dim)


class CausalTransformer(SequenceEncoder):
    """Layers of causal self-attention over the events of a history and their positions.

    Use it for sequences in which single earlier events matter, and on a GPU, where all steps are computed at once.

    Histories are padded on the right, so that no event attends to padding and no padding mask is needed.

    Args:
        dim: length of inputs and outputs, d.
        max_length: the longest history.
        layers: number of layers.
        heads: number of heads of each layer.
        feed_forward: length of the hidden layers; d if None.
        dropout: share dropped of the inputs, and within the layers.
        positions: counted from the first event read ("start") or back from the last ("end"). Counted back, a step's
            position in training is not the one it has when it is the last, and every new event moves all others.
        scale: factor of the inputs before their positions are added.
        position_std: standard deviation of the initial position vectors.

    Examples:
        >>> encoder = CausalTransformer(dim=4, max_length=10).eval()
        >>> output, state = encoder.step(torch.ones(1, 4), encoder.init_state(1, torch.ones(1)))
        >>> output.shape, state.keys.shape  # two layers, one head, one event read
        (torch.Size([1, 4]), torch.Size([2, 1, 1, 1, 4]))
    """

    def __init__(
        self,
        dim: int,
        max_length: int,
        layers: int = 2,
        heads: int = 1,
        feed_forward: int | None = None,
        dropout: float = 0.2,
        positions: Positions = "start",
        scale: float = 1.0,
        position_std: float = 0.02,
    ) -> None:
        super().__init__()
        self.out_dim = dim
        self.max_length = max_length
        self.heads = heads
        self.dropout = dropout
        self.positions = positions
        self.causal = positions == "start"  # counted from the end, a new event shifts the positions of all others
        self.scale = scale
        self.position = nn.Parameter(torch.empty(max_length, dim))
        nn.init.normal_(self.position, std=position_std)
        self.layers = nn.ModuleList(TransformerLayer(dim, heads, feed_forward or dim, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, batch: Batch, user: Tensor | None = None) -> Tensor:
        """Read right-padded histories; see `SequenceEncoder`.

        Raises:
            ValueError: histories are longer than `max_length`.
        """
        steps = x.shape[1]
        if steps > self.max_length:
            raise ValueError(
                f"histories of {steps} events are longer than the {self.max_length} positions of the model"
            )
        if self.positions == "start":
            positions = self.position[:steps]
        else:
            places = batch.lengths[:, None] - 1 - torch.arange(steps, device=x.device)
            positions = F.embedding(places.clamp(min=0), self.position)
        x = torch.add(positions, x, alpha=self.scale)
        x = dropout(x, self.dropout, self.training)
        for layer in self.layers:
            x = layer(x)
        normalised: Tensor = self.norm(x)
        return normalised

    def init_state(self, size: int, like: Tensor) -> AttentionState:
        """Return the state of histories without an event."""
        nothing = like.new_zeros(len(self.layers), size, self.heads, 0, self.out_dim // self.heads)
        return AttentionState(nothing, nothing)

    def step(self, x: Tensor, state: AttentionState, user: Tensor | None = None) -> tuple[Tensor, AttentionState]:
        """Read one more event of each history, x [B, d]; return the output [B, d] and the new state.

        Raises:
            TypeError: positions are counted from the end, so that a new event shifts all others.
            ValueError: `max_length` events were read already; the history must be read again without its oldest events.
        """
        if self.positions != "start":
            raise TypeError("positions counted from the end move with every event: read the whole history instead")
        count = state.keys.shape[3]
        if count >= self.max_length:
            raise ValueError(
                f"all {self.max_length} positions are taken: read the history again without its oldest events"
            )
        x = torch.add(self.position[count], x, alpha=self.scale)[:, None]
        keys, values = [], []
        for layer, layer_keys, layer_values in zip(self.layers, *state, strict=True):
            x, layer_keys, layer_values = layer.step(x, layer_keys, layer_values)  # type: ignore[operator]
            keys.append(layer_keys)
            values.append(layer_values)
        return self.norm(x[:, 0]), AttentionState(torch.stack(keys), torch.stack(values))
