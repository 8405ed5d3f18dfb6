"""Weights between PyTorch and TensorFlow: the same numbers, in `AlbertEncoder`'s own order."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from albert_pretraining.pytorch.encoder import Encoder
from albert_pretraining.shape import EncoderShape


def to_arrays(encoder: Encoder, heads: int) -> list[np.ndarray]:
    """Returns the weights in the order and shapes of `AlbertEncoder.weights`.

    Args:
      encoder: the encoder in PyTorch.
      heads: its attention heads.
    """
    embedder, block = encoder.embedder, encoder.stack.block
    hidden = block.attention_output.in_features
    attention = []
    for kernel, bias in zip(
        block.query_key_value.weight.chunk(3), block.query_key_value.bias.chunk(3), strict=True
    ):
        attention += [kernel.T.reshape(hidden, heads, -1), bias.reshape(heads, -1)]
    output = block.attention_output
    attention += [output.weight.T.reshape(heads, -1, hidden), output.bias]
    weights = [
        *(part.weight for part in (embedder.word, embedder.position, embedder.segment)),
        *_norm(embedder.norm),
        *_dense(encoder.stack.projection),
        *attention,
        *_norm(block.attention_norm),
        *_dense(block.intermediate),
        *_dense(block.output),
        *_norm(block.output_norm),
        *_dense(encoder.pooler),
    ]
    return [weight.detach().float().cpu().numpy().copy() for weight in weights]


def from_arrays(encoder: Encoder, arrays: Sequence[np.ndarray]) -> None:
    """Writes weights in the order and shapes of `AlbertEncoder.weights` into an encoder.

    Raises:
      ValueError: they are of an encoder of another shape.
    """
    (word, position, segment, *norm_and_projection), rest = arrays[:7], list(arrays[7:])
    kernels, biases = rest[0:8:2], rest[1:8:2]
    hidden = kernels[0].shape[0]
    embedder, block = encoder.embedder, encoder.stack.block
    joined = [kernel.reshape(hidden, -1).T for kernel in kernels[:3]]
    pairs = [
        *zip(
            (part.weight for part in (embedder.word, embedder.position, embedder.segment)),
            (word, position, segment),
            strict=True,
        ),
        *_pairs(embedder.norm, norm_and_projection[:2]),
        *_pairs(encoder.stack.projection, norm_and_projection[2:]),
        (block.query_key_value.weight, np.concatenate(joined)),
        (block.query_key_value.bias, np.concatenate([bias.ravel() for bias in biases[:3]])),
        *_pairs(block.attention_output, (kernels[3].reshape(-1, hidden), biases[3])),
    ]
    parts: tuple[nn.Linear | nn.LayerNorm, ...] = (
        block.attention_norm,
        block.intermediate,
        block.output,
        block.output_norm,
        encoder.pooler,
    )
    for index, part in enumerate(parts):
        pairs += _pairs(part, rest[8 + 2 * index : 10 + 2 * index])
    for parameter, array in pairs:
        if tuple(parameter.shape) != array.shape:
            raise ValueError(
                f"The weights are of an encoder of another shape: {array.shape} where "
                f"{tuple(parameter.shape)} is needed."
            )
        parameter.data.copy_(torch.from_numpy(np.array(array)))


def read_saved_model(folder: pathlib.Path) -> list[np.ndarray]:
    """Reads the weights of an exported encoder, in the order of `AlbertEncoder.weights`."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    names = [name for name in reader.get_variable_to_shape_map() if name.startswith("variables/")]
    return [reader.get_tensor(name) for name in sorted(names, key=lambda n: int(n.split("/")[1]))]


def build_tensorflow_encoder(shape: EncoderShape, arrays: Sequence[np.ndarray]):
    """Builds tf-models-official's encoder of this shape with these weights."""
    from official.nlp.configs import encoders

    from albert_pretraining.pretrainer import encoder_config

    encoder = encoders.build_encoder(encoder_config(shape))
    encoder.set_weights(list(arrays))
    return encoder


def _dense(layer: nn.Linear) -> list[torch.Tensor]:
    return [layer.weight.T, layer.bias]


def _norm(layer: nn.LayerNorm) -> list[torch.Tensor]:
    return [layer.weight, layer.bias]


def _pairs(
    part: nn.Linear | nn.LayerNorm, arrays: Sequence[np.ndarray]
) -> list[tuple[torch.Tensor, np.ndarray]]:
    weight, bias = arrays
    kernel = weight.T if isinstance(part, nn.Linear) else weight
    return [(part.weight, kernel), (part.bias, bias)]
