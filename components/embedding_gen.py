"""EmbeddingGen: the frozen encoder, run once a review as a Beam stage that TFX caches."""

import collections
import functools
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from apache_beam.utils import shared
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.v1 import proto

from albert_tfx.contract import EMBEDDING_GEN, INPUT_WORD_IDS, LABEL, POOLED_OUTPUT, TEXT
from albert_tfx.modeling import batches
from albert_tfx.modeling.encoder import PADDING_ID, PooledEncoder
from albert_tfx.options import XLA_AUTO, XLA_OFF, XLA_ON, EmbeddingOptions, decode, encode
from albert_tfx.progress import Progress, report

TRANSFORMED_EXAMPLES_KEY = "transformed_examples"
EMBEDDINGS_KEY = "embeddings"
OPTIONS_KEY = "options"
# Batches of one length before compiling pays: it takes seconds, and saves a fifth of a batch.
_BATCHES_UNCOMPILED = {XLA_ON: 0, XLA_AUTO: 32, XLA_OFF: math.inf}


class _Embedder:
    """Runs the encoder; has it compiled for a length that comes often enough to pay for it."""

    def __init__(self, encoder: PooledEncoder, xla: str) -> None:
        self._encoder = encoder
        self._plain = tf.function(encoder, reduce_retracing=True)
        self._uncompiled = _BATCHES_UNCOMPILED[xla]
        self._batches: collections.Counter[int] = collections.Counter()

    def __call__(self, ids: np.ndarray) -> np.ndarray:
        """Maps int32 `[batch, length]` ids to float32 `[batch, hidden_size]` vectors."""
        length = ids.shape[1]
        self._batches[length] += 1
        is_frequent = self._batches[length] > self._uncompiled
        return (self._compiled if is_frequent else self._plain)(tf.constant(ids)).numpy()

    @functools.cached_property
    def _compiled(self) -> tf.types.experimental.GenericFunction:
        return self._encoder.compiled_inference()


class EmbedReviews(beam.DoFn):
    """Maps serialized examples of token ids to serialized examples of vectors.

    Reviews of like length go through the encoder together, in full batches of a few fixed
    shapes, so that hardly anything is padded.
    """

    def __init__(self, options: EmbeddingOptions, loaded: shared.Shared) -> None:
        """Takes the options, and the handle by which the splits share one loaded encoder."""
        self._options = options
        self._buckets = batches.bucket_lengths(options.sequence_length)
        self._loaded = loaded

    def setup(self) -> None:
        """Loads the encoder, once a process."""
        self._embed = self._loaded.acquire(self._load, tag=repr(self._options))
        self._completed = 0

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
        encoder = PooledEncoder(self._options.encoder, self._options.pooling, trainable=False)
        return _Embedder(encoder, self._options.xla)

    def _embedded(self, examples: Sequence[tf.train.Example]) -> Iterable[bytes]:
        bucket = batches.bucket_of(max(len(_ids(example)) for example in examples), self._buckets)
        ids = np.full([self._options.batch_size, bucket], PADDING_ID, np.int32)
        for row, example in zip(ids, examples, strict=False):
            row[: len(_ids(example))] = _ids(example)
        vectors = self._embed(ids)[: len(examples)]
        self._completed += len(examples)
        report(Progress(EMBEDDING_GEN, self._completed, None, "reviews"))
        return [_with_vector(*pair) for pair in zip(examples, vectors, strict=True)]


class Executor(base_beam_executor.BaseBeamExecutor):
    """Embeds every split of `transformed_examples`."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the Beam pipeline.

        Args:
          input_dict: `transformed_examples`.
          output_dict: `embeddings`.
          exec_properties: `options`, JSON of `EmbeddingOptions`.
        """
        options = decode(EmbeddingOptions, json.loads(exec_properties[OPTIONS_KEY]))
        source = artifact_utils.get_single_instance(input_dict[TRANSFORMED_EXAMPLES_KEY])
        target = artifact_utils.get_single_instance(output_dict[EMBEDDINGS_KEY])
        target.split_names = source.split_names
        examples_utils.set_payload_format(target, proto.PayloadFormat.FORMAT_TF_EXAMPLE)
        embed = EmbedReviews(options, shared.Shared())
        with self._make_beam_pipeline() as pipeline:
            for split in artifact_utils.decode_split_names(source.split_names):
                self._embed_split(pipeline, split, source, target, embed)

    def _embed_split(
        self,
        pipeline: beam.Pipeline,
        split: str,
        source: types.Artifact,
        target: types.Artifact,
        embed: EmbedReviews,
    ) -> None:
        records = os.path.join(artifact_utils.get_split_uri([source], split), "*")
        embeddings = os.path.join(artifact_utils.get_split_uri([target], split), EMBEDDINGS_KEY)
        _ = (
            pipeline
            | f"Read[{split}]" >> beam.io.ReadFromTFRecord(records)
            | f"Embed[{split}]" >> beam.ParDo(embed)
            | f"Write[{split}]" >> beam.io.WriteToTFRecord(embeddings, file_name_suffix=".gz")
        )


class EmbeddingGenSpec(component_spec.ComponentSpec):
    """Interface of EmbeddingGen."""

    PARAMETERS = {  # noqa: RUF012
        OPTIONS_KEY: component_spec.ExecutionParameter(type=str)
    }
    INPUTS = {  # noqa: RUF012
        TRANSFORMED_EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples)
    }
    OUTPUTS = {  # noqa: RUF012
        EMBEDDINGS_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples)
    }


class EmbeddingGen(base_beam_component.BaseBeamComponent):
    """Runs the frozen encoder over token ids, so that a head can train on its vectors.

    Outputs:
      embeddings: Examples with `pooled_output`, `label` and `text`, in the splits of
        `transformed_examples`.
    """

    SPEC_CLASS = EmbeddingGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(self, transformed_examples: types.BaseChannel, options: EmbeddingOptions) -> None:
        super().__init__(
            EmbeddingGenSpec(
                transformed_examples=transformed_examples,
                options=json.dumps(encode(options)),
                embeddings=types.Channel(type=standard_artifacts.Examples),
            )
        )


def _ids(example: tf.train.Example) -> Any:
    return example.features.feature[INPUT_WORD_IDS].int64_list.value


def _with_vector(example: tf.train.Example, vector: np.ndarray) -> bytes:
    embedded = tf.train.Example()
    embedded.features.feature[POOLED_OUTPUT].float_list.value.extend(vector)
    for name in (LABEL, TEXT):
        embedded.features.feature[name].CopyFrom(example.features.feature[name])
    return embedded.SerializeToString(deterministic=True)
