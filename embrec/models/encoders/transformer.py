"""A causal transformer: every event of a history attends to itself and those before it.

Vaswani et al., "Attention is all you need" (2017), as SASRec (Kang and McAuley, "Self-attentive sequential
recommendation", 2018) uses it: learned positions, layers that normalise first, a feed-forward layer as wide as the items.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

Positions = Literal["start", "end"]


class TransformerLayer(nn.Module):
    """Attention, then two dense layers, each after a normalisation and beside a path that carries its input on.

    Args:
        dim: d.
        heads: which divide d among them.
        feed_forward: length of the hidden layer.
        dropout: share dropped of the attention's weights and of both parts' outputs.
    """

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
        """Transform histories [B, L, d]; step i reads steps 0 to i."""
        dropout = self.dropout if self.training else 0.0
        size, steps, dim = x.shape
        heads = self.attention(self.attention_norm(x)).view(size, steps, 3, self.heads, dim // self.heads)
        query, key, value = heads.permute(2, 0, 3, 1, 4)  # each [B, heads, L, d / heads]
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True, dropout_p=dropout)
        mixed = self.attention_out(mixed.transpose(1, 2).reshape(size, steps, dim))
        x = x + F.dropout(mixed, self.dropout, self.training)
        hidden = F.dropout(F.relu(self.first(self.feed_forward_norm(x))), self.dropout, self.training)
        return x + F.dropout(self.second(hidden), self.dropout, self.training)


class CausalTransformer(nn.Module):
    """Layers of attention over the events of a history and their positions.

    Histories are padded on the right, so that no event ever attends to padding and no mask is needed.

    Args:
        dim: length of inputs and outputs, d.
        max_length: the longest history.
        layers: how many.
        heads: of each.
        feed_forward: length of the hidden layers; d if None.
        dropout: share dropped of the inputs, and within the layers.
        positions: counted from the first event read ("start") or back from the last ("end").
        scale: what inputs are multiplied by before their positions are added.
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
    ) -> None:
        super().__init__()
        self.out_dim = dim
        self.max_length = max_length
        self.dropout = dropout
        self.positions = positions
        self.scale = scale
        self.position = nn.Parameter(torch.empty(max_length, dim))
        nn.init.normal_(self.position, std=0.02)
        self.layers = nn.ModuleList(TransformerLayer(dim, heads, feed_forward or dim, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)

    def init_state(self, size: int, like: Tensor) -> Tensor:
        """Return the output before the first event, zeros [size, d], on the device of `like`."""
        return like.new_zeros(size, self.out_dim)

    def forward(self, x: Tensor, lengths: Tensor, user: Tensor | None = None, dt: Tensor | None = None) -> Tensor:
        """Read right-padded histories x [B, L, d]; the output at a step depends on that and earlier steps, [B, L, d].

        Outputs past a history's length are meaningless and must not be read.
        """
        if self.positions == "start":
            positions = self.position[: x.shape[1]]
        else:
            steps = torch.arange(x.shape[1], device=x.device)
            positions = F.embedding((lengths[:, None] - 1 - steps).clamp(min=0), self.position)
        x = torch.add(positions, x, alpha=self.scale)
        x = F.dropout(x, self.dropout, self.training)
        for layer in self.layers:
            x = layer(x)
        normalised: Tensor = self.norm(x)
        return normalised
