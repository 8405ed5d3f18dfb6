import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.encoders.configuration import GELU_TANH
from albert_tfx.engine import layer
from albert_tfx.engine.layer import LayerKind, LayerWeights

HEAD_SIZE = 4


def drawn_weights(hidden_size: int) -> LayerWeights:
    wide = 2 * hidden_size
    shapes = {
        "attention_kernel": (hidden_size, 3 * hidden_size),
        "attention_bias": (3 * hidden_size,),
        "project_kernel": (hidden_size, hidden_size),
        "intermediate_kernel": (hidden_size, wide),
        "intermediate_bias": (wide,),
        "output_kernel": (wide, hidden_size),
    }
    draw = np.random.default_rng(1)
    weights = [draw.normal(0, 0.3, shapes.get(name, hidden_size)) for name in LayerWeights._fields]
    return LayerWeights(*(tf.constant(each, tf.float32) for each in weights))


def passed(
    kind: LayerKind, batch: int, length: int, compiled: Callable[..., Any]
) -> list[np.ndarray]:
    """Returns a layer's outputs, the gradient of its inputs and those of its weights."""
    weights = drawn_weights(kind.heads * HEAD_SIZE)
    values = np.random.default_rng(2).normal(size=[batch * length, kind.heads * HEAD_SIZE])
    inputs = tf.constant(values, tf.float32)
    bias, seed = tf.zeros([batch, length]), tf.zeros([2], tf.int64)
    reduced = weights.reduced(kind.precision)
    outputs, saved = compiled(functools.partial(layer.forward, kind=kind))(
        inputs, bias, reduced, seed=seed
    )
    gradients = compiled(functools.partial(layer.backward, kind=kind))(inputs, saved, reduced)
    return [each.numpy() for each in tf.nest.flatten([outputs, gradients])]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("heads", "batch", "length"), [(1, 1, 4), (1, 3, 1), (2, 1, 1), (2, 1, 4), (3, 2, 5)]
)
def test_bfloat16_is_multiplied_at_every_shape(heads: int, batch: int, length: int):
    """XLA refuses some layouts of products, and rewrites what has a dimension of 1."""
    exact = LayerKind(heads, GELU_TANH, 1e-12)
    reduced = LayerKind(heads, GELU_TANH, 1e-12, precision=tf.bfloat16)
    expected = passed(exact, batch, length, lambda function: function)
    found = passed(reduced, batch, length, functools.partial(tf.function, jit_compile=True))
    largest = max(np.abs(each).max() for each in expected)
    for one, other in zip(found, expected, strict=True):
        scale = max(np.abs(other).max(), 0.02 * largest)
        np.testing.assert_allclose(one, other, atol=0.05 * scale)
