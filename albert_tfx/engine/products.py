"""Matrix products whose operands may be bfloat16, and whose sums are float32.

TensorFlow's own product of bfloat16 rounds its result to bfloat16. XLA's need not, and is twice as
fast where it does not: on an AMD Zen 5 of two cores 740 to 876 GFLOP/s against 402.
"""

import tensorflow as tf


def product(
    left: tf.Tensor, right: tf.Tensor, transpose_a: bool = False, transpose_b: bool = False
) -> tf.Tensor:
    """Returns the float32 product of two matrices, or of two batches of them.

    Args:
      left: float32, or bfloat16 in what XLA compiles.
      right: Likewise, of the same rank, 2 or 3.
      transpose_a: Whether to transpose the left one first.
      transpose_b: Whether to transpose the right one first.
    """
    if left.dtype == tf.float32:
        return tf.matmul(left, right, transpose_a, transpose_b)
    # No public API: `encoder.py` falls back where it is missing.
    from tensorflow.compiler.tf2xla.python import xla

    batch = range(left.shape.rank - 2)
    dimensions = xla.xla_data_pb2.DotDimensionNumbers(
        lhs_contracting_dimensions=[len(batch) + (0 if transpose_a else 1)],
        rhs_contracting_dimensions=[len(batch) + (1 if transpose_b else 0)],
        lhs_batch_dimensions=batch,
        rhs_batch_dimensions=batch,
    )
    return xla.dot_general(left, right, dimensions, preferred_element_type=tf.float32)


def kept_for_weights(inputs: tf.Tensor) -> tf.Tensor:
    """Returns the inputs of a product as `weight_gradient` takes them.

    bfloat16 is kept transposed: XLA's product of a transposed left side is half as fast.
    """
    return inputs if inputs.dtype == tf.float32 else tf.transpose(inputs)


def weight_gradient(kept: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Returns a kernel's float32 gradient `[inputs, outputs]`, summed over rows.

    Args:
      kept: Of the inputs `[rows, inputs]`, by `kept_for_weights`.
      gradient: Of the same dtype, `[rows, outputs]`.
    """
    return product(kept, gradient, transpose_a=kept.dtype == tf.float32)
