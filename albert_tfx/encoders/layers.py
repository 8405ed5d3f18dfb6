"""Encoders of BERT's family as layers of legacy Keras, with float32 weights under plain names.

Vaswani et al. 2017, https://arxiv.org/abs/1706.03762; Devlin et al. 2019,
https://arxiv.org/abs/1810.04805; Lan et al. 2020, https://arxiv.org/abs/1909.11942.
"""

import functools
from collections.abc import Callable, Mapping

import tensorflow as tf

from albert_tfx.contract import (
    INPUT_MASK,
    INPUT_TYPE_IDS,
    INPUT_WORD_IDS,
    POOLED_OUTPUT,
    SEQUENCE_OUTPUT,
)
from albert_tfx.encoders.configuration import GELU, GELU_TANH, RELU, EncoderConfiguration

# Added to the scores of padding: nothing of them is left behind a softmax, and float16 holds it.
MASKED = -30000.0
# Variable of an exported encoder, int64 `[2]`: a seed, and the number of training steps.
DROPOUT_SEED = "dropout_seed"
_ACTIVATIONS: Mapping[str, Callable[[tf.Tensor], tf.Tensor]] = {
    GELU: functools.partial(tf.nn.gelu, approximate=False),
    GELU_TANH: functools.partial(tf.nn.gelu, approximate=True),
    RELU: tf.nn.relu,
}


Dropout = Callable[[tf.Tensor, float], tf.Tensor]


class SeededDropout:
    """Dropout whose masks follow from a seed alone, so that a training can be repeated.

    A layer of Keras draws from a state that is no part of a SavedModel.
    """

    def __init__(self, seed: tf.Tensor) -> None:
        """Takes a seed, int64 `[2]`. Each call draws a mask of its own from it."""
        self._seed = seed
        self._masks = 0

    def __call__(self, values: tf.Tensor, rate: float) -> tf.Tensor:
        """Sets a share `rate` of float `values` to zero and scales up the others."""
        if rate == 0.0:
            return values
        self._masks += 1
        kept = dropout_mask(tf.shape(values), rate, seed_of_mask(self._seed, self._masks))
        return tf.where(kept, values * dropout_scale(rate), 0.0)


def seed_of_mask(seed: tf.Tensor, mask: int) -> tf.Tensor:
    """Returns the seed, int64 `[2]`, of a mask by its number, from 1."""
    return seed + tf.constant([0, mask << 40], tf.int64)


def dropout_mask(shape: tf.Tensor, rate: float, seed: tf.Tensor) -> tf.Tensor:
    """Returns which values dropout keeps, bool, the same compiled by XLA and not.

    A byte decides on each value, so that the rate is one in 256ths: a number for each would take
    four times as long, which is a third of a training step of a narrow encoder.

    Args:
      shape: int32 `[rank]`.
      rate: Share to drop.
      seed: int64 `[2]`.
    """
    count = tf.reduce_prod(shape)
    words = tf.random.stateless_uniform(
        [-(-count // 4)], seed, minval=None, maxval=None, dtype=tf.uint32, alg="philox"
    )
    draws = tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:count]
    return tf.reshape(draws, shape) >= tf.constant(_dropped_of_256(rate), tf.uint8)


def dropout_scale(rate: float) -> float:
    """Returns by what the values that are kept are multiplied."""
    return 256 / (256 - _dropped_of_256(rate))


def _dropped_of_256(rate: float) -> int:
    return max(1, round(256 * rate))


def no_dropout(values: tf.Tensor, rate: float) -> tf.Tensor:
    """Returns `values` as they are; what inference has in place of `SeededDropout`."""
    del rate
    return values


class Embeddings(tf.keras.layers.Layer):
    """The sum of token, position and segment embeddings, normalised."""

    def __init__(self, configuration: EncoderConfiguration) -> None:
        super().__init__(name="embeddings")
        self._configuration = configuration
        self._layer_norm = _layer_norm(configuration)

    def build(self, shape: tf.TensorShape) -> None:
        """Makes the tables."""
        sizes = self._configuration
        self._tokens = self._table("tokens", sizes.vocabulary_size)
        self._positions = self._table("positions", sizes.positions)
        self._segments = self._table("segments", sizes.segments) if sizes.segments else None
        super().build(shape)

    def call(self, ids: tf.Tensor, segments: tf.Tensor, dropout: Dropout) -> tf.Tensor:
        """Maps int32 ids and segments `[batch, length]` to `[batch, length, embedding_size]`."""
        embedded = tf.gather(self._tokens, ids) + self._positions[: tf.shape(ids)[1]]
        if self._segments is not None:
            embedded += tf.gather(self._segments, segments)
        return dropout(self._layer_norm(embedded), self._configuration.hidden_dropout)

    def _table(self, name: str, rows: int) -> tf.Variable:
        shape = [rows, self._configuration.embedding_size]
        return self.add_weight(name, shape, initializer="zeros")


class Attention(tf.keras.layers.Layer):
    """Attention of a sequence to itself, with its residual sum, normalised."""

    def __init__(self, configuration: EncoderConfiguration) -> None:
        super().__init__(name="attention")
        self._configuration = configuration
        self._head_size = configuration.hidden_size // configuration.heads
        self._query, self._key, self._value, self._project = (
            _dense(name, configuration.hidden_size) for name in ("query", "key", "value", "output")
        )
        self._layer_norm = _layer_norm(configuration)

    def call(self, values: tf.Tensor, bias: tf.Tensor, dropout: Dropout) -> tf.Tensor:
        """Maps float32 `[batch, length, hidden_size]` to the same shape.

        Args:
          values: float32 `[batch, length, hidden_size]`.
          bias: float32 `[batch, 1, 1, length]`, added to the scores of each position.
          dropout: What is applied to the attention weights and to the output.
        """
        query = self._by_head(self._query(values) * self._head_size**-0.5)
        key, value = self._by_head(self._key(values)), self._by_head(self._value(values))
        weights = tf.nn.softmax(tf.matmul(query, key, transpose_b=True) + bias)
        weights = dropout(weights, self._configuration.attention_dropout)
        context = tf.transpose(tf.matmul(weights, value), [0, 2, 1, 3])
        output = self._project(tf.reshape(context, tf.shape(values)))
        return self._layer_norm(values + dropout(output, self._configuration.hidden_dropout))

    def _by_head(self, values: tf.Tensor) -> tf.Tensor:
        batch, length = tf.unstack(tf.shape(values)[:2])
        shape = [batch, length, self._configuration.heads, self._head_size]
        return tf.transpose(tf.reshape(values, shape), [0, 2, 1, 3])


class TransformerLayer(tf.keras.layers.Layer):
    """Attention and a feed-forward part, each normalised behind its residual sum."""

    def __init__(self, configuration: EncoderConfiguration, name: str) -> None:
        super().__init__(name=name)
        self._configuration = configuration
        self._attention = Attention(configuration)
        self._intermediate = _dense("intermediate", configuration.intermediate_size)
        self._activation = _ACTIVATIONS[configuration.activation]
        self._project = _dense("output", configuration.hidden_size)
        self._layer_norm = _layer_norm(configuration)

    def call(self, values: tf.Tensor, bias: tf.Tensor, dropout: Dropout) -> tf.Tensor:
        """Maps float32 `[batch, length, hidden_size]` to the same shape, as `Attention` does."""
        attended = self._attention(values, bias, dropout)
        output = self._project(self._activation(self._intermediate(attended)))
        return self._layer_norm(attended + dropout(output, self._configuration.hidden_dropout))


class Encoder(tf.keras.layers.Layer):
    """An encoder with TF Hub's interface, its weights zero until they are assigned.

    Attributes:
      weights_by_name: The variables by `checkpoint.Weight.name`.
    """

    def __init__(self, configuration: EncoderConfiguration, has_pooler: bool) -> None:
        super().__init__(name="encoder")
        self._configuration = configuration
        self._embeddings = Embeddings(configuration)
        width = configuration.hidden_size
        self._projection = (
            _dense("embedding_projection", width) if configuration.has_projection else None
        )
        self._layers = [
            TransformerLayer(configuration, f"layer_{index}")
            for index in range(configuration.groups * configuration.inner_layers)
        ]
        self._pooler = _dense("pooler", width) if has_pooler else None
        one = tf.ones([1, 1], tf.int32)
        self({INPUT_WORD_IDS: one, INPUT_MASK: one, INPUT_TYPE_IDS: one - 1})
        self.weights_by_name = {
            variable.name.removeprefix("encoder/").removesuffix(":0"): variable
            for variable in self.variables
        }

    def call(
        self, inputs: Mapping[str, tf.Tensor], dropout: Dropout = no_dropout
    ) -> dict[str, tf.Tensor | list[tf.Tensor]]:
        """Encodes a batch.

        Args:
          inputs: int32 `[batch, length]` each: `input_word_ids`, `input_mask`, `input_type_ids`.
          dropout: `SeededDropout` in training.

        Returns:
          float32 `sequence_output` `[batch, length, hidden_size]`, as `encoder_outputs` the same of
          each layer, and `pooled_output` `[batch, hidden_size]`, also as `default`, where there is
          a pooler.
        """
        values = self._embeddings(inputs[INPUT_WORD_IDS], inputs[INPUT_TYPE_IDS], dropout)
        if self._projection is not None:
            values = self._projection(values)
        mask = tf.cast(inputs[INPUT_MASK], values.dtype)[:, tf.newaxis, tf.newaxis, :]
        bias = (1.0 - mask) * MASKED
        outputs = []
        for layer in range(self._configuration.layers):
            for each in self._of_group(self._configuration.group_of(layer)):
                values = each(values, bias, dropout)
            outputs.append(values)
        return {SEQUENCE_OUTPUT: values, "encoder_outputs": outputs, **self._pooled(values)}

    def _of_group(self, group: int) -> list[TransformerLayer]:
        size = self._configuration.inner_layers
        return self._layers[group * size : (group + 1) * size]

    def _pooled(self, values: tf.Tensor) -> dict[str, tf.Tensor]:
        if self._pooler is None:
            return {}
        pooled = tf.tanh(self._pooler(values[:, 0]))
        return {POOLED_OUTPUT: pooled, "default": pooled}


def _dense(name: str, units: int) -> tf.keras.layers.Dense:
    return tf.keras.layers.Dense(units, name=name, kernel_initializer="zeros")


def _layer_norm(configuration: EncoderConfiguration) -> tf.keras.layers.LayerNormalization:
    return tf.keras.layers.LayerNormalization(
        epsilon=configuration.layer_norm_epsilon, name="layer_norm"
    )
