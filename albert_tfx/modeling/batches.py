"""Batches of reviews of like length, for training and embedding.

Lengths are padded to one of a few buckets: a review costs what its bucket costs, not what the
longest review would, and a compiled step meets few shapes.
"""

import hashlib
import heapq
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from albert_tfx.contract import INPUT_WORD_IDS, LABEL, POOLED_OUTPUT, TEXT
from albert_tfx.modeling.tokens import PADDING_ID

_BUCKETS = 8
_SHUFFLE_BUFFER = 100_000
# What is read at the same time, and in turn: constants, as the order follows from them.
_FILES_AT_ONCE = 4
_RECORDS_IN_TURN = 64
# One operation for many records takes a tenth of what it takes for each. Ids are padded to the
# longest of them, also in the buffer of a shuffle: so, not too many.
_PARSED_AT_ONCE = 64
_BUCKETED_AT_ONCE = 256


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
    """Reads `transformed_examples` as pairs of int32 `[padded length]` ids and an int64 label.

    The ids are padded with 0 at the end, to no length in particular.
    """
    features = {
        INPUT_WORD_IDS: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64),
        LABEL: tf.io.FixedLenFeature([], tf.int64),
    }

    def padded(reviews: dict[str, Any]) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(reviews[INPUT_WORD_IDS].to_tensor(), tf.int32), reviews[LABEL]

    return _read(file_patterns, features).map(padded).unbatch()


def read_embeddings(file_patterns: Sequence[str], hidden_size: int) -> tf.data.Dataset:
    """Reads `embeddings` as pairs of a float32 `[hidden_size]` vector and an int64 label."""
    features = {
        POOLED_OUTPUT: tf.io.FixedLenFeature([hidden_size], tf.float32),
        LABEL: tf.io.FixedLenFeature([], tf.int64),
    }
    reviews = _read(file_patterns, features)
    return reviews.map(lambda some: (some[POOLED_OUTPUT], some[LABEL])).unbatch()


def read_texts(file_patterns: Sequence[str]) -> tuple[list[bytes], np.ndarray]:
    """Returns texts and labels, int64 `[texts]`, in the order of the functions above."""
    texts, labels = _read_all(file_patterns, {TEXT: tf.string, LABEL: tf.int64})
    return texts.tolist(), labels


def read_labels(file_patterns: Sequence[str]) -> np.ndarray:
    """Returns the labels alone, int64 `[texts]`, likewise."""
    [labels] = _read_all(file_patterns, {LABEL: tf.int64})
    return labels


def sample_texts(file_patterns: Sequence[str], count: int) -> list[bytes]:
    """Returns `count` texts of `transformed_examples` or `embeddings`, in whatever order they lie.

    A hash of the text decides which, so that the same reviews give the same sample.
    """
    texts = _read(file_patterns, {TEXT: tf.io.FixedLenFeature([], tf.string)})
    return heapq.nsmallest(
        count,
        itertools.chain.from_iterable(some[TEXT] for some in texts.as_numpy_iterator()),
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


def balanced_weights(labels: np.ndarray) -> list[float]:
    """Returns a weight for each class, by which all classes count alike in a loss.

    It is n / (k * n_c) for n texts of k classes, n_c of them of the class (King and Zeng 2001,
    "Logistic Regression in Rare Events Data"; scikit-learn's `balanced`): the mean over the texts
    is 1. A class without a text has 0.

    Args:
      labels: int64 `[texts]`.
    """
    counts = np.bincount(labels)
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


def _read(file_patterns: Sequence[str], features: dict[str, object]) -> tf.data.Dataset:
    """Returns features of some records at a time, in an order that follows from the files alone."""
    files = sorted(path for pattern in file_patterns for path in tf.io.gfile.glob(pattern))
    records = tf.data.Dataset.from_tensor_slices(tf.constant(files, tf.string)).interleave(
        lambda file: tf.data.TFRecordDataset(file, compression_type="GZIP"),
        cycle_length=_FILES_AT_ONCE,
        block_length=_RECORDS_IN_TURN,
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    return records.batch(_PARSED_AT_ONCE).map(
        lambda some: tf.io.parse_example(some, features),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def _read_all(file_patterns: Sequence[str], dtypes: dict[str, tf.DType]) -> list[np.ndarray]:
    """Returns scalar features of all records, `[records]` each."""
    features = {name: tf.io.FixedLenFeature([], dtype) for name, dtype in dtypes.items()}
    parts = list(_read(file_patterns, features).as_numpy_iterator())
    return [np.concatenate([part[name] for part in parts]) for name in dtypes]


def _batched(
    reviews: tf.data.Dataset, batch_size: int, buckets: Sequence[int] | None
) -> tf.data.Dataset:
    if buckets is None:
        return reviews.batch(batch_size)
    lengths = tf.constant(buckets)
    some = reviews.padded_batch(_BUCKETED_AT_ONCE, ([buckets[-1]], []))
    numbered = some.map(lambda ids, label: (_bucket_numbers(ids, lengths), ids, label)).unbatch()

    def batch(number: tf.Tensor, of_bucket: tf.data.Dataset) -> tf.data.Dataset:
        batches = of_bucket.batch(batch_size)
        return batches.map(lambda _, ids, label: (ids[:, : lengths[number]], label))

    return numbered.group_by_window(lambda number, *_: number, batch, window_size=batch_size)


def _bucket_numbers(ids: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Returns the places of the ascending lengths `[buckets]` that hold rows of ids, int64."""
    places = tf.range(1, tf.shape(ids)[1] + 1)
    real = tf.reduce_max(tf.where(ids == PADDING_ID, 0, places), axis=1)
    return tf.searchsorted(lengths, real, out_type=tf.int64)
