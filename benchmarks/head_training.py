"""The head of the frozen model, trained on vectors made once, or through the encoder each time."""

import itertools
import json
import time
from pathlib import Path

import apache_beam as beam
import tensorflow as tf
import transformed_reviews
from tfx.types import Artifact, artifact_utils, standard_artifacts

from albert_tfx.contract import FROZEN, TRAIN
from albert_tfx.data.sample_reviews import LABELS
from albert_tfx.modeling import batches, fitting
from albert_tfx.modeling.classifier import build_head, head_optimizer
from albert_tfx.modeling.encoder import PooledEncoder
from albert_tfx.options import EmbeddingOptions, PreprocessingOptions, encode
from components.embedding_gen import EmbeddingGen
from pipelines.presets import BASE_RECIPE, IN_PROCESS, trainer_options

_CLASSES = len(LABELS)


class HeadTraining:
    """The same reviews and the same head for both ways."""

    def __init__(
        self,
        encoder: Path,
        hidden_size: int,
        preprocessor: str,
        sequence_length: int,
        count: int,
        folder: Path,
    ) -> None:
        """Writes the reviews' token ids.

        Args:
          encoder: Folder of an encoder.
          hidden_size: Size of its vectors.
          preprocessor: The encoder's.
          sequence_length: Most tokens of a review.
          count: How many reviews.
          folder: Receives everything.
        """
        handle = str(encoder)
        self._options = trainer_options(
            FROZEN, BASE_RECIPE, encoder=handle, sequence_length=sequence_length
        )
        self._embedding = EmbeddingOptions(handle, sequence_length=sequence_length)
        self._hidden_size = hidden_size
        self._count = count
        self._folder = folder
        self._numbers = itertools.count()
        self._ids = transformed_reviews.transform(
            transformed_reviews.sample_reviews(count),
            PreprocessingOptions(preprocessor, sequence_length),
            folder / "ids",
        ).examples
        self._steps = max(count // self._options.batch_size, 1)

    def fit_through_encoder(self, epochs: int) -> list[float]:
        """Fits encoder and head, the encoder not trainable; returns when each epoch ended."""
        encoder = PooledEncoder(self._options.encoder, self._options.pooling, trainable=False)
        head = build_head(self._options, self._hidden_size, _CLASSES)
        model = tf.keras.Sequential([tf.keras.Input([None], dtype=tf.int32), encoder, head])
        self._compile(model, epochs)
        ends: list[float] = []
        clock = tf.keras.callbacks.LambdaCallback(
            on_epoch_end=lambda *_: ends.append(time.monotonic())
        )
        buckets = batches.bucket_lengths(self._options.sequence_length)
        read = batches.read_token_ids([self._ids])
        model.fit(
            batches.training_batches(read, self._options.batch_size, self._options.seed, buckets),
            steps_per_epoch=self._steps,
            epochs=epochs,
            callbacks=[clock],
            verbose=0,
        )
        return ends

    def embed(self) -> str:
        """Runs EmbeddingGen; returns the pattern of the files with the vectors."""
        source = _artifact(self._folder / "ids")
        source.split_names = artifact_utils.encode_split_names([TRAIN])
        target = _artifact(self._folder / f"vectors-{next(self._numbers)}")
        EmbeddingGen.test_call(
            transformed_examples=source,
            embeddings=target,
            options=json.dumps(encode(self._embedding)),
            beam_pipeline=beam.Pipeline(argv=list(IN_PROCESS)),
        )
        return f"{artifact_utils.get_split_uri([target], TRAIN)}/*"

    def fit_head(self, embeddings: str, epochs: int) -> None:
        """Fits the head on the vectors as the Trainer does; a tenth of them stand for `eval`."""
        head = build_head(self._options, self._hidden_size, _CLASSES)
        self._compile(head, epochs)
        head.optimizer.build(head.trainable_variables)
        read = batches.read_embeddings([embeddings], self._hidden_size)
        batch_size = self._options.batch_size
        fitting.fit(
            head,
            batches.training_batches(read, batch_size, self._options.seed),
            batches.evaluation_batches(read.take(max(self._count // 10, 1)), batch_size),
            fitting.Plan(
                epochs=epochs,
                steps_per_epoch=self._steps,
                best_by=fitting.BestBy.LOSS,
                checkpoints=str(self._folder / f"checkpoints-{next(self._numbers)}"),
            ),
            callbacks=[],
            on_resume=lambda _: None,
        )

    def _compile(self, model: tf.keras.Model, epochs: int) -> None:
        model.compile(
            optimizer=head_optimizer(self._options, self._steps * epochs),
            loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=[tf.keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
        )


def _artifact(folder: Path) -> Artifact:
    artifact = standard_artifacts.Examples()
    artifact.uri = str(folder)
    return artifact
