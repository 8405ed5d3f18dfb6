"""A layer of BERT's family, forward and backward, as few large matrix products.

The layer is that of Vaswani et al. 2017, https://arxiv.org/abs/1706.03762, in the order of Devlin
et al. 2019, https://arxiv.org/abs/1810.04805: each part is normalised behind its residual sum.

The backward pass is written by hand. TensorFlow's own keeps other things of the forward pass, makes
three products of queries, keys and values, and returns gradients of bfloat16 weights in bfloat16.
Here products of bfloat16 are summed in float32; weights' gradients, residual sums and normalisation
are float32 throughout.

Tokens of a batch are rows: `[batch * length, hidden_size]`.
"""

import dataclasses
import math
from typing import NamedTuple

import tensorflow as tf

from albert_tfx.encoders.configuration import GELU, GELU_TANH
from albert_tfx.encoders.layers import dropout_mask, dropout_scale, seed_of_mask
from albert_tfx.engine.products import kept_for_weights, product, weight_gradient


@dataclasses.dataclass(frozen=True)
class LayerKind:
    """What a layer computes, besides its weights.

    Attributes:
      heads: Attention heads.
      activation: `GELU`, `GELU_TANH` or `RELU` of `encoders.configuration`.
      epsilon: Added to variances.
      hidden_dropout: Rate for the outputs of both parts; 0 in inference.
      attention_dropout: Rate for attention weights; 0 in inference.
      precision: Operands of the products: float32 or bfloat16.
    """

    heads: int
    activation: str
    epsilon: float
    hidden_dropout: float = 0.0
    attention_dropout: float = 0.0
    precision: tf.DType = tf.float32


class LayerWeights(NamedTuple):
    """A layer's weights: kernels `[inputs, outputs]` in the products' dtype, the others float32.

    Attributes:
      attention_kernel: `[hidden_size, 3 * hidden_size]`: queries, keys, values.
      attention_bias: `[3 * hidden_size]`.
      project_kernel: `[hidden_size, hidden_size]`.
      project_bias: `[hidden_size]`.
      attention_gamma: `[hidden_size]`.
      attention_beta: `[hidden_size]`.
      intermediate_kernel: `[hidden_size, intermediate_size]`.
      intermediate_bias: `[intermediate_size]`.
      output_kernel: `[intermediate_size, hidden_size]`.
      output_bias: `[hidden_size]`.
      gamma: `[hidden_size]`.
      beta: `[hidden_size]`.
    """

    attention_kernel: tf.Tensor
    attention_bias: tf.Tensor
    project_kernel: tf.Tensor
    project_bias: tf.Tensor
    attention_gamma: tf.Tensor
    attention_beta: tf.Tensor
    intermediate_kernel: tf.Tensor
    intermediate_bias: tf.Tensor
    output_kernel: tf.Tensor
    output_bias: tf.Tensor
    gamma: tf.Tensor
    beta: tf.Tensor

    def reduced(self, precision: tf.DType) -> "LayerWeights":
        """Returns them with kernels of another dtype."""
        return LayerWeights(
            *(
                tf.cast(each, precision) if name.endswith("kernel") else each
                for name, each in self._asdict().items()
            )
        )


class Normalized(NamedTuple):
    """What the gradient of a layer normalisation needs.

    Attributes:
      values: `[rows, hidden_size]` before scale and shift, in the products' dtype.
      inverse: float32 `[rows, 1]`, over the standard deviation.
    """

    values: tf.Tensor
    inverse: tf.Tensor


class Attended(NamedTuple):
    """What the gradient of attention needs.

    Attributes:
      query: `[batch * heads, head_size, length]`.
      key: `[batch * heads, length, head_size]`.
      value: Likewise.
      weights: `[batch * heads, length, length]`, before dropout.
      kept: Likewise, bool, which dropout kept; none without dropout.
    """

    query: tf.Tensor
    key: tf.Tensor
    value: tf.Tensor
    weights: tf.Tensor
    kept: tuple[tf.Tensor, ...]


class Saved(NamedTuple):
    """What the backward pass needs of the forward one. Products' operands are in their dtype.

    Those of weights' gradients are as `kept_for_weights` returns them.

    Attributes:
      values: The layer's inputs.
      attended: Of attention.
      context: What attention gave.
      attention_kept: As `Attended.kept`, of the projected context.
      attention_normalized: Behind the first residual sum.
      middle: Inputs of the feed-forward part.
      slope: Derivative of the activation `[rows, intermediate_size]`.
      activated: Outputs of the activation.
      kept: As `Attended.kept`, of the feed-forward part's outputs.
      normalized: Behind the second residual sum.
    """

    values: tf.Tensor
    attended: Attended
    context: tf.Tensor
    attention_kept: tuple[tf.Tensor, ...]
    attention_normalized: Normalized
    middle: tf.Tensor
    slope: tf.Tensor
    activated: tf.Tensor
    kept: tuple[tf.Tensor, ...]
    normalized: Normalized


def forward(
    values: tf.Tensor, bias: tf.Tensor, weights: LayerWeights, kind: LayerKind, seed: tf.Tensor
) -> tuple[tf.Tensor, Saved]:
    """Returns the outputs of a layer, float32 as its inputs, and what `backward` needs.

    Args:
      values: float32 `[batch * length, hidden_size]`.
      bias: float32 `[batch, length]`, added to the scores of each position.
      weights: The layer's.
      kind: What to compute.
      seed: int64 `[2]`, of three masks of dropout; unused without it.
    """
    inputs = tf.cast(values, kind.precision)
    mixed = product(inputs, weights.attention_kernel) + weights.attention_bias
    context, attended = _attention(tf.cast(mixed, kind.precision), bias, kind, seed)
    projected = product(context, weights.project_kernel) + weights.project_bias
    projected, attention_kept = _dropout(projected, kind.hidden_dropout, seed, 1)
    middle, attention_normalized = _normalize(
        values + projected, weights.attention_gamma, weights.attention_beta, kind
    )
    reduced = tf.cast(middle, kind.precision)
    wide = product(reduced, weights.intermediate_kernel) + weights.intermediate_bias
    activated, slope = (tf.cast(each, kind.precision) for each in _activate(wide, kind.activation))
    output = product(activated, weights.output_kernel) + weights.output_bias
    output, kept = _dropout(output, kind.hidden_dropout, seed, 2)
    result, normalized = _normalize(middle + output, weights.gamma, weights.beta, kind)
    return result, Saved(
        kept_for_weights(inputs),
        attended,
        kept_for_weights(context),
        attention_kept,
        attention_normalized,
        kept_for_weights(reduced),
        slope,
        kept_for_weights(activated),
        kept,
        normalized,
    )


def backward(
    gradient: tf.Tensor, saved: Saved, weights: LayerWeights, kind: LayerKind
) -> tuple[tf.Tensor, LayerWeights]:
    """Returns the gradients of a layer's inputs and of its weights, all float32.

    Args:
      gradient: float32 `[batch * length, hidden_size]`, of the layer's outputs.
      saved: Of the forward pass.
      weights: Those of the forward pass.
      kind: Likewise.
    """
    rate = kind.hidden_dropout
    outer, gamma, beta = _normalize_back(gradient, saved.normalized, weights.gamma)
    output = tf.cast(_dropout_back(outer, saved.kept, rate), kind.precision)
    wide = product(output, weights.output_kernel, transpose_b=True)
    wide = tf.cast(wide * tf.cast(saved.slope, tf.float32), kind.precision)
    middle = outer + product(wide, weights.intermediate_kernel, transpose_b=True)
    inner, attention_gamma, attention_beta = _normalize_back(
        middle, saved.attention_normalized, weights.attention_gamma
    )
    projected = tf.cast(_dropout_back(inner, saved.attention_kept, rate), kind.precision)
    context = product(projected, weights.project_kernel, transpose_b=True)
    mixed = _attention_back(tf.cast(context, kind.precision), saved.attended, kind)
    values = inner + product(mixed, weights.attention_kernel, transpose_b=True)
    return values, LayerWeights(
        weight_gradient(saved.values, mixed),
        _sum_of_rows(mixed),
        weight_gradient(saved.context, projected),
        _sum_of_rows(projected),
        attention_gamma,
        attention_beta,
        weight_gradient(saved.middle, wide),
        _sum_of_rows(wide),
        weight_gradient(saved.activated, output),
        _sum_of_rows(output),
        gamma,
        beta,
    )


def _attention(
    mixed: tf.Tensor, bias: tf.Tensor, kind: LayerKind, seed: tf.Tensor
) -> tuple[tf.Tensor, Attended]:
    """Returns the context `[rows, hidden_size]` of `[rows, 3 * hidden_size]` in the same dtype."""
    batch, length = tf.unstack(tf.shape(bias))
    query, key, value = (_by_head(each, batch, kind) for each in tf.split(mixed, 3, axis=1))
    scores = product(query, key, transpose_b=True) * _scale(query)
    scores = tf.reshape(scores, [batch, kind.heads, length, length])
    weights = tf.nn.softmax(scores + bias[:, tf.newaxis, tf.newaxis, :])
    weights = tf.reshape(weights, [batch * kind.heads, length, length])
    dropped, kept = _dropout(weights, kind.attention_dropout, seed, 0)
    context = product(tf.cast(dropped, kind.precision), value)
    context = _by_row(tf.cast(context, kind.precision), kind)
    weights = tf.cast(weights, kind.precision)
    return context, Attended(tf.linalg.matrix_transpose(query), key, value, weights, kept)


def _attention_back(gradient: tf.Tensor, saved: Attended, kind: LayerKind) -> tf.Tensor:
    """Returns the gradient of `_attention`'s `mixed`, of that of its context.

    No product has a transposed left side: XLA multiplies batches of such in float32.
    """
    batch = tf.shape(saved.key)[0] // kind.heads
    context = _by_head(gradient, batch, kind)
    by_column = _by_head(gradient, batch, kind, is_by_column=True)
    weights = tf.cast(saved.weights, tf.float32)
    rate = kind.attention_dropout
    dropped = tf.cast(_dropout_back(weights, saved.kept, rate), kind.precision)
    value = product(by_column, dropped)
    of_weights = _dropout_back(product(context, saved.value, transpose_b=True), saved.kept, rate)
    # The derivative of a softmax.
    mean = tf.reduce_sum(of_weights * weights, -1, keepdims=True)
    scores = tf.cast(weights * (of_weights - mean) * _scale(context), kind.precision)
    query, key = product(scores, saved.key), product(saved.query, scores)
    query, key, value = (tf.cast(each, kind.precision) for each in (query, key, value))
    columns = (_by_row(each, kind, is_by_column=True) for each in (key, value))
    return tf.concat([_by_row(query, kind), *columns], 1)


def _scale(values: tf.Tensor) -> float:
    """Returns 1 over the square root of a head's size."""
    return 1 / math.sqrt(values.shape[-1])


def _by_head(
    values: tf.Tensor, batch: tf.Tensor, kind: LayerKind, is_by_column: bool = False
) -> tf.Tensor:
    """Maps `[rows, hidden_size]` to `[batch * heads, length, head_size]`, the last two in turn."""
    size = values.shape[-1] // kind.heads
    split = tf.reshape(values, [batch, -1, kind.heads, size])
    apart = tf.transpose(split, [0, 2, 3, 1] if is_by_column else [0, 2, 1, 3])
    return tf.reshape(apart, [batch * kind.heads, *([size, -1] if is_by_column else [-1, size])])


def _by_row(values: tf.Tensor, kind: LayerKind, is_by_column: bool = False) -> tf.Tensor:
    """Undoes `_by_head`."""
    size = values.shape[1 if is_by_column else 2]
    sides = tf.shape(values)[1:]
    split = tf.reshape(values, tf.concat([[-1, kind.heads], sides], 0))
    together = tf.transpose(split, [0, 3, 1, 2] if is_by_column else [0, 2, 1, 3])
    return tf.reshape(together, [-1, kind.heads * size])


def _dropout(
    values: tf.Tensor, rate: float, seed: tf.Tensor, mask: int
) -> tuple[tf.Tensor, tuple[tf.Tensor, ...]]:
    """Returns float32 values after dropout, and which it kept, if there is dropout.

    Args:
      values: Any shape.
      rate: Share that is set to 0.
      seed: int64 `[2]`, of the layer's first mask.
      mask: Number of the mask within the layer.
    """
    if not rate:
        return values, ()
    kept = dropout_mask(tf.shape(values), rate, seed_of_mask(seed, mask))
    return _of_kept(values, kept, rate), (kept,)


def _dropout_back(gradient: tf.Tensor, kept: tuple[tf.Tensor, ...], rate: float) -> tf.Tensor:
    return _of_kept(gradient, kept[0], rate) if kept else gradient


def _of_kept(values: tf.Tensor, kept: tf.Tensor, rate: float) -> tf.Tensor:
    return tf.where(kept, values * dropout_scale(rate), 0.0)


def _normalize(
    values: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, kind: LayerKind
) -> tuple[tf.Tensor, Normalized]:
    """Layer normalisation (Ba et al. 2016, https://arxiv.org/abs/1607.06450)."""
    centred = values - tf.reduce_mean(values, -1, keepdims=True)
    variance = tf.reduce_mean(centred * centred, -1, keepdims=True)
    inverse = tf.math.rsqrt(variance + kind.epsilon)
    normalized = centred * inverse
    saved = Normalized(tf.cast(normalized, kind.precision), inverse)
    return normalized * gamma + beta, saved


def _normalize_back(
    gradient: tf.Tensor, saved: Normalized, gamma: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns the gradients of the values, of gamma and of beta."""
    normalized = tf.cast(saved.values, tf.float32)
    scaled = gradient * gamma
    mean = tf.reduce_mean(scaled, -1, keepdims=True)
    along = tf.reduce_mean(scaled * normalized, -1, keepdims=True)
    values = saved.inverse * (scaled - mean - normalized * along)
    return values, tf.reduce_sum(gradient * normalized, 0), tf.reduce_sum(gradient, 0)


def _activate(values: tf.Tensor, activation: str) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the activation of float32 values and its derivative.

    GELU and its approximation by tanh: Hendrycks and Gimpel 2016, https://arxiv.org/abs/1606.08415.
    """
    if activation == GELU:
        below = 0.5 * (1 + tf.math.erf(values / math.sqrt(2)))
        density = tf.exp(-0.5 * values * values) / math.sqrt(2 * math.pi)
        return values * below, below + values * density
    if activation == GELU_TANH:
        scale, cubic = math.sqrt(2 / math.pi), 0.044715
        square = values * values
        tangent = tf.tanh(scale * values * (1 + cubic * square))
        below = 0.5 * (1 + tangent)
        steepness = scale * (1 + 3 * cubic * square)
        return values * below, below + 0.5 * values * (1 - tangent * tangent) * steepness
    return tf.nn.relu(values), tf.cast(values > 0, values.dtype)


def _sum_of_rows(values: tf.Tensor) -> tf.Tensor:
    """Returns the float32 sum of `[rows, columns]` over rows, `[columns]`.

    The sum is made twice: XLA takes fifteen times as long for the product of a single row.
    """
    ones = tf.ones([2, tf.shape(values)[0]], values.dtype)
    return product(ones, values)[0]
