"""What an exported model costs its users: bytes on disk, seconds a review."""

import dataclasses
import time
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tensorflow_text  # noqa: F401  registers the operations of the exported models

from albert_tfx.contract import SERVING_DEFAULT
from albert_tfx.data.records import records_of
from albert_tfx.storage import size

# The first call of a signature traces and optimises its graph, and a new length may do so again.
_WARM_UP = 5
_TIMED = 30


@dataclasses.dataclass(frozen=True)
class ModelCost:
    """The cost of an exported model.

    Attributes:
      bytes: Size of the SavedModel's files.
      latency_seconds: Median wall-clock time of one review, in a batch of its own.
      slow_latency_seconds: Of ten reviews, one takes longer.
    """

    bytes: int
    latency_seconds: float
    slow_latency_seconds: float


def measure_cost(folder: str, serialized: Sequence[bytes]) -> ModelCost:
    """Loads the model once and asks it about single reviews, on this machine.

    Args:
      folder: An exported model's.
      serialized: `tf.train.Example`s; see `sample_of`.
    """
    classify = tf.saved_model.load(folder).signatures[SERVING_DEFAULT]
    seconds = [_seconds(classify, each) for each in serialized]
    median, slow = np.quantile(seconds[min(_WARM_UP, len(seconds) // 2) :], (0.5, 0.9))
    return ModelCost(size(folder), float(median), float(slow))


def sample_of(uri: str, split: str) -> list[bytes]:
    """Returns the first reviews of a split of `Examples`, as many as `measure_cost` takes."""
    return list(records_of(uri, split).take(_WARM_UP + _TIMED).as_numpy_iterator())


def _seconds(classify: tf.types.experimental.ConcreteFunction, review: bytes) -> float:
    started = time.perf_counter()
    answer = classify(tf.constant([review]))
    for each in answer.values():
        each.numpy()  # waits for it
    return time.perf_counter() - started
