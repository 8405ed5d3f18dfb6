"""Texts that are tokenized and embedded once, and trainings on them that differ in one choice."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
import transformed_reviews
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from albert_tfx.contract import EVAL, FINE_TUNED, FROZEN, LABEL, TEXT, TRAIN
from albert_tfx.data import tfds_source
from albert_tfx.modeling import batches, fitting, training
from albert_tfx.modeling.classifier import TextClassifier, build_head
from albert_tfx.modeling.encoder import PooledEncoder
from albert_tfx.options import AUTO_RATE, DatasetOptions, PreprocessingOptions, TrainerOptions
from albert_tfx.tuning import rates
from pipelines.presets import OTHER_RECIPE, trainer_options

if TYPE_CHECKING:
    from training_choices import Choice

_CLASSES = 2
_LAYER = re.compile(r"layer_(\d+)")


class PreparedTexts:
    """Texts of two splits, as token ids and as vectors."""

    def __init__(
        self,
        encoder: str,
        preprocessor: str,
        dataset: str,
        train: int,
        evaluated: int,
        sequence_length: int,
        folder: Path,
        most_steps: int | None = None,
    ) -> None:
        """Tokenizes and embeds them.

        Args:
          encoder: Folder of the encoder.
          preprocessor: The encoder's.
          dataset: TFDS's name of the texts, of two classes.
          train: How many to train on.
          evaluated: How many to measure.
          sequence_length: Most tokens of a text.
          folder: Receives everything.
          most_steps: Ends each training early; None for never.
        """
        self._encoder, self._length, self._folder = encoder, sequence_length, folder
        self._most_steps = most_steps
        self._trained = 0
        options = PreprocessingOptions(preprocessor, sequence_length)
        self._ids = {
            split: transformed_reviews.transform(rows, options, folder / split).examples
            for split, rows in _rows(dataset, {TRAIN: train, EVAL: evaluated}).items()
        }
        self._vectors = {split: self._embedded(split) for split in self._ids}

    def train_head(self, choice: "Choice") -> dict[str, float]:
        """Returns `accuracy` and `loss` of the head's best epoch on `eval`."""
        options = self._options(FROZEN, choice)
        tf.keras.utils.set_random_seed(options.seed)
        vectors, _ = self._vectors[TRAIN]
        head = build_head(options, vectors.shape[1], _CLASSES)
        datasets = [
            tf.data.Dataset.from_tensor_slices(self._vectors[split]) for split in (TRAIN, EVAL)
        ]
        return self._fitted(head, options, choice, datasets, None)

    def fine_tune(self, choice: "Choice") -> dict[str, float]:
        """Returns the same of the fine-tuned model."""
        options = training.with_precision(self._options(FINE_TUNED, choice))
        tf.keras.utils.set_random_seed(options.seed)
        classifier = training.build(options, _CLASSES)
        if options.encoder_learning_rate == AUTO_RATE:
            rate = rates.by_size(classifier.encoder.count_params())
            options = dataclasses.replace(options, encoder_learning_rate=rate)
        datasets = [batches.read_token_ids([self._ids[split]]) for split in (TRAIN, EVAL)]
        buckets = batches.bucket_lengths(self._length)
        return self._fitted(classifier, options, choice, datasets, buckets)

    def logistic_regression(self) -> tuple[float, float]:
        """Returns accuracy and log loss on `eval` of a logistic regression on the vectors."""
        model = LogisticRegression(max_iter=2000).fit(*self._vectors[TRAIN])
        vectors, labels = self._vectors[EVAL]
        answers = model.predict_proba(vectors)
        return float(model.score(vectors, labels)), float(log_loss(labels, answers))

    def _options(self, model: str, choice: "Choice") -> TrainerOptions:
        return trainer_options(
            model,
            OTHER_RECIPE,
            **{"encoder": self._encoder, "sequence_length": self._length, **choice.options},
        )

    def _fitted(
        self,
        model: tf.keras.Model,
        options: TrainerOptions,
        choice: "Choice",
        datasets: Sequence[tf.data.Dataset],
        buckets: list[int] | None,
    ) -> dict[str, float]:
        trained, evaluated = datasets
        epochs, steps_per_epoch = training.extent(options, len(self._vectors[TRAIN][1]))
        if self._most_steps:
            epochs, steps_per_epoch = 1, self._most_steps
        training.configure(model, options, epochs * steps_per_epoch)
        callbacks = _callbacks(model, choice)
        validation = batches.evaluation_batches(evaluated, options.batch_size, buckets)
        self._trained += 1
        fitting.fit(
            model,
            batches.training_batches(trained, options.batch_size, options.seed, buckets),
            validation,
            fitting.Plan(
                epochs=epochs,
                steps_per_epoch=steps_per_epoch,
                best_by=training.BEST_BY[options.model],
                checkpoints=str(self._folder / f"checkpoints-{self._trained}"),
            ),
            callbacks=callbacks,
            on_resume=lambda _: None,
        )
        for callback in callbacks:
            if isinstance(callback, AveragedWeights):
                callback.take()
        return dict(model.evaluate(validation, verbose=0, return_dict=True))

    def _embedded(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        encoder = PooledEncoder(self._encoder, "mean", trainable=False)
        embed = tf.function(encoder, reduce_retracing=True)
        read = batches.read_token_ids([self._ids[split]])
        found = [
            (embed(ids).numpy(), labels.numpy())
            for ids, labels in batches.evaluation_batches(
                read, 64, batches.bucket_lengths(self._length)
            )
        ]
        vectors, labels = zip(*found, strict=True)
        return np.concatenate(vectors), np.concatenate(labels)


class DecayedRates(tf.keras.callbacks.Callback):
    """Takes back a part of each update, the more the deeper the layer lies."""

    def __init__(self, classifier: TextClassifier, decay: float) -> None:
        super().__init__()
        self._variables = classifier.encoder.trainable_variables
        depths = layer_depths([variable.name for variable in self._variables])
        self._shares = [decay**depth for depth in depths]

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:  # noqa: ARG002
        """Keeps the weights."""
        self._before = [variable.read_value() for variable in self._variables]

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:  # noqa: ARG002
        """Leaves each weight with its share of the update."""
        for variable, before, share in zip(
            self._variables, self._before, self._shares, strict=True
        ):
            variable.assign(before + share * (variable - before))


def layer_depths(names: Sequence[str]) -> list[int]:
    """Returns how many layers lie above each variable's; those of no layer are embeddings.

    >>> layer_depths(["word_embeddings", "layer_0_0/kernel", "layer_1_0/kernel", "pooler/kernel"])
    [2, 1, 0, 0]
    """
    found = [_LAYER.search(name) for name in names]
    layers = 1 + max((int(match[1]) for match in found if match), default=-1)
    return [
        layers - 1 - int(match[1]) if match else 0 if "pooler" in name else layers
        for name, match in zip(names, found, strict=True)
    ]


class AveragedWeights(tf.keras.callbacks.Callback):
    """Keeps a running average of the weights."""

    def __init__(self, model: tf.keras.Model, momentum: float) -> None:
        super().__init__()
        self._weights = [weight for weight in model.weights if weight.dtype.is_floating]
        self._averages = [weight.read_value() for weight in self._weights]
        self._momentum, self._steps = momentum, 0

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:  # noqa: ARG002
        """Takes the weights into the average."""
        self._steps += 1
        kept = min(self._momentum, self._steps / (self._steps + 9))  # the start is soon forgotten
        self._averages = [
            average + (1 - kept) * (weight - average)
            for average, weight in zip(self._averages, self._weights, strict=True)
        ]

    def take(self) -> None:
        """Gives the model the averages."""
        for weight, average in zip(self._weights, self._averages, strict=True):
            weight.assign(average)


def _callbacks(model: tf.keras.Model, choice: "Choice") -> list[tf.keras.callbacks.Callback]:
    callbacks: list[tf.keras.callbacks.Callback] = []
    if choice.layer_decay != 1.0:
        callbacks.append(DecayedRates(model, choice.layer_decay))
    if choice.averaging:
        callbacks.append(AveragedWeights(model, choice.averaging))
    return callbacks


def _rows(dataset: str, counts: dict[str, int]) -> dict[str, list[transformed_reviews.Review]]:
    resolved = tfds_source.resolve(DatasetOptions(name=dataset, max_examples=max(counts.values())))
    return {
        split: [
            {TEXT: row[resolved.text_feature], LABEL: int(row[resolved.label_feature])}
            for row in tfds.as_numpy(
                resolved.builder.as_dataset(split=resolved.splits[split], shuffle_files=False).take(
                    count
                )
            )
        ]
        for split, count in counts.items()
    }
