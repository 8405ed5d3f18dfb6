"""Two ways to make a model faster: XLA, and matrix products in bfloat16 on a CPU.

XLA compiles a part of a model into one fused program for each shape that it meets. A SavedModel's
functions call one another. XLA's compiler goes through such calls over and over, for many minutes
with the gradient of an encoder of twelve layers; so they are inlined first.

oneDNN multiplies in bfloat16 where the processor can. TensorFlow's graph optimizer puts the casts
into a graph as it is run (auto mixed precision). That training bears it: Kalamkar et al. 2019, "A
Study of BFLOAT16 for Deep Learning Training". Weights, gradients and updates stay float32, and so
does the same graph exported, or run without it.
"""

import dataclasses
import functools
import logging
import pathlib
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import tensorflow as tf
from tensorflow.python.framework import convert_to_constants
from tensorflow.python.util import _pywrap_util_port

_LOGGER = logging.getLogger(__name__)
_PLACEHOLDER = "Placeholder"
# What tracing, inlining and XLA itself raise where an operation has no kernel or no fixed shape.
_REFUSALS = (tf.errors.OpError, NotImplementedError, TypeError, ValueError)

_OPTION = "auto_mixed_precision_onednn_bfloat16"
_AMD = "AuthenticAMD"

P = ParamSpec("P")
R = TypeVar("R")


def compiled_where_possible(
    function: Callable[[tf.Tensor], tf.Tensor],
    signature: tf.TensorSpec,
    example: tf.Tensor,
    has_gradient: bool,
) -> tf.types.experimental.GenericFunction:
    """Returns `function` compiled; plain, and with a warning, where XLA refuses it.

    Args:
      function: As for `compiled`.
      signature: As for `compiled`.
      example: What to try it on.
      has_gradient: Whether to try its gradient as well, which takes longer.
    """
    try:
        run = compiled(function, signature)
        if has_gradient:
            with tf.GradientTape() as tape:
                output = run(example)
            tape.gradient(output, tape.watched_variables())
        else:
            run(example)
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
    """Returns whether this processor multiplies in bfloat16 faster than in float32.

    AMX does, and so does AVX-512 of AMD. Intel's AVX-512 has the same bfloat16 instruction at half
    the rate of its float32 one: a product takes 1.8 times as long on a Xeon without AMX. A clock is
    not asked: other work on the machine would give one seed two models.
    """
    processor = Processor.read()
    has_fast_products = "amx_bf16" in processor.flags or (
        processor.vendor == _AMD and "avx512_bf16" in processor.flags
    )
    return has_fast_products and bool(_pywrap_util_port.IsMklEnabled())


def inference_gains_by_bfloat16() -> bool:
    """Returns whether this machine infers faster in bfloat16: by a GPU, or by its processor."""
    return bool(tf.config.list_physical_devices("GPU")) or bfloat16_pays()


@dataclasses.dataclass(frozen=True)
class Processor:
    """What Linux says of this machine's first processor; nothing elsewhere.

    Attributes:
      vendor: Such as `GenuineIntel`.
      flags: Names of its instruction sets.
    """

    vendor: str = ""
    flags: frozenset[str] = frozenset()

    @classmethod
    def read(cls, cpuinfo: str = "/proc/cpuinfo") -> "Processor":
        """Reads Linux's file of the processors."""
        path = pathlib.Path(cpuinfo)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        first = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
        fields = {name.strip(): value.strip() for name, _, value in first}
        return cls(fields.get("vendor_id", ""), frozenset(fields.get("flags", "").split()))
