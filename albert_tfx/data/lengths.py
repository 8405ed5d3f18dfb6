"""How long the reviews of an `Examples` artifact are."""

import dataclasses

import numpy as np
import tensorflow as tf
from tfx import types
from tfx.types import artifact_utils

from albert_tfx.contract import LINE_BREAK, TEXT
from albert_tfx.data.records import records_of

_BATCH_SIZE = 1024
_QUANTILES = (0.05, 0.5, 0.95, 1.0)


@dataclasses.dataclass(frozen=True)
class ReviewLengths:
    """Words of the reviews of one split.

    Attributes:
      short: Of twenty reviews, one is shorter.
      median: Half of them are shorter.
      long: Of twenty reviews, one is longer.
      longest: Words of the longest one.
    """

    short: int
    median: int
    long: int
    longest: int


def measure_lengths(examples: types.Artifact) -> dict[str, ReviewLengths]:
    """Counts the words of every review, by split; a split without reviews is left out."""
    splits = artifact_utils.decode_split_names(examples.split_names)
    counts = {split: _count_words(examples, split) for split in splits}
    return {split: _summarize(words) for split, words in counts.items() if len(words)}


def _summarize(words: np.ndarray) -> ReviewLengths:
    return ReviewLengths(*map(int, np.quantile(words, _QUANTILES, method="nearest")))


def _count_words(examples: types.Artifact, split: str) -> np.ndarray:
    """Returns int64 `[reviews]`."""
    batches = records_of(examples, split).batch(_BATCH_SIZE)
    counts = [each.numpy() for each in batches.map(_words)]
    return np.concatenate(counts) if counts else np.zeros(0, np.int64)


def _words(serialized: tf.Tensor) -> tf.Tensor:
    parsed = tf.io.parse_example(serialized, {TEXT: tf.io.FixedLenFeature([], tf.string)})
    text = tf.strings.regex_replace(parsed[TEXT], LINE_BREAK, " ")
    return tf.strings.split(text).row_lengths()
