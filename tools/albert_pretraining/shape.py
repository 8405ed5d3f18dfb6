"""The encoder's sizes."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class EncoderShape:
    """The encoder's sizes; the rest is ALBERT's own, without dropout as from its version 2 on.

    `position_width` of the `embedding_width` start as a piece's place, the others as its word
    vector; training knows no such border.
    """

    vocabulary_size: int = 8000
    embedding_width: int = 96
    position_width: int = 16
    hidden_size: int = 192
    layers: int = 4
    attention_heads: int = 3
    intermediate_size: int = 768
    maximum_length: int = 512

    @property
    def word_width(self) -> int:
        """Components of the embedding that start as a word vector."""
        return self.embedding_width - self.position_width
