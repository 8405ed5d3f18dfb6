"""What the first GPU of a machine offers: bfloat16, and memory."""

import contextlib
import ctypes
from collections.abc import Iterator

import tensorflow as tf

# NVIDIA's Ampere. "CUDA C++ Programming Guide", Compute Capabilities:
# https://docs.nvidia.com/cuda/cuda-c-programming-guide/
_BFLOAT16_SINCE = (8, 0)
_DRIVER = "libcuda.so.1"


def has_bfloat16() -> bool:
    """Returns whether the GPU multiplies in bfloat16; where it is not NVIDIA's, that is not known.

    Raises:
      IndexError: There is no GPU.
    """
    first = tf.config.list_physical_devices("GPU")[0]
    details = tf.config.experimental.get_device_details(first)
    return tuple(details.get("compute_capability", (0, 0))) >= _BFLOAT16_SINCE


def free_bytes() -> int | None:
    """Returns the GPU's memory less what TensorFlow has in use, None where that is not known.

    TensorFlow reserves nearly all of it beforehand, so that the driver would say that none is free.
    """
    if not tf.config.list_logical_devices("GPU"):
        return None
    try:
        return _total_bytes() - int(tf.config.experimental.get_memory_info("GPU:0")["current"])
    except (OSError, AttributeError, ValueError):
        return None


@contextlib.contextmanager
def exact_products() -> Iterator[None]:
    """Lets float32 products have all their bits: from Ampere on, operands lose 13 by default."""
    is_rounded = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(is_rounded)


def _total_bytes() -> int:
    """Asks NVIDIA's driver, https://docs.nvidia.com/cuda/cuda-driver-api/group__CUDA__DEVICE.html.

    Raises:
      OSError: There is no driver, or it does not answer.
    """
    driver, device, total = ctypes.CDLL(_DRIVER), ctypes.c_int(), ctypes.c_size_t()
    failed = (
        driver.cuInit(0)
        or driver.cuDeviceGet(ctypes.byref(device), 0)
        or driver.cuDeviceTotalMem_v2(ctypes.byref(total), device)
    )
    if failed:
        raise OSError(f"NVIDIA's driver answers with error {failed}")
    return total.value
