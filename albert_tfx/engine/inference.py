"""A layer of BERT's family forward alone, by TensorFlow's own operations, which any server has.

What is added to a product and the activation behind it follow it in the products' dtype: of these
TensorFlow's optimizer makes one operation of oneDNN, which rounds once, at its end ("remapper",
https://www.tensorflow.org/guide/graph_optimization). Softmax, residual sums and normalisation are
float32.
"""

import math

import tensorflow as tf

from albert_tfx.encoders.configuration import GELU, GELU_TANH
from albert_tfx.engine.layer import LayerKind, LayerWeights


def infer(values: tf.Tensor, bias: tf.Tensor, weights: LayerWeights, kind: LayerKind) -> tf.Tensor:
    """Returns the outputs of a layer, float32 as its inputs.

    Args:
      values: float32 `[batch * length, hidden_size]`.
      bias: float32 `[batch, length]`, added to the scores of each position.
      weights: The layer's, kernels in the products' dtype.
      kind: What to compute.
    """
    mixed = _dense(
        tf.cast(values, kind.precision), weights.attention_kernel, weights.attention_bias
    )
    context = _attention(mixed, bias, kind)
    projected = _dense(context, weights.project_kernel, weights.project_bias)
    middle = normalize(
        values + tf.cast(projected, tf.float32),
        weights.attention_gamma,
        weights.attention_beta,
        kind.epsilon,
    )
    reduced = tf.cast(middle, kind.precision)
    wide = _dense(reduced, weights.intermediate_kernel, weights.intermediate_bias)
    activated = _activate(wide, kind.activation)
    output = _dense(activated, weights.output_kernel, weights.output_bias)
    summed = middle + tf.cast(output, tf.float32)
    return normalize(summed, weights.gamma, weights.beta, kind.epsilon)


def normalize(values: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Normalises the last axis (Ba et al. 2016, https://arxiv.org/abs/1607.06450)."""
    mean, variance = tf.nn.moments(values, [-1], keepdims=True)
    return tf.nn.batch_normalization(values, mean, variance, beta, gamma, epsilon)


def _dense(inputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    return tf.nn.bias_add(tf.matmul(inputs, kernel), tf.cast(bias, inputs.dtype))


def _attention(mixed: tf.Tensor, bias: tf.Tensor, kind: LayerKind) -> tf.Tensor:
    """Returns the context `[rows, hidden_size]` of `[rows, 3 * hidden_size]` in the same dtype."""
    batch, length = tf.unstack(tf.shape(bias))
    size = mixed.shape[-1] // (3 * kind.heads)
    split = tf.reshape(mixed, [batch, length, 3, kind.heads, size])
    query, key, value = tf.unstack(tf.transpose(split, [2, 0, 3, 1, 4]))
    scores = tf.cast(tf.matmul(query, key, transpose_b=True), tf.float32) / math.sqrt(size)
    weights = tf.nn.softmax(scores + bias[:, tf.newaxis, tf.newaxis, :])
    by_row = tf.transpose(tf.matmul(tf.cast(weights, mixed.dtype), value), [0, 2, 1, 3])
    return tf.reshape(by_row, [-1, kind.heads * size])


def _activate(values: tf.Tensor, activation: str) -> tf.Tensor:
    """Returns what `layer` does, in the form that TensorFlow's optimizer knows."""
    if activation == GELU:
        half, one, slope = (tf.constant(each, values.dtype) for each in (0.5, 1.0, math.sqrt(0.5)))
        return (half * values) * (tf.math.erf(values * slope) + one)
    if activation == GELU_TANH:
        return tf.nn.gelu(values, approximate=True)
    return tf.nn.relu(values)
