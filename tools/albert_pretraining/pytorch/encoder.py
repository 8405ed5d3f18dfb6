"""ALBERT in PyTorch, equal to tf-models-official's `AlbertEncoder` weight for weight."""

from __future__ import annotations

import dataclasses

import torch
from torch import nn
from torch.nn import functional

NORM_EPSILON = 1e-12
DEVIATION = 0.02  # truncated normal, ALBERT's own
SEGMENTS = 2


@dataclasses.dataclass(frozen=True)
class BlockShape:
    """The sizes of one transformer layer.

    Attributes:
      hidden_size: components of a token's vector.
      heads: attention heads; they divide `hidden_size`.
      intermediate_size: components of the feed-forward layer.
      gelu: `tanh` is the approximation that tf-models-official computes, `none` the exact one.
    """

    hidden_size: int
    heads: int
    intermediate_size: int
    gelu: str = "tanh"


class Block(nn.Module):
    """One transformer layer: attention, then feed-forward, each added and normalised after.

    Args:
      shape: its sizes.
    """

    def __init__(self, shape: BlockShape):
        super().__init__()
        hidden = shape.hidden_size
        self._heads = shape.heads
        self._gelu = shape.gelu
        self.query_key_value = nn.Linear(hidden, 3 * hidden)
        self.attention_output = nn.Linear(hidden, hidden)
        self.attention_norm = nn.LayerNorm(hidden, NORM_EPSILON)
        self.intermediate = nn.Linear(hidden, shape.intermediate_size)
        self.output = nn.Linear(shape.intermediate_size, hidden)
        self.output_norm = nn.LayerNorm(hidden, NORM_EPSILON)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Maps `[rows, length, hidden]` to the same shape.

        Args:
          hidden: the tokens' vectors.
          mask: what `attention_mask` returns.
        """
        attended = self.attention_output(self._attend(hidden, mask))
        hidden = self.attention_norm(hidden + attended)
        inner = functional.gelu(self.intermediate(hidden), approximate=self._gelu)
        return self.output_norm(hidden + self.output(inner))

    def _attend(self, hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        rows, length, size = hidden.shape
        parts = self.query_key_value(hidden).view(rows, length, 3, self._heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = attend(query, key, value, mask)
        return mixed.transpose(1, 2).reshape(rows, length, size)


class Embedder(nn.Module):
    """Sums of word, position and segment vectors, normalised: `[rows, length, width]`.

    Args:
      vocabulary_size: the number of pieces.
      width: components of an embedding.
      maximum_length: the number of positions.
    """

    def __init__(self, vocabulary_size: int, width: int, maximum_length: int):
        super().__init__()
        self.word = nn.Embedding(vocabulary_size, width)
        self.position = nn.Embedding(maximum_length, width)
        self.segment = nn.Embedding(SEGMENTS, width)
        self.norm = nn.LayerNorm(width, NORM_EPSILON)

    def forward(self, ids: torch.Tensor, segments: torch.Tensor) -> torch.Tensor:
        """Embeds `[rows, length]` ids and segment numbers."""
        places = self.position.weight[: ids.shape[1]]
        return self.norm(self.word(ids) + places + self.segment(segments))


class Stack(nn.Module):
    """Projects embeddings and applies one block several times, as ALBERT shares its layers.

    Args:
      width: components of an embedding.
      shape: of the block.
      layers: how often it is applied.
    """

    def __init__(self, width: int, shape: BlockShape, layers: int):
        super().__init__()
        self._layers = layers
        self.projection = nn.Linear(width, shape.hidden_size)
        self.block = Block(shape)

    def forward(self, embedded: torch.Tensor, mask: torch.Tensor | None) -> list[torch.Tensor]:
        """Returns what each layer makes of `[rows, length, width]`."""
        hidden = self.projection(embedded)
        outputs = []
        for _ in range(self._layers):
            hidden = self.block(hidden, mask)
            outputs.append(hidden)
        return outputs


class Encoder(nn.Module):
    """The ALBERT that is exported: embeddings, shared layers and the pooler.

    Args:
      vocabulary_size: the number of pieces.
      width: components of an embedding.
      maximum_length: the number of positions.
      shape: of the shared layer.
      layers: how often it is applied.
    """

    def __init__(
        self, vocabulary_size: int, width: int, maximum_length: int, shape: BlockShape, layers: int
    ):
        super().__init__()
        self.embedder = Embedder(vocabulary_size, width, maximum_length)
        self.stack = Stack(width, shape, layers)
        self.pooler = nn.Linear(shape.hidden_size, shape.hidden_size)

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor, segments: torch.Tensor
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Encodes `[rows, length]` ids.

        Args:
          ids: the pieces.
          mask: 1 at tokens, 0 at padding.
          segments: 0 or 1.

        Returns:
          The layers' outputs, each `[rows, length, hidden]`, and the pooled `[rows, hidden]`.
        """
        outputs = self.stack(self.embedder(ids, segments), attention_mask(mask))
        return outputs, torch.tanh(self.pooler(outputs[-1][:, 0]))


def attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None
) -> torch.Tensor:
    """Mixes the values by softmax attention: `[rows, heads, length, size]` in and out.

    On processors PyTorch's own fused attention takes three times as long as its parts, most of it
    in the backward pass (`tools/README.md`).

    Args:
      query: of all heads.
      key: likewise.
      value: likewise.
      mask: what `attention_mask` returns.
    """
    if query.is_cuda:
        bias = None if mask is None else mask.to(query.dtype)
        return functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
    with torch.autocast("cpu", enabled=False):
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        if mask is not None:
            scores = scores + mask.to(scores.dtype)
        return scores.softmax(-1) @ value


def attention_mask(mask: torch.Tensor) -> torch.Tensor | None:
    """Returns what is added to attention's scores.

    Args:
      mask: `[rows, length]`, 1 at tokens, 0 at padding.

    Returns:
      `[rows, 1, 1, length]` float32, 0 at tokens and minus infinity at padding, or `None` where all
      are tokens.
    """
    if bool(mask.all()):
        return None
    nothing = torch.zeros(mask.shape, device=mask.device)
    return nothing.masked_fill(mask == 0, -torch.inf)[:, None, None, :]


def initialize(module: nn.Module, generator: torch.Generator) -> None:
    """Draws every matrix below `module` anew as ALBERT does; biases 0, norms 1."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Embedding):
            nn.init.trunc_normal_(
                part.weight,
                std=DEVIATION,
                a=-2 * DEVIATION,
                b=2 * DEVIATION,
                generator=generator,
            )
        if isinstance(part, nn.Linear):
            nn.init.zeros_(part.bias)


def mean_of_tokens(sequence: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Averages `[rows, length, hidden]` over the tokens that are no padding: `[rows, hidden]`."""
    weights = mask.to(sequence.dtype)[..., None]
    return (sequence * weights).sum(1) / weights.sum(1)
