"""The text encoder, by TF Hub's interface.

The interface is that of https://www.tensorflow.org/hub/common_saved_model_apis/text: from
`input_word_ids`, `input_mask` and `input_type_ids` to `pooled_output` and `sequence_output`. Any
encoder that keeps it fits: the embedded ALBERT, Google's, or one's own.
"""

import collections
import dataclasses
import functools
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import apache_beam as beam
import numpy as np
import tensorflow as tf
import tensorflow_hub
from apache_beam.utils import shared

from albert_tfx.contract import (
    EMBEDDING_GEN,
    INPUT_MASK,
    INPUT_TYPE_IDS,
    INPUT_WORD_IDS,
    LABEL,
    POOLED_OUTPUT,
    SEQUENCE_OUTPUT,
    TEXT,
)
from albert_tfx.encoders import configuration, facts, resolution, saved_models
from albert_tfx.encoders.layers import DROPOUT_SEED
from albert_tfx.encoders.resolution import resolve
from albert_tfx.engine.encoder import EngineEncoder, engine_for
from albert_tfx.engine.weights import EncoderVariables, are_known, of_last_layers
from albert_tfx.errors import InputError
from albert_tfx.modeling import acceleration, batches, tokens
from albert_tfx.modeling.tokens import PADDING_ID
from albert_tfx.options import (
    AUTO_POOLING,
    CLS,
    FLOAT32,
    XLA_AUTO,
    XLA_OFF,
    XLA_ON,
    EmbeddingOptions,
)
from albert_tfx.progress import Progress, report

_T = TypeVar("_T")
_Encode = Callable[[Mapping[str, tf.Tensor]], Mapping[str, tf.Tensor]]
_Pool = Callable[[tf.Tensor], tf.Tensor]

_IDS = tf.TensorSpec([None, None], tf.int32)
# Tokens of one length that must still come before compiling pays, see benchmarks/README.md.
_TOKENS_TO_COMPILE_FOR = {XLA_ON: 0, XLA_AUTO: 300_000, XLA_OFF: math.inf}
# Batches of other lengths that are assumed before any is seen.
_BATCHES_ASSUMED = 8


def check(
    encoder: str,
    preprocessor: str,
    sequence_length: int,
    pooling: str,
    inference_precision: str = FLOAT32,
    unfreeze: int | None = None,
) -> resolution.Description:
    """Refuses an encoder that is damaged, or that the options do not fit; returns what is known.

    Reads the encoder's files only; it is not loaded.

    Raises:
      InputError: A model cannot be found or is damaged, the two have different vocabularies,
        `sequence_length` exceeds the encoder's positions, or `pooling` cannot be had of it, nor
        `inference_precision`, nor that its last layers alone are trained.
    """
    known = resolution.describe(encoder)
    if inference_precision != FLOAT32:
        _required(are_known(_names(encoder)) or None, encoder, inference_precision)
    if unfreeze is not None:
        _last_layers(encoder, _names(encoder), unfreeze)
    vocabulary_size = tokens.vocabulary_size(preprocessor)
    if preprocessor != encoder:
        _require_embedding(encoder, preprocessor, vocabulary_size)
    return dataclasses.replace(known, pooling=require_fit(known, sequence_length, pooling))


def require_fit(known: resolution.Description, sequence_length: int, pooling: str) -> str:
    """Refuses an encoder that the options do not fit; returns the pooling that they settle on.

    Raises:
      InputError: `sequence_length` exceeds the encoder's positions, or `pooling` cannot be had of
        it.
    """
    resolution.require_positions(known, sequence_length)
    return settled_pooling(known, pooling)


def settled_pooling(known: resolution.Description, pooling: str) -> str:
    """Returns how an encoder's token vectors become one: as asked, or as its folder states.

    Raises:
      InputError: It lacks the output that is needed, or its folder states what is not supported.
    """
    return facts.settled_pooling(known.handle, known.pooling, known.has_pooled_output, pooling)


def _require_embedding(encoder: str, preprocessor: str, vocabulary_size: int) -> None:
    rows = [rows for _, rows, _ in saved_models.inspect(resolve(encoder).encoder).tables]
    if vocabulary_size not in rows:
        raise InputError(
            f"The encoder {encoder} has no embedding for the {vocabulary_size:,} tokens of the "
            f"preprocessor {preprocessor} (its largest table has {max(rows, default=0):,} rows)",
            "Give the preprocessor that the encoder was trained with",
        )


def _names(encoder: str) -> list[str]:
    return [name for name, _ in saved_models.inspect(resolve(encoder).encoder).weights]


def _last_layers(encoder: str, names: Collection[str], count: int) -> frozenset[str]:
    """Returns the names of the variables of an encoder's last layers.

    Raises:
      InputError: They cannot be trained alone.
    """
    known = configuration.load(resolve(encoder).encoder)
    passed = known.layers * known.inner_layers if known else None
    try:
        return of_last_layers(names, count, passed)
    except ValueError as error:
        raise InputError(
            f"--unfreeze {count} cannot be had of the encoder {encoder}: {error}",
            "Leave --unfreeze out, give fewer layers, or an encoder whose layers have weights of "
            "their own, such as a BERT",
        ) from error


def _required(found: _T | None, encoder: str, precision: str) -> _T:
    """Returns what an encoder needs to infer in another precision than float32.

    Raises:
      InputError: There is none.
    """
    if found is None:
        raise InputError(
            f"The encoder {encoder} cannot compute in {precision}: how its layers compute is not "
            "known",
            "Leave --inference-precision out, or give an encoder of Hugging Face, or TF Hub's "
            "ALBERT or BERT",
        )
    return found


def pack(input_word_ids: tf.Tensor) -> dict[str, tf.Tensor]:
    """Returns the encoder's three inputs for one segment a review.

    Args:
      input_word_ids: int32 `[batch, length]`, padded with 0 at the end.

    Returns:
      int32 `[batch, length]` each: the ids, 1 for a real token, and the segment, always 0.
    """
    return {
        INPUT_WORD_IDS: input_word_ids,
        INPUT_MASK: tf.cast(input_word_ids != PADDING_ID, tf.int32),
        INPUT_TYPE_IDS: tf.zeros_like(input_word_ids),
    }


class PooledEncoder(tf.keras.layers.Layer):
    """A TF Hub text encoder that gives one vector a review.

    Attributes:
      encoder: The encoder itself, a `hub.KerasLayer`.
      pooling: `mean` of `sequence_output` over the real tokens, `cls` for that of the first token,
        or the encoder's `pooled_output`.
    """

    def __init__(
        self,
        handle: str,
        pooling: str,
        trainable: bool,
        inference_precision: str = FLOAT32,
        unfreeze: int | None = None,
    ) -> None:
        """Loads an encoder.

        Args:
          handle: What it is loaded from.
          pooling: One of `options.POOLINGS`.
          trainable: Whether its weights can be trained.
          inference_precision: Operands of the layers' products where it answers; weights, residual
            sums, normalisation and vectors are float32.
          unfreeze: Last layers that are trained, with the pooler; None for the whole encoder.

        Raises:
          InputError: It has not the output that pooling needs, or not that precision, or its last
            layers cannot be trained alone.
        """
        super().__init__(name="pooled_encoder", trainable=trainable)
        self._unfrozen: frozenset[str] | None = None
        if pooling == AUTO_POOLING:
            pooling = settled_pooling(resolution.describe(handle), pooling)
        self.pooling = pooling
        folder = resolve(handle).encoder
        self.encoder = tensorflow_hub.KerasLayer(folder, trainable=trainable, name="encoder")
        self._folder = folder
        self._unfreeze = unfreeze
        if unfreeze is not None:
            names = [each.name for each in self.encoder.variables if each.dtype.is_floating]
            self._unfrozen = _last_layers(handle, names, unfreeze)
        self._infer_exactly: _Encode = functools.partial(self.encoder, training=False)
        self._infer = self._infer_exactly
        if inference_precision != FLOAT32:
            engine = self._engine(precision=tf.as_dtype(inference_precision))
            self._infer = _required(engine, handle, inference_precision).infer
        self._engine_precision: tf.DType | None = None
        self._train: _Pool = self._pooled(functools.partial(self.encoder, training=True))

    @property
    def trained_share(self) -> float:
        """Part of the layers through which a training step goes back: 1 for the whole encoder."""
        if self._unfreeze is None:
            return 1.0
        return self._unfreeze / EncoderVariables.of(self.encoder.variables).layers

    @property
    def trainable_weights(self) -> list[tf.Variable]:
        """The variables that training changes."""
        weights: list[tf.Variable] = super().trainable_weights
        if self._unfrozen is None:
            return weights
        return [each for each in weights if each.name in self._unfrozen]

    @property
    def non_trainable_weights(self) -> list[tf.Variable]:
        """The others."""
        trained = {id(each) for each in self.trainable_weights}
        rest = [each for each in super().trainable_weights if id(each) not in trained]
        return [*rest, *super().non_trainable_weights]

    def train_by_engine(self, precision: tf.DType, batch_size: int, length: int) -> bool:
        """Lets training steps compute the encoder by `albert_tfx.engine`, compiled.

        What is exported, and what evaluates, stays as it is.

        Args:
          precision: Operands of the layers' products, float32 or bfloat16.
          batch_size: Texts whose gradients are computed together.
          length: Most tokens of a text.

        Returns:
          Whether there is an engine for this encoder; the log says why not.
        """
        if self._engine_precision != precision:
            engine = self._engine(
                precision=precision,
                is_compiled=True,
                largest=(batch_size, length),
                trained=self._unfreeze,
            )
            if engine is None:
                return False
            self._train = self._pooled(lambda inputs: engine(inputs, training=True))
            self._engine_precision = precision
        return True

    @property
    def has_engine(self) -> bool:
        """Whether training steps compute the encoder by `albert_tfx.engine`."""
        return self._engine_precision is not None

    def _engine(self, **options: Any) -> EngineEncoder | None:
        known = configuration.load(self._folder)
        return engine_for(self.encoder, self.encoder.variables, known, **options)

    def compile_training(self) -> None:
        """Compiles what a training step does with the encoder; what is exported stays as it is."""
        self._train = self._compiled(functools.partial(self.encoder, training=True), True)

    def seed_dropout(self, seed: int) -> None:
        """Starts a converted encoder's dropout anew from a seed; others have no such state."""
        for variable in self.encoder.variables:
            if variable.name == f"{DROPOUT_SEED}:0":
                variable.assign([seed, 0])

    def compiled_inference(self) -> tf.types.experimental.GenericFunction:
        """Returns a compiled function from ids to vectors, for inference in float32 alone."""
        return self._compiled(self._infer_exactly, has_gradient=False)

    def call(
        self, input_word_ids: tf.Tensor, training: bool = False, in_float32: bool = False
    ) -> tf.Tensor:
        """Maps int32 `[batch, length]` ids to float32 `[batch, hidden_size]` vectors.

        Args:
          input_word_ids: Padded with 0 at the end.
          training: Whether the encoder is being trained, if it can be.
          in_float32: Whether to infer in float32, whatever the precision of inference.
        """
        if training and self.trainable:
            return self._train(input_word_ids)
        return self._pool(input_word_ids, self._infer_exactly if in_float32 else self._infer)

    def _compiled(
        self, encode: _Encode, has_gradient: bool
    ) -> tf.types.experimental.GenericFunction:
        example = tf.ones([1, 2], tf.int32)
        return acceleration.compiled_where_possible(
            self._pooled(encode), _IDS, example, has_gradient
        )

    def _pooled(self, encode: _Encode) -> _Pool:
        return functools.partial(self._pool, encode=encode)

    def _pool(self, input_word_ids: tf.Tensor, encode: _Encode) -> tf.Tensor:
        inputs = pack(input_word_ids)
        outputs = encode(inputs)
        if self.pooling == POOLED_OUTPUT:
            return outputs[POOLED_OUTPUT]
        if self.pooling == CLS:
            return outputs[SEQUENCE_OUTPUT][:, 0]
        return masked_mean(outputs[SEQUENCE_OUTPUT], inputs[INPUT_MASK])


def masked_mean(sequence_output: tf.Tensor, input_mask: tf.Tensor) -> tf.Tensor:
    """Averages `[batch, length, hidden]` over the positions where `[batch, length]` is 1."""
    weights = tf.cast(input_mask, sequence_output.dtype)[:, :, tf.newaxis]
    total = tf.reduce_sum(sequence_output * weights, axis=1)
    return tf.math.divide_no_nan(total, tf.reduce_sum(weights, axis=1))


class _Embedder:
    """Runs the encoder; has it compiled for a length of which enough is still to come.

    Attributes:
      completed: How many reviews, of all splits, it has embedded.
    """

    def __init__(self, encoder: PooledEncoder, xla: str, total: int | None) -> None:
        self._encoder = encoder
        self._plain = tf.function(encoder, reduce_retracing=True)
        self._fewest_tokens = _TOKENS_TO_COMPILE_FOR[xla]
        self._total = total
        self._batches: collections.Counter[int] = collections.Counter()
        self._compiled_lengths: set[int] = set()
        self.completed = 0

    def __call__(self, ids: np.ndarray) -> np.ndarray:
        """Maps int32 `[batch, length]` ids to float32 `[batch, hidden_size]` vectors."""
        batch_size, length = ids.shape
        self._batches[length] += 1
        if self._tokens_to_come(batch_size, length) >= self._fewest_tokens:
            self._compiled_lengths.add(length)
        run = self._compiled if length in self._compiled_lengths else self._plain
        return np.asarray(run(tf.constant(ids)))

    def _tokens_to_come(self, batch_size: int, length: int) -> float:
        """Returns about how many tokens of a length are still to be embedded, padding included.

        Of reviews of unknown number there are as many to come as have come.
        """
        batches_of_length = self._batches[length]
        if self._total is None:
            return batches_of_length * batch_size * length
        share = batches_of_length / (self._batches.total() + _BATCHES_ASSUMED)
        return share * (self._total - self.completed) * length

    @functools.cached_property
    def _compiled(self) -> tf.types.experimental.GenericFunction:
        return self._encoder.compiled_inference()


class EmbedReviews(beam.DoFn):
    """Maps serialized examples of token ids to serialized examples of vectors.

    Reviews of like length go through the encoder together, in full batches of a few fixed
    shapes, so that hardly anything is padded.
    """

    def __init__(
        self, options: EmbeddingOptions, loaded: shared.Shared, total: int | None = None
    ) -> None:
        """Takes what the splits share.

        Args:
          options: How reviews are embedded.
          loaded: The handle of one loaded encoder.
          total: Reviews of all splits, where that is known, to say how far it is.
        """
        self._options = options
        self._total = total
        self._buckets = batches.bucket_lengths(options.sequence_length)
        self._loaded = loaded

    def setup(self) -> None:
        """Loads the encoder, once a process."""
        self._embed = self._loaded.acquire(self._load, tag=repr(self._options))

    def start_bundle(self) -> None:
        """Starts with no review waiting."""
        self._waiting: dict[int, list[tf.train.Example]] = collections.defaultdict(list)

    def process(self, record: bytes) -> Iterator[bytes]:
        """Embeds the review's bucket once it is full."""
        example = tf.train.Example.FromString(record)
        bucket = batches.bucket_of(len(_ids(example)), self._buckets)
        self._waiting[bucket].append(example)
        if len(self._waiting[bucket]) == self._options.batch_size:
            yield from self._embedded(self._waiting.pop(bucket))

    def finish_bundle(self) -> Iterator[beam.utils.windowed_value.WindowedValue]:
        """Embeds the reviews that still wait, each with others of about its length."""
        waiting = [example for bucket in sorted(self._waiting) for example in self._waiting[bucket]]
        for start in range(0, len(waiting), self._options.batch_size):
            for record in self._embedded(waiting[start : start + self._options.batch_size]):
                yield beam.transforms.window.GlobalWindows.windowed_value(record)

    def _load(self) -> "_Embedder":
        known = resolution.describe(self._options.encoder)
        pooling = require_fit(known, self._options.sequence_length, self._options.pooling)
        precision = self._options.inference_precision
        encoder = PooledEncoder(self._options.encoder, pooling, False, precision)
        # In bfloat16 the vectors are those of the exported graph, which XLA would round otherwise.
        xla = self._options.xla if precision == FLOAT32 else XLA_OFF
        return _Embedder(encoder, xla, self._total)

    def _embedded(self, examples: Sequence[tf.train.Example]) -> Iterable[bytes]:
        bucket = batches.bucket_of(max(len(_ids(example)) for example in examples), self._buckets)
        ids = np.full([self._options.batch_size, bucket], PADDING_ID, np.int32)
        for row, example in zip(ids, examples, strict=False):
            row[: len(_ids(example))] = _ids(example)
        vectors = self._embed(ids)[: len(examples)]
        self._embed.completed += len(examples)
        report(Progress(EMBEDDING_GEN, self._embed.completed, self._total, "texts"))
        return [_with_vector(*pair) for pair in zip(examples, vectors, strict=True)]


def _ids(example: tf.train.Example) -> Any:
    return example.features.feature[INPUT_WORD_IDS].int64_list.value


def _with_vector(example: tf.train.Example, vector: np.ndarray) -> bytes:
    embedded = tf.train.Example()
    embedded.features.feature[POOLED_OUTPUT].float_list.value.extend(vector)
    for name in (LABEL, TEXT):
        embedded.features.feature[name].CopyFrom(example.features.feature[name])
    return bytes(embedded.SerializeToString(deterministic=True))
