import itertools

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.modeling import precision

MATRIX = tf.constant(np.random.default_rng(1).normal(size=[256, 256]), tf.float32)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Notes whether products in bfloat16 are being switched on or off."""
    noted: list[bool] = []
    original = tf.config.optimizer.set_experimental_options

    def note(options: dict[str, bool]) -> None:
        noted.extend(options.values())
        original(options)

    monkeypatch.setattr(tf.config.optimizer, "set_experimental_options", note)
    return noted


@tf.function
def product(matrix: tf.Tensor) -> tf.Tensor:
    return tf.matmul(tf.matmul(tf.nn.relu(matrix), matrix), matrix) / 256.0


def test_only_what_is_called_in_bfloat16_is_rounded():
    full = product(MATRIX).numpy()
    rounded = precision.in_bfloat16(product)(MATRIX).numpy()
    error = np.linalg.norm(rounded - full) / np.linalg.norm(full)
    np.testing.assert_array_equal(product(MATRIX), full)
    assert error < 0.02
    if not precision.bfloat16_pays():
        pytest.skip("this processor multiplies no faster in bfloat16, and may not do so at all")
    assert error > 1e-4


def test_a_failure_leaves_no_precision_reduced(settings: list[bool]):
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        precision.in_bfloat16(fail)()
    assert settings == [True, False]


@pytest.mark.parametrize(("seconds_in_bfloat16", "pays"), [(0.5, True), (0.9, False), (4, False)])
def test_bfloat16_pays_where_it_is_measured_to_be_faster(monkeypatch, seconds_in_bfloat16, pays):
    clock = itertools.accumulate(itertools.cycle([0, 1, 0, seconds_in_bfloat16]))
    monkeypatch.setattr(precision.time, "monotonic", lambda: next(clock))
    assert precision.bfloat16_pays() is pays
