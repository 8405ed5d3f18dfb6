"""Compiles a part of a model with XLA: one fused program for each shape that it meets.

A SavedModel's functions call one another. XLA's compiler goes through such calls over and over,
for many minutes with the gradient of an encoder of twelve layers; so they are inlined first.
"""

import logging
from collections.abc import Callable

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants

_LOGGER = logging.getLogger(__name__)
_PLACEHOLDER = "Placeholder"
# What tracing, inlining and XLA itself raise where an operation has no kernel or no fixed shape.
_REFUSALS = (tf.errors.OpError, NotImplementedError, TypeError, ValueError)


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
    """Returns `function`, compiled; gradients with respect to its variables are so, too.

    XLA makes a program for each shape at its first call, which takes seconds.

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
        capture = tf.compat.v1.get_default_graph().capture  # type: ignore[attr-defined]
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
