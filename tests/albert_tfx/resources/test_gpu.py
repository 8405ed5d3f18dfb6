import ctypes
from typing import Any

import pytest
import tensorflow as tf

from albert_tfx.resources import gpu


class Driver:
    """NVIDIA's driver, as far as it is asked."""

    def __init__(self, total: int, error: int = 0) -> None:
        self._total = total
        self._error = error

    def cuInit(self, flags: int) -> int:  # noqa: N802
        return flags

    def cuDeviceGet(self, device: Any, ordinal: int) -> int:  # noqa: N802
        ctypes.cast(device, ctypes.POINTER(ctypes.c_int))[0] = ordinal + 7
        return 0

    def cuDeviceTotalMem_v2(self, total: Any, device: ctypes.c_int) -> int:  # noqa: N802
        assert device.value == 7
        ctypes.cast(total, ctypes.POINTER(ctypes.c_size_t))[0] = self._total
        return self._error


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda _: ["GPU:0"])
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["physical"])
    monkeypatch.setattr(
        tf.config.experimental, "get_memory_info", lambda _: {"current": 5, "peak": 9}
    )


@pytest.mark.usefixtures("one_gpu")
@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"compute_capability": (7, 5)}, False),
        ({"compute_capability": (8, 0)}, True),
        ({"compute_capability": (10, 0)}, True),
        ({"device_name": "not NVIDIA's"}, False),
    ],
)
def test_bfloat16_comes_with_a_compute_capability(monkeypatch, details, expected):
    known = {"physical": details}
    monkeypatch.setattr(tf.config.experimental, "get_device_details", known.__getitem__)
    assert gpu.has_bfloat16() is expected


@pytest.mark.usefixtures("one_gpu")
def test_what_is_in_use_is_not_free(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: {"libcuda.so.1": Driver(80 << 30)}[name])
    assert gpu.free_bytes() == (80 << 30) - 5


@pytest.mark.usefixtures("one_gpu")
def test_a_driver_that_does_not_answer_leaves_it_unknown(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: Driver(80 << 30, error=3))
    assert gpu.free_bytes() is None


def test_without_a_gpu_nothing_is_known_of_its_memory():
    assert gpu.free_bytes() is None


@pytest.mark.parametrize("is_rounded", [True, False])
def test_exact_products_are_exact_for_a_while(is_rounded):
    rounds = tf.config.experimental.tensor_float_32_execution_enabled
    before = rounds()
    tf.config.experimental.enable_tensor_float_32_execution(is_rounded)
    try:
        with gpu.exact_products():
            assert not rounds()
        assert rounds() is is_rounded
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)
