"""An encoder's SavedModel, computed by the layers of this room with the same variables.

TensorFlow takes the many small operations of a SavedModel one by one. Here a layer is two programs
of XLA, forward and backward, compiled once for each length and called for every layer.
"""

import dataclasses
import functools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from albert_tfx.contract import (
    INPUT_MASK,
    INPUT_TYPE_IDS,
    INPUT_WORD_IDS,
    POOLED_OUTPUT,
    SEQUENCE_OUTPUT,
)
from albert_tfx.encoders import layers
from albert_tfx.encoders.configuration import GELU, GELU_TANH, EncoderConfiguration
from albert_tfx.engine.inference import infer, normalize
from albert_tfx.engine.layer import LayerKind, LayerWeights, Saved, backward, forward
from albert_tfx.engine.products import product
from albert_tfx.engine.weights import EncoderVariables
from albert_tfx.resources import gpu

_LOGGER = logging.getLogger(__name__)
_HUB_EPSILON = 1e-12  # tf-models-official's `EncoderScaffold`
_TOLERANCE = 1e-4  # of the largest output: float32 rounds otherwise in another order
_MOST_KEPT = 4 << 30  # so that a training fits into 8 GB
# Of their norm: bfloat16 rounds by far less, what is wrong is off by more.
_GRADIENT_TOLERANCE = 0.2
_ENCODER_OUTPUTS = "encoder_outputs"

Inputs = Mapping[str, tf.Tensor]
SavedEncoder = Callable[..., Mapping[str, Any]]
Program = Callable[..., Any]
# What XLA and the private API that `product` uses raise where they cannot be had.
_REFUSALS = (
    tf.errors.OpError,
    ImportError,
    AttributeError,
    NotImplementedError,
    TypeError,
    ValueError,
)


@dataclasses.dataclass(frozen=True)
class EncoderKind:
    """What an encoder computes, besides its weights.

    Attributes:
      layer: What each layer computes in inference.
      order: For each layer that a token passes, the number of its weights.
      hidden_dropout: Rate, in training alone.
      attention_dropout: Rate for attention weights, in training alone.
    """

    layer: LayerKind
    order: tuple[int, ...]
    hidden_dropout: float = 0.0
    attention_dropout: float = 0.0

    @classmethod
    def of(cls, configuration: EncoderConfiguration) -> "EncoderKind":
        """Returns the kind of a converted encoder."""
        inner = configuration.inner_layers
        groups = [configuration.group_of(layer) for layer in range(configuration.layers)]
        return cls(
            LayerKind(
                configuration.heads, configuration.activation, configuration.layer_norm_epsilon
            ),
            tuple(group * inner + each for group in groups for each in range(inner)),
            configuration.hidden_dropout,
            configuration.attention_dropout,
        )


class EngineEncoder:
    """Computes what a SavedModel's encoder does."""

    def __init__(
        self,
        variables: EncoderVariables,
        kind: EncoderKind,
        precision: tf.DType = tf.float32,
        is_compiled: bool = False,
        largest: tuple[int, int] = (0, 0),
        trained: int | None = None,
    ) -> None:
        """Takes the variables, which stay those of the SavedModel.

        Args:
          variables: Of the encoder.
          kind: What it computes.
          precision: Operands of the layers' products: float32, or bfloat16 for `infer` and where
            it is compiled.
          is_compiled: Whether XLA compiles the layers, but for `infer`.
          largest: Texts of a training step, and tokens of the longest. Where the backward pass
            would need more of the forward one than `_most_kept` returns, a step keeps the inputs of
            the layers alone and computes each layer again, with the same result (Chen et al.
            2016, https://arxiv.org/abs/1604.06174).
          trained: Last layers whose weights have gradients, where all have weights of their own;
            those below them and the embeddings have none then, and cost no backward pass.
        """
        self._variables = variables
        self._kind = kind
        self._precision = precision
        self._first_trained = 0 if trained is None else len(kind.order) - trained
        self._recompute = self.kept_bytes(*largest) > _most_kept()
        self._is_compiled = is_compiled

    @tf.autograph.experimental.do_not_convert
    def __call__(self, inputs: Inputs, training: bool = False) -> dict[str, tf.Tensor]:
        """Encodes a batch; its gradients with respect to the variables are those of the SavedModel.

        Args:
          inputs: int32 `[batch, length]` each: `input_word_ids`, `input_mask`, `input_type_ids`.
          training: Whether there is dropout.

        Returns:
          float32 `sequence_output` `[batch, length, hidden_size]` and, where there is a pooler,
          `pooled_output` `[batch, hidden_size]`.
        """
        kind, seed = self._kind.layer, _no_seed()
        if training and self._variables.seed is not None:
            rates = self._kind.hidden_dropout, self._kind.attention_dropout
            kind = dataclasses.replace(kind, hidden_dropout=rates[0], attention_dropout=rates[1])
            seed = self._variables.seed.assign_add([0, 1])
        kind = dataclasses.replace(kind, precision=self._precision)
        pass_layers = functools.partial(self._pass_layers, kind=kind, seed=seed)
        return self._encode(inputs, pass_layers, kind.hidden_dropout, seed)

    @tf.autograph.experimental.do_not_convert
    def infer(self, inputs: Inputs) -> dict[str, tf.Tensor]:
        """Encodes a batch as `__call__` does without training, and keeps nothing for gradients.

        Its graph has TensorFlow's own operations alone, and can be exported.
        """
        return self._encode(inputs, self._infer_layers, 0.0, _no_seed())

    def _encode(
        self,
        inputs: Inputs,
        pass_layers: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
        rate: float,
        seed: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        embedded = self._embed(inputs, rate, seed)
        mask = tf.cast(inputs[INPUT_MASK], tf.float32)
        rows = tf.reshape(embedded, [-1, embedded.shape[-1]])
        rows = pass_layers(rows, (1.0 - mask) * layers.MASKED)
        sequence = tf.reshape(rows, tf.shape(embedded))
        return {SEQUENCE_OUTPUT: sequence, **self._pool(sequence)}

    def _embed(self, inputs: Inputs, rate: float, seed: tf.Tensor) -> tf.Tensor:
        """Returns float32 `[batch, length, hidden_size]`."""
        by_name, ids = self._variables.by_name, inputs[INPUT_WORD_IDS]
        embedded = tf.gather(by_name["embeddings/tokens"], ids)
        embedded += by_name["embeddings/positions"][: tf.shape(ids)[1]]
        if "embeddings/segments" in by_name:
            embedded += tf.gather(by_name["embeddings/segments"], inputs[INPUT_TYPE_IDS])
        gamma, beta = (by_name[f"embeddings/layer_norm/{name}"] for name in ("gamma", "beta"))
        embedded = normalize(embedded, gamma, beta, self._kind.layer.epsilon)
        embedded = layers.SeededDropout(seed)(embedded, rate)
        return self._dense("embedding_projection", embedded)

    def _pool(self, sequence: tf.Tensor) -> dict[str, tf.Tensor]:
        if not self._variables.has_pooler:
            return {}
        return {POOLED_OUTPUT: tf.tanh(self._dense("pooler", sequence[:, 0]))}

    def _dense(self, name: str, values: tf.Tensor) -> tf.Tensor:
        """Returns `values` behind a dense layer, unchanged where there is none of that name."""
        kernel = self._variables.by_name.get(f"{name}/kernel")
        if kernel is None:
            return values
        return tf.tensordot(values, kernel, 1) + self._variables.by_name[f"{name}/bias"]

    def _pass_layers(
        self, values: tf.Tensor, bias: tf.Tensor, kind: LayerKind, seed: tf.Tensor
    ) -> tf.Tensor:
        """Maps float32 `[batch * length, hidden_size]` to the same shape, through all layers."""
        run_forward, run_backward = _programs(kind, self._is_compiled)
        order, first = list(enumerate(self._kind.order)), self._first_trained
        distinct = [self._variables.layer(index) for index in range(self._variables.layers)]
        fixed = [each.reduced(kind.precision) for each in distinct[:first]]
        seeds = [layers.seed_of_mask(seed, 2 + 3 * place) for place, _ in order]

        @tf.custom_gradient
        def run(values: tf.Tensor, *flat: tf.Tensor) -> tuple[tf.Tensor, Callable[..., Any]]:
            trained = [LayerWeights(*each).reduced(kind.precision) for each in _apart(flat)]
            weights = [*fixed, *trained]
            kept: list[Any] = []
            for place, index in order:
                result, saved = run_forward(values, bias, weights[index], seed=seeds[place])
                if place >= first:
                    kept.append(values if self._recompute else saved)
                values = result

            def gradients(gradient: tf.Tensor) -> list[tf.Tensor | None]:
                summed = [LayerWeights(*map(tf.zeros_like, each)) for each in _apart(flat)]
                for place, index in reversed(order[first:]):
                    saved = kept[place - first]
                    if self._recompute:
                        with tf.control_dependencies([gradient]):
                            values = tf.identity(saved)
                        saved = run_forward(values, bias, weights[index], seed=seeds[place])[1]
                    gradient, summed[index - first] = run_backward(
                        gradient, saved, weights[index], summed[index - first]
                    )
                return [None if first else gradient, *tf.nest.flatten(summed)]

            return values, gradients

        return run(values, *tf.nest.flatten(distinct[first:]))

    def _infer_layers(self, values: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
        """Does what `_pass_layers` does, without a gradient."""
        weights = [
            self._variables.layer(index).reduced(self._precision)
            for index in range(self._variables.layers)
        ]
        kind = dataclasses.replace(self._kind.layer, precision=self._precision)
        for index in self._kind.order:
            values = infer(values, bias, weights[index], kind)
        return values

    def kept_bytes(self, batch_size: int, length: int) -> int:
        """Returns the bytes that a step keeps for its backward pass, without recomputation."""
        hidden_size, wide = self._variables.by_name["layer_0/intermediate/kernel"].shape
        rows = batch_size * length
        # See `layer.Saved`: eight of the layers' width, and two within the feed-forward part.
        numbers = rows * (8 * hidden_size + 2 * wide) + rows * length * self._kind.layer.heads
        trained = len(self._kind.order) - self._first_trained
        return int(numbers * self._precision.size * trained)


@functools.cache
def _programs(kind: LayerKind, is_compiled: bool) -> tuple[Program, Program]:
    """Returns a layer's two passes, the same ones at each call.

    So XLA compiles them once for each length, however many engines and trainings of a process use
    them: those of a search of rates, then those of each seed.
    """
    run_forward = functools.partial(forward, kind=kind)
    run_backward = functools.partial(_added_backward, kind=kind)
    if not is_compiled:
        return run_forward, run_backward
    return (
        tf.function(run_forward, jit_compile=True),
        tf.function(run_backward, jit_compile=True),
    )


def _apart(flat: Sequence[tf.Tensor]) -> list[Sequence[tf.Tensor]]:
    """Returns the weights of each layer, of those of all."""
    size = len(LayerWeights._fields)
    return [flat[start : start + size] for start in range(0, len(flat), size)]


def _no_seed() -> tf.Tensor:
    return tf.zeros([2], tf.int64)


def _added_backward(
    gradient: tf.Tensor, saved: Saved, weights: LayerWeights, summed: LayerWeights, kind: LayerKind
) -> tuple[tf.Tensor, LayerWeights]:
    """Returns what `layer.backward` does, the weights' gradients added to those of other layers."""
    values, own = backward(gradient, saved, weights, kind)
    return values, LayerWeights(*(one + other for one, other in zip(own, summed, strict=True)))


def engine_for(
    saved: SavedEncoder,
    variables: Sequence[tf.Variable],
    configuration: EncoderConfiguration | None,
    **options: Any,
) -> EngineEncoder | None:
    """Returns the engine of a SavedModel, None and a word in the log where it has none.

    Of dropout within a SavedModel nothing tells the rates: such an encoder has an engine that
    infers, and none that is compiled, to train.

    Args:
      saved: The loaded SavedModel.
      variables: All its variables.
      configuration: Of a converted encoder; None of any other SavedModel, whose kind is found by
        trying.
      **options: Of `EngineEncoder`.
    """
    try:
        found = EncoderVariables.of(variables)
        with gpu.exact_products():
            kind = _equal_kind(saved, found, configuration)
            if configuration is None and options.get("is_compiled"):
                _refuse_dropout(saved)
        made = EngineEncoder(found, kind, **options)
        if options.get("precision") == tf.bfloat16 and options.get("is_compiled"):
            _try_products()
            if tf.config.list_logical_devices("GPU"):
                exact = EngineEncoder(found, kind, trained=options.get("trained"))
                _try_training(made, exact, found)
    except _REFUSALS as error:
        _LOGGER.warning("The encoder runs as the SavedModel that it is: %s", error)
        return None
    return made


def _equal_kind(
    saved: SavedEncoder, variables: EncoderVariables, configuration: EncoderConfiguration | None
) -> EncoderKind:
    """Returns the kind by which an engine gives the outputs of the SavedModel.

    Raises:
      ValueError: No kind does.
    """
    inputs = _few_inputs()
    mask = inputs[INPUT_MASK]
    expected = saved(inputs, training=False)
    if configuration is not None:
        candidates = [EncoderKind.of(configuration)]
    else:
        candidates = _kinds_of_hub(variables, len(expected.get(_ENCODER_OUTPUTS, ())))
    for kind in candidates:
        found = EngineEncoder(variables, kind)(inputs)
        if all(_is_close(values, expected[name], mask) for name, values in found.items()):
            return kind
    raise ValueError("its layers compute something else")


def _few_inputs() -> Inputs:
    ids = tf.constant([[2, 5, 7, 6, 3], [2, 9, 3, 0, 0]])
    mask = tf.cast(ids != 0, tf.int32)
    return {INPUT_WORD_IDS: ids, INPUT_MASK: mask, INPUT_TYPE_IDS: tf.zeros_like(ids)}


def _kinds_of_hub(variables: EncoderVariables, passed: int) -> list[EncoderKind]:
    """Returns what an encoder of TF Hub may be: one set of weights for all layers, or one each."""
    if variables.heads is None or variables.layers not in (1, passed):
        return []
    order = tuple(place % variables.layers for place in range(passed))
    return [
        EncoderKind(LayerKind(variables.heads, activation, _HUB_EPSILON), order)
        for activation in (GELU_TANH, GELU)
    ]


def _refuse_dropout(saved: SavedEncoder) -> None:
    inferred, trained = (
        saved(_few_inputs(), training=each)[SEQUENCE_OUTPUT] for each in (False, True)
    )
    if not np.allclose(trained, inferred, atol=1e-3):
        raise ValueError("its rates of dropout are not known")


def _is_close(values: tf.Tensor, expected: tf.Tensor, mask: tf.Tensor) -> bool:
    """Returns whether outputs are equal but for rounding, at the real tokens."""
    if values.shape.rank == 3:
        values, expected = (tf.boolean_mask(each, mask) for each in (values, expected))
    bound = _TOLERANCE * float(tf.reduce_max(tf.abs(expected)))
    return bool(tf.reduce_max(tf.abs(values - expected)) <= bound)


def _try_products() -> None:
    """Multiplies once in bfloat16, by the private API that `product` uses."""
    one = tf.ones([2, 2], tf.bfloat16)
    tf.function(product, jit_compile=True)(one, one)


def _try_training(
    made: EngineEncoder, reference: EngineEncoder, variables: EncoderVariables
) -> None:
    """Runs both passes of an engine once, on a device for which it was not tried beforehand.

    Dropout moves gradients at random, so that those with it need be finite only.

    Raises:
      ValueError: Its gradients are not nearly those of the reference.
    """
    of = [each for each in variables.by_name.values() if each.dtype.is_floating]
    found, expected = (_gradients(encode, of, training=False) for encode in (made, reference))
    is_close = bool(tf.norm(found - expected) < _GRADIENT_TOLERANCE * tf.norm(expected))
    if not is_close or not np.isfinite(_gradients(made, of, training=True)).all():
        raise ValueError("its gradients in bfloat16 are wrong on this device")


def _gradients(
    encode: EngineEncoder, variables: Sequence[tf.Variable], training: bool
) -> tf.Tensor:
    """Returns the gradients of a few outputs in one vector."""

    @functools.partial(tf.function, autograph=False)
    def run() -> tf.Tensor:
        with tf.GradientTape() as tape:
            outputs = encode(_few_inputs(), training=training)
            loss = tf.reduce_sum(outputs[SEQUENCE_OUTPUT][:, :, 0])
        found = tape.gradient(loss, variables, unconnected_gradients="zero")
        return tf.concat([tf.reshape(each, [-1]) for each in found], 0)

    return run()


def _most_kept() -> int:
    """Returns the bytes that a step may keep: on a GPU half of what is free."""
    free = gpu.free_bytes()
    return _MOST_KEPT if free is None else free // 2
