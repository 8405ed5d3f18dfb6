"""Where the encoder's weights start: as word vectors, and as heads that look at the neighbours.

A small ALBERT that starts at random learns for ten million tokens little more than how frequent
words are; that its attention should look at the next word is the slowest to come. So two heads
begin with that habit, written into their weights as Trockman and Kolter (2023, "Mimetic
Initialization of Self-Attention Layers") write a trained network's habits.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tf_keras

ATTENTION_SHARE = 0.25  # of a word's square, that a head adds to it
SHARPNESS = 20.0  # attention logit of the place that a head looks at
NEIGHBOURS = (-1, 1)  # where the first heads look; the others start at random
# Geometric frequencies, radians a token: of all ratios these confuse a place least with another
# of 510 (largest likeness 0.56, by search over the two numbers).
HIGHEST_FREQUENCY = 2.4
FREQUENCY_RATIO = 0.93


@dataclasses.dataclass(frozen=True)
class Layout:
    """Which components of a hidden vector start as what.

    Attributes:
      words: The word itself.
      positions: Sines and cosines of its place.
      neighbours: What the heads add.
    """

    words: slice
    positions: slice
    neighbours: slice

    @classmethod
    def of(cls, width: int, positions: int, hidden: int) -> Layout:
        """Lays out `hidden` components, the first `width` of which come from the embeddings."""
        words = width - positions
        return cls(slice(0, words), slice(words, width), slice(width, hidden))


def initialize_encoder(
    encoder: tf_keras.Model, embeddings: np.ndarray, positions: int, seed: int
) -> np.ndarray:
    """Writes word vectors, places and the neighbours' heads into an encoder's weights.

    Args:
      encoder: the encoder to start.
      embeddings: `[vocabulary, width - positions]`, vectors of the pieces.
      positions: even number of the width's components that start as the piece's place.
      seed: of the random directions.

    Returns:
      `[width, hidden]`, the projection of the embeddings into the hidden space.
    """
    generator = np.random.default_rng(seed)
    kernel = encoder.get_layer("embedding_projection").kernel
    width, hidden = kernel.shape
    layout = Layout.of(width, positions, hidden)
    encoder.get_embedding_table().assign(np.pad(embeddings, ((0, 0), (0, positions))))
    amplitude = np.sqrt(2) * np.sqrt(np.square(embeddings).mean())
    _start_positions(encoder, amplitude, layout.positions)
    projection = np.sqrt(hidden / width) * np.eye(width, hidden)
    kernel.assign(projection)
    _start_heads(encoder.get_layer("transformer").weights, layout, hidden / width, generator)
    return projection


def frequencies(count: int) -> np.ndarray:
    """Returns `[count]` frequencies in radians a token."""
    return HIGHEST_FREQUENCY * FREQUENCY_RATIO ** np.arange(count)


def _start_positions(encoder: tf_keras.Model, amplitude: float, place: slice) -> None:
    (table,) = encoder.get_layer("position_embedding").weights
    angles = np.outer(np.arange(table.shape[0]), frequencies((place.stop - place.start) // 2))
    values = table.numpy()
    values[:, place] = amplitude * np.hstack([np.cos(angles), np.sin(angles)])
    table.assign(values)


def _start_heads(
    weights: list, layout: Layout, mean_square: float, generator: np.random.Generator
) -> None:
    """Sets queries and keys of the neighbours' heads, and values and outputs of all heads."""
    kernels = {part: _find(weights, part) for part in ("query", "key", "value", "attention_output")}
    _, heads, size = kernels["query"].shape
    positions = layout.positions.stop - layout.positions.start
    scale = np.sqrt(SHARPNESS * np.sqrt(size) / (positions * mean_square))
    query, key = kernels["query"].numpy(), kernels["key"].numpy()
    for head, offset in enumerate(NEIGHBOURS[:heads]):
        query[layout.positions, head, :positions] = scale * _shift(offset, positions)
        key[layout.positions, head, :positions] = scale * np.eye(positions)
    value, output = (np.zeros(kernels[part].shape) for part in ("value", "attention_output"))
    words, free = (part.stop - part.start for part in (layout.words, layout.neighbours))
    for head in range(heads):
        value[layout.words, head] = orthogonal(words, size, generator)
        output[head][:, layout.neighbours] = orthogonal(size, free, generator)
    started = (query, key, value, np.sqrt(ATTENTION_SHARE) * output)
    for kernel, start in zip(kernels.values(), started, strict=True):
        kernel.assign(start)


def _find(weights: list, part: str):
    (weight,) = (weight for weight in weights if weight.name.endswith(f"{part}/kernel:0"))
    return weight


def _shift(offset: int, positions: int) -> np.ndarray:
    """Returns the matrix by which the row of place i becomes that of place i + offset."""
    angles = offset * frequencies(positions // 2)
    cosines, sines = np.diag(np.cos(angles)), np.diag(np.sin(angles))
    return np.block([[cosines, sines], [-sines, cosines]])


def orthogonal(rows: int, columns: int, generator: np.random.Generator) -> np.ndarray:
    """Returns a part of a random orthonormal matrix, `[rows, columns]`."""
    size = max(rows, columns)
    return np.linalg.qr(generator.normal(size=(size, size)))[0][:rows, :columns]
