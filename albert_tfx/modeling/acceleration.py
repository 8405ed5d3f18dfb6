"""Two ways to make a model faster: XLA, and matrix products in bfloat16 on a CPU.

XLA compiles a part of a model into one fused program for each shape that it meets. A SavedModel's
functions call one another. XLA's compiler goes through such calls over and over, for many minutes
with the gradient of an encoder of twelve layers; so they are inlined first.

oneDNN multiplies in bfloat16 where the processor can. TensorFlow's graph optimizer puts the casts
into a graph as it is run (auto mixed precision). That training bears it: Kalamkar et al. 2019, "A
Study of BFLOAT16 for Deep Learning Training". Weights, gradients and updates stay float32, and so
does the same graph exported, or run without it.
"""

import functools
import logging
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

_LOGGER = logging.getLogger(__name__)
_PLACEHOLDER = "Placeholder"
# What tracing, inlining and XLA itself raise where an operation has no kernel or no fixed shape.
_REFUSALS = (tf.errors.OpError, NotImplementedError, TypeError, ValueError)

_OPTION = "auto_mixed_precision_onednn_bfloat16"
_SIZE = 1024
_PRODUCTS = 8
_TRIES = 5
# A processor without bfloat16 products comes out at 1 or below, one with them near 2 or above.
_WORTHWHILE = 1.3

P = ParamSpec("P")
R = TypeVar("R")


def compiled_where_possible(
    function: Callable[[tf.Tensor], tf.Tensor], signature: tf.TensorSpec, example: tf.Tensor
) -> tf.types.experimental.GenericFunction:
    """Returns `function` compiled; plain, and with a warning, where XLA refuses it.

    Args:
      function: As for `compiled`.
      signature: As for `compiled`.
      example: What to try it on, and its gradient.
    """
    try:
        run = compiled(function, signature)
        with tf.GradientTape() as tape:
            output = run(example)
        tape.gradient(output, tape.watched_variables())
    except _REFUSALS as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        _LOGGER.warning("The encoder runs uncompiled, as XLA refuses it (%s)", reason)
        return tf.function(function, reduce_retracing=True)
    return run


def compiled(
    function: Callable[[tf.Tensor], tf.Tensor], signature: tf.TensorSpec
) -> tf.types.experimental.GenericFunction:
    """Returns `function`, compiled.

    Gradients with respect to its variables are compiled as well. XLA makes a program for each shape
    at its first call, which takes seconds.

    Args:
      function: From one tensor to another, made of operations that XLA has.
      signature: Its tensor, of unknown dimensions wherever they may differ.
    """
    traced = tf.function(function, input_signature=[signature]).get_concrete_function()
    graph, variables = _inlined(traced), traced.variables

    @tf.function(jit_compile=True, input_signature=[signature])
    def run(tensor: tf.Tensor) -> tf.Tensor:
        for variable in variables:
            variable.read_value()  # Tells a gradient tape that what follows depends on it.
        capture = tf.compat.v1.get_default_graph().capture
        inputs = {inner.name: capture(outer) for outer, inner in traced.graph.captures}
        inputs[traced.inputs[0].name] = tensor
        (output,) = tf.graph_util.import_graph_def(graph, inputs, [traced.outputs[0].name])
        return output

    return run


def _inlined(traced: tf.types.experimental.ConcreteFunction) -> tf.compat.v1.GraphDef:
    """Returns the graph of `traced` with no function left in it, and without its inputs."""
    graph = convert_to_constants._run_inline_graph_optimization(
        traced, lower_control_flow=False, aggressive_inlining=True
    )
    operations = [node for node in graph.node if node.op != _PLACEHOLDER]
    del graph.node[:]
    graph.node.extend(operations)
    return graph


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
    times: dict[Callable[[tf.Tensor], tf.Tensor], float] = {
        full: float("inf"),
        reduced: float("inf"),
    }
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
