"""This project's fine-tuning, as its Trainer does it, one measured stretch after the other."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import drawn_reviews
import tensorflow as tf

from albert_tfx.contract import FINE_TUNED
from albert_tfx.modeling import batches as reviews
from albert_tfx.modeling import training
from albert_tfx.options import TrainerOptions
from pipelines.presets import BASE_RECIPE, trainer_options

_CLASSES = 2
_STEPS = 1000  # of the learning rates' schedule


class FineTuning:
    """A classifier, built and compiled as `albert_tfx.modeling.training` does.

    Attributes:
      precision: Of its matrix products.
    """

    def __init__(self, encoder: Path, batch_size: int, folder: Path, **chosen: str) -> None:
        """Builds the model.

        Args:
          encoder: Folder of an encoder.
          batch_size: Reviews in a step.
          folder: Receives the reviews.
          **chosen: Further fields of `TrainerOptions`.
        """
        self._batch_size = batch_size
        self._folder = folder
        self._numbers = itertools.count()
        options = trainer_options(
            FINE_TUNED,
            BASE_RECIPE,
            encoder=str(encoder),
            batch_size=batch_size,
            dropout=0.0,
            **chosen,
        )
        self.precision = training.with_precision(options).precision
        self._step = train_function(options)

    def rate(self, ids: list[list[int]], sequence_length: int, steps: int) -> Callable[[], float]:
        """Returns a measurement of reviews/s in so many steps on these reviews.

        The first steps, in which TensorFlow traces and allocates, are taken before. Of more batches
        than there are steps, some are chosen evenly from short to long.

        Args:
          ids: Token ids of the reviews.
          sequence_length: Most tokens of a review; fixes the length buckets.
          steps: Steps in a measurement.
        """
        buckets = reviews.bucket_lengths(sequence_length)
        one_batch_each = [[1] * bucket for bucket in buckets] * self._batch_size
        self._take(iter(self._batches(one_batch_each, buckets)), len(buckets))
        count = max(len(ids) // self._batch_size, 1)
        batches = iter(spread(self._batches(ids, buckets).take(count), steps))

        def measure() -> float:
            started = time.monotonic()
            self._take(batches, steps)
            return steps * self._batch_size / (time.monotonic() - started)

        return measure

    def _batches(self, ids: list[list[int]], buckets: list[int]) -> tf.data.Dataset:
        file = self._folder / f"{next(self._numbers)}.gz"
        drawn_reviews.write_records(ids, file)
        read = reviews.read_token_ids([str(file)])
        return reviews.training_batches(read, self._batch_size, seed=1, buckets=buckets)

    def _take(self, batches: Iterator, steps: int) -> None:
        for _ in range(steps):
            metrics = self._step(batches)
        for value in metrics.values():
            float(value)  # waits for the last step


def spread(batches: tf.data.Dataset, steps: int) -> tf.data.Dataset:
    """Returns some of the batches, evenly from short to long, over and over.

    So few consecutive ones would be long or short by chance.
    """
    ordered = sorted(batches, key=lambda batch: int(batch[0].shape[1]))
    stride = len(ordered) / steps
    chosen = [ordered[int((step + 0.5) * stride)] for step in range(steps)]
    made = tf.data.Dataset.from_generator(lambda: chosen, output_signature=batches.element_spec)
    return made.repeat()


def train_function(options: TrainerOptions) -> Callable:
    """Returns what takes one step on the next batch of an iterator."""
    chosen = training.with_precision(options)
    classifier = training.build(chosen, _CLASSES)
    training.configure(classifier, chosen, _STEPS)
    return classifier.make_train_function()
