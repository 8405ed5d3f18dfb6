import logging
import time

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.modeling import acceleration
from albert_tfx.modeling.encoder import PooledEncoder
from pipelines.presets import MINI_ENCODER
from tests.support import models

pytestmark = pytest.mark.slow  # XLA compiles

IDS = tf.TensorSpec([None, None], tf.int32)


def vectors_and_gradients(encoder: PooledEncoder, ids: tf.Tensor) -> list[np.ndarray]:
    with tf.GradientTape() as tape:
        vectors = encoder(ids, training=True)
        loss = tf.reduce_sum(vectors**2)
    gradients = tape.gradient(loss, encoder.trainable_variables, unconnected_gradients="zero")
    return [vectors.numpy(), *(tf.convert_to_tensor(gradient).numpy() for gradient in gradients)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    return models.save_encoder(tmp_path_factory.mktemp("encoders") / "tiny")


def test_a_compiled_step_sees_the_vectors_and_gradients_of_a_plain_one():
    trainable = PooledEncoder(MINI_ENCODER, "mean", trainable=True)
    batches = [tf.constant([[2, 9, 8, 3, 0], [2, 7, 3, 0, 0]]), tf.constant([[2, 50, 60, 3]] * 3)]
    plain = [vectors_and_gradients(trainable, ids) for ids in batches]
    trainable.compile_training()
    compiled = [vectors_and_gradients(trainable, ids) for ids in batches]
    for expected, actual in zip(plain, compiled, strict=True):
        assert np.abs(expected[1]).max() > 0
        for one, other in zip(expected, actual, strict=True):
            assert np.linalg.norm(one - other) <= 1e-4 + 1e-3 * np.linalg.norm(one)


def test_a_compiled_step_follows_the_weights(tiny: str):
    trainable = PooledEncoder(tiny, "mean", trainable=True)
    trainable.compile_training()
    ids = tf.constant([[2, 9, 8, 3]])
    before = trainable(ids, training=True)
    trainable.trainable_variables[0].assign_add(
        tf.random.stateless_normal(trainable.trainable_variables[0].shape, [1, 2])
    )
    after = trainable(ids, training=True)
    assert np.abs(before - after).max() > 1e-3
    np.testing.assert_allclose(after, trainable(ids), atol=1e-5)


def test_compiled_inference_gives_the_vectors_of_the_encoder(tiny: str):
    frozen = PooledEncoder(tiny, "pooled_output", trainable=False)
    ids = tf.constant([[2, 9, 8, 3, 0], [2, 7, 3, 0, 0]])
    expected, run = frozen(ids), frozen.compiled_inference()
    del frozen  # What is compiled keeps the weights alive.
    for rows in (slice(1, 2), slice(0, 2)):
        np.testing.assert_allclose(run(ids[rows]), expected[rows], atol=1e-5)


def test_what_xla_refuses_runs_uncompiled_with_a_word(caplog: pytest.LogCaptureFixture):
    def by_way_of_text(ids: tf.Tensor) -> tf.Tensor:
        return tf.strings.to_number(tf.strings.as_string(ids))

    with caplog.at_level(logging.WARNING, logger=acceleration.__name__):
        run = acceleration.compiled_where_possible(
            by_way_of_text, IDS, tf.ones([1, 2], tf.int32), has_gradient=False
        )
    assert "runs uncompiled, as XLA refuses it (" in caplog.text
    np.testing.assert_array_equal(run(tf.constant([[1, 2]])), [[1.0, 2.0]])


def test_what_xla_takes_says_nothing(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING, logger=acceleration.__name__):
        acceleration.compiled_where_possible(
            lambda ids: tf.cast(ids, tf.float32), IDS, tf.ones([1, 2], tf.int32), has_gradient=True
        )
    assert acceleration.__name__ not in {record.name for record in caplog.records}


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
    rounded = acceleration.in_bfloat16(product)(MATRIX).numpy()
    error = np.linalg.norm(rounded - full) / np.linalg.norm(full)
    np.testing.assert_array_equal(product(MATRIX), full)
    assert error < 0.02
    if not acceleration.bfloat16_pays():
        pytest.skip("this processor multiplies no faster in bfloat16, and may not do so at all")
    assert error > 1e-4


def test_a_failure_leaves_no_precision_reduced(settings: list[bool]):
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        acceleration.in_bfloat16(fail)()
    assert settings == [True, False]


def cpuinfo(vendor: str, *flags: str) -> str:
    fields = f"vendor_id\t: {vendor}\nflags\t\t: fpu {' '.join(flags)}\nbugs\t\t: amx_bf16\n"
    return "".join(f"processor\t: {number}\n{fields}\n" for number in range(2))


@pytest.mark.parametrize(
    ("text", "pays"),
    [
        (cpuinfo("GenuineIntel", "avx512_bf16", "amx_bf16"), True),
        (cpuinfo("GenuineIntel", "avx512f", "avx512_bf16"), False),
        (cpuinfo("AuthenticAMD", "avx512f", "avx512_bf16"), True),
        (cpuinfo("AuthenticAMD", "avx512f"), False),
        ("processor\t: 0\nBogoMIPS\t: 243.75\nFeatures\t: fp asimd bf16\n", False),
        ("", False),
    ],
)
def test_bfloat16_pays_where_the_processor_multiplies_faster_in_it(
    monkeypatch, tmp_path, text, pays
):
    (tmp_path / "cpuinfo").write_text(text)
    processor = acceleration.Processor.read(str(tmp_path / "cpuinfo"))
    monkeypatch.setattr(acceleration.Processor, "read", lambda: processor)
    assert acceleration.bfloat16_pays() is pays


def test_a_machine_without_linuxs_file_is_not_known(tmp_path):
    assert acceleration.Processor.read(str(tmp_path / "cpuinfo")) == acceleration.Processor()


def test_no_clock_decides_the_precision(monkeypatch):
    for clock in ("monotonic", "perf_counter", "process_time", "time"):
        monkeypatch.setattr(time, clock, lambda: pytest.fail("a clock was read"))
    assert acceleration.bfloat16_pays() in (True, False)
