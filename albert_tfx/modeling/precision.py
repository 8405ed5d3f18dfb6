"""Reduced precision on a CPU: oneDNN's matrix products in bfloat16, where the processor has them.

TensorFlow's graph optimizer puts the casts into a graph as it is run (auto mixed precision). That
training bears it: Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning Training".
Weights, gradients and updates stay float32, and so does the same graph exported, or run without it.
"""

import functools
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import tensorflow as tf

_OPTION = "auto_mixed_precision_onednn_bfloat16"
_SIZE = 1024
_PRODUCTS = 8
_TRIES = 5
# A processor without bfloat16 products comes out at 1 or below, one with them near 2 or above.
_WORTHWHILE = 1.3

P = ParamSpec("P")
R = TypeVar("R")


def in_bfloat16(function: Callable[P, R]) -> Callable[P, R]:
    """Returns `function` with the matrix products of the `tf.function`s that it calls in bfloat16.

    What XLA compiles is left as it is.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        tf.config.optimizer.set_experimental_options({_OPTION: True})
        try:
            return function(*args, **kwargs)
        finally:
            tf.config.optimizer.set_experimental_options({_OPTION: False})

    return run


def bfloat16_pays() -> bool:
    """Measures whether this processor multiplies matrices faster in bfloat16; takes a second."""
    matrix = tf.random.stateless_normal([_SIZE, _SIZE], [1, 2]) / _SIZE**0.5
    full = tf.function(_product)
    reduced = in_bfloat16(tf.function(_product))
    times: dict[Callable, float] = {full: float("inf"), reduced: float("inf")}
    for _ in range(_TRIES):
        for run, best in times.items():
            started = time.monotonic()
            run(matrix).numpy()
            times[run] = min(best, time.monotonic() - started)
    return times[full] / times[reduced] >= _WORTHWHILE


def _product(matrix: tf.Tensor) -> tf.Tensor:
    result = matrix
    for _ in range(_PRODUCTS):
        result = tf.matmul(result, matrix)
    return result
