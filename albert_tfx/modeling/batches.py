"""Batches of reviews of like length, for training and embedding.

Lengths are padded to one of a few buckets: a review costs what its bucket costs, not what the
longest review would, and a compiled step meets few shapes.
"""

import hashlib
import heapq
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from albert_tfx.contract import INPUT_WORD_IDS, LABEL, POOLED_OUTPUT, TEXT

_BUCKETS = 8
_SHUFFLE_BUFFER = 100_000


def bucket_lengths(sequence_length: int) -> list[int]:
    """Returns the padded lengths that a batch may have: eighths of `sequence_length`, rounded up.

    >>> bucket_lengths(256)
    [32, 64, 96, 128, 160, 192, 224, 256]
    """
    return sorted({-(-sequence_length * n // _BUCKETS) for n in range(1, _BUCKETS + 1)})


def bucket_of(length: int, buckets: Sequence[int]) -> int:
    """Returns the smallest of the ascending `buckets` that holds `length` tokens."""
    return next(bucket for bucket in buckets if length <= bucket)


def read_token_ids(file_patterns: Sequence[str]) -> tf.data.Dataset:
    """Reads `transformed_examples` as pairs of int32 `[length]` ids and an int64 label."""
    return _read(
        file_patterns,
        {
            INPUT_WORD_IDS: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
            LABEL: tf.io.FixedLenFeature([], tf.int64),
        },
    ).map(lambda review: (tf.cast(review[INPUT_WORD_IDS], tf.int32), review[LABEL]))


def read_embeddings(file_patterns: Sequence[str], hidden_size: int) -> tf.data.Dataset:
    """Reads `embeddings` as pairs of a float32 `[hidden_size]` vector and an int64 label."""
    return _read(
        file_patterns,
        {
            POOLED_OUTPUT: tf.io.FixedLenFeature([hidden_size], tf.float32),
            LABEL: tf.io.FixedLenFeature([], tf.int64),
        },
    ).map(lambda review: (review[POOLED_OUTPUT], review[LABEL]))


def read_texts(file_patterns: Sequence[str]) -> tuple[list[bytes], np.ndarray]:
    """Returns texts and labels, int64 `[texts]`, in the order of the functions above."""
    features = {
        TEXT: tf.io.FixedLenFeature([], tf.string),
        LABEL: tf.io.FixedLenFeature([], tf.int64),
    }
    found = [
        (review[TEXT], review[LABEL])
        for review in _read(file_patterns, features).as_numpy_iterator()
    ]
    texts, labels = zip(*found, strict=True)
    return list(texts), np.array(labels)


def read_labels(file_patterns: Sequence[str]) -> np.ndarray:
    """Returns the labels alone, int64 `[texts]`, likewise."""
    labels = _read(file_patterns, {LABEL: tf.io.FixedLenFeature([], tf.int64)})
    return np.array([review[LABEL] for review in labels.as_numpy_iterator()], np.int64)


def sample_texts(file_patterns: Sequence[str], count: int) -> list[bytes]:
    """Returns `count` texts of `transformed_examples` or `embeddings`, in whatever order they lie.

    A hash of the text decides which, so that the same reviews give the same sample.
    """
    texts = _read(file_patterns, {TEXT: tf.io.FixedLenFeature([], tf.string)})
    return heapq.nsmallest(
        count,
        (review[TEXT] for review in texts.as_numpy_iterator()),
        key=lambda text: hashlib.sha256(text).digest(),
    )


def training_batches(
    reviews: tf.data.Dataset, batch_size: int, seed: int, buckets: Sequence[int] | None = None
) -> tf.data.Dataset:
    """Returns an endless stream of full batches, reshuffled at each pass over `reviews`.

    Args:
      reviews: Pairs of features and label.
      batch_size: Reviews in a batch.
      seed: Seed of the order.
      buckets: Padded lengths; None where the features are vectors of one size.
    """
    shuffled = reviews.shuffle(_SHUFFLE_BUFFER, seed=seed).repeat()
    return _batched(shuffled, batch_size, buckets).prefetch(tf.data.AUTOTUNE)


def balanced_weights(reviews: tf.data.Dataset) -> list[float]:
    """Returns a weight for each class, by which all classes count alike in a loss.

    It is n / (k * n_c) for n texts of k classes, n_c of them of the class (King and Zeng 2001,
    "Logistic Regression in Rare Events Data"; scikit-learn's `balanced`): the mean over the texts
    is 1. A class without a text has 0.

    Args:
      reviews: Pairs of features and label, read once.
    """
    counts = np.bincount([int(label) for _, label in reviews])
    present = np.count_nonzero(counts)
    return [float(counts.sum() / (present * each)) if each else 0.0 for each in counts]


def weighted(batches: tf.data.Dataset, class_weights: Sequence[float] | None) -> tf.data.Dataset:
    """Adds to each batch the weight of each review's class, float32 `[batch]`; without, nothing."""
    if class_weights is None:
        return batches
    weights = tf.constant(class_weights, tf.float32)
    return batches.map(lambda features, label: (features, label, tf.gather(weights, label)))


def evaluation_batches(
    reviews: tf.data.Dataset, batch_size: int, buckets: Sequence[int] | None = None
) -> tf.data.Dataset:
    """Returns one pass over `reviews`; the last batch of each bucket may be smaller."""
    return _batched(reviews, batch_size, buckets).prefetch(tf.data.AUTOTUNE)


def count(reviews: tf.data.Dataset) -> int:
    """Returns the number of elements of `reviews`, by one pass over it."""
    return int(reviews.reduce(tf.constant(0, tf.int64), lambda total, _: total + 1))


def _read(file_patterns: Sequence[str], features: dict[str, object]) -> tf.data.Dataset:
    files = sorted(path for pattern in file_patterns for path in tf.io.gfile.glob(pattern))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP")
    return records.map(lambda record: tf.io.parse_single_example(record, features))


def _batched(
    reviews: tf.data.Dataset, batch_size: int, buckets: Sequence[int] | None
) -> tf.data.Dataset:
    if buckets is None:
        return reviews.batch(batch_size)
    return reviews.bucket_by_sequence_length(
        element_length_func=lambda ids, _: tf.shape(ids)[0],
        # A boundary is the first length of the next bucket.
        bucket_boundaries=[length + 1 for length in buckets],
        bucket_batch_sizes=[batch_size] * (len(buckets) + 1),
        pad_to_bucket_boundary=True,
    )
