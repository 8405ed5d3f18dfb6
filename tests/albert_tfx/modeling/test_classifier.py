from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.modeling import acceleration
from albert_tfx.modeling.classifier import (
    TextClassifier,
    WarmupLinearDecay,
    build_head,
    encoder_optimizer,
)
from albert_tfx.options import TrainerOptions
from tests.support import training

LABELS = tf.constant([0, 1, 1, 0, 1, 0, 0, 1])
IDS = tf.constant(np.random.default_rng(1).integers(0, 50, [8, 6]), tf.int32)


def weights_after_a_step(
    head: tf.keras.Model,
    parts: int = 1,
    in_bfloat16: bool = False,
    smoothing: float = 0.0,
    weights: np.ndarray | None = None,
    encoder: type[training.MeanOfWords] = training.MeanOfWords,
) -> list[np.ndarray]:
    tf.keras.utils.set_random_seed(1)
    model = TextClassifier(encoder(), tf.keras.models.clone_model(head))
    model(IDS)
    model.compile(
        optimizer=tf.keras.optimizers.SGD(1.0),
        encoder_optimizer=tf.keras.optimizers.SGD(1.0),
        gradient_accumulation=parts,
        in_bfloat16=in_bfloat16,
        label_smoothing=smoothing,
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    logs = model.train_on_batch(IDS, LABELS, sample_weight=weights, return_dict=True)
    return [*model.get_weights(), *logs.values()]


@pytest.fixture(scope="module")
def without_normalization() -> tf.keras.Model:
    layers = tf.keras.layers
    return tf.keras.Sequential([tf.keras.Input([8]), layers.Dense(4, "tanh"), layers.Dense(2)])


@pytest.fixture(scope="module")
def full_step(without_normalization: tf.keras.Model) -> list[np.ndarray]:
    """Weights and metrics after a step in float32 with the whole batch."""
    return weights_after_a_step(without_normalization)


def test_a_step_in_bfloat16_is_nearly_the_same_and_the_only_thing_that_is(
    without_normalization: tf.keras.Model,
    full_step: list[np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
):
    reduced: list[str] = []
    original = acceleration.in_bfloat16

    def note(function: Callable) -> Callable:
        reduced.append(function.__name__)
        return original(function)

    monkeypatch.setattr(acceleration, "in_bfloat16", note)
    for one, other in zip(
        full_step, weights_after_a_step(without_normalization, in_bfloat16=True), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=0.05, atol=0.01)
    assert reduced == ["train_function"]
    weights_after_a_step(without_normalization)
    assert reduced == ["train_function"]


@pytest.mark.parametrize("parts", [2, pytest.param(8, marks=pytest.mark.slow)])
def test_a_step_in_parts_is_the_step_of_the_whole_batch(
    without_normalization: tf.keras.Model, full_step: list[np.ndarray], parts: int
):
    in_parts = weights_after_a_step(without_normalization, parts)
    for one, other in zip(full_step, in_parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


class OneSegment(training.MeanOfWords):
    """Has a table of one row in a function besides, as a SavedModel of RoBERTa has for segments."""

    def build(self, shape: tf.TensorShape) -> None:
        super().build(shape)
        self.segments = self.add_weight("segments", [1, 8])

    def call(self, ids: tf.Tensor, training: bool = False, in_float32: bool = False) -> tf.Tensor:
        return super().call(ids, training, in_float32) + self._embed(ids)

    @tf.function
    def _embed(self, ids: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.gather(self.segments, tf.zeros_like(ids)), axis=1)


def test_a_table_of_one_row_has_gradients_in_parts(without_normalization: tf.keras.Model):
    whole, in_parts = (
        weights_after_a_step(without_normalization, parts, encoder=OneSegment) for parts in (1, 2)
    )
    for one, other in zip(whole, in_parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_labels_are_smoothed_for_the_step_and_not_for_the_loss_that_is_reported(
    without_normalization: tf.keras.Model, full_step: list[np.ndarray]
):
    found = weights_after_a_step(without_normalization, smoothing=0.2)
    tf.keras.utils.set_random_seed(1)
    encoder = training.MeanOfWords()
    head = tf.keras.models.clone_model(without_normalization)
    by_hand = tf.keras.Sequential([tf.keras.Input([6], dtype=tf.int32), encoder, head])
    # Within the norm that gradients are clipped to, a step of SGD is the gradient itself.
    by_hand.compile(
        tf.keras.optimizers.SGD(1.0),
        tf.keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.2),
    )
    by_hand.train_on_batch(IDS, tf.one_hot(LABELS, 2))
    weights, metrics = found[: len(by_hand.get_weights())], found[len(by_hand.get_weights()) :]
    for one, other in zip(weights, by_hand.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(metrics, full_step[-len(metrics) :], rtol=1e-6)
    changes = [one - other for one, other in zip(found, full_step, strict=True)]
    assert max(np.abs(change).max() for change in changes) > 1e-3


def test_batch_normalization_sees_a_part_at_a_time():
    head = build_head(training.OPTIONS, 8, 2)
    whole, in_parts = (weights_after_a_step(head, parts) for parts in (1, 2))
    assert any(not np.allclose(a, b, atol=1e-4) for a, b in zip(whole, in_parts, strict=True))


def test_the_rate_rises_to_its_peak_and_falls_to_zero():
    schedule = WarmupLinearDecay(peak=1.0, warmup_steps=4, total_steps=12)
    rates = [float(schedule(step)) for step in range(13)]
    np.testing.assert_allclose(rates[:4], [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(rates[4:], [1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8, 0])


@pytest.mark.parametrize("total_steps", [1, 2])
def test_a_schedule_of_hardly_any_steps_stays_within_its_bounds(total_steps: int):
    schedule = WarmupLinearDecay(1.0, warmup_steps=0, total_steps=total_steps)
    assert all(0 <= float(schedule(step)) <= 1 for step in range(4))


def test_weights_decay_and_biases_do_not():
    options = TrainerOptions(model="fine_tuned", encoder="any", weight_decay=0.5)
    optimizer = encoder_optimizer(options, total_steps=10)
    kernel = tf.Variable([1.0], name="dense/kernel")
    bias = tf.Variable([1.0], name="dense/bias")
    optimizer.build([kernel, bias])
    optimizer.apply_gradients([(tf.zeros([1]), kernel), (tf.zeros([1]), bias)])
    assert float(kernel[0]) < 1.0
    assert float(bias[0]) == 1.0


@pytest.mark.parametrize("parts", [1, 2])
def test_a_text_without_weight_moves_nothing(without_normalization: tf.keras.Model, parts: int):
    """Texts 4 to 7 alone have labels that the others' loss knows nothing of."""
    none = np.zeros(8, np.float32)
    half = np.repeat([1.0, 0.0], 4).astype(np.float32)
    start, moved, all_of_it = (
        weights_after_a_step(without_normalization, parts, weights=each)
        for each in (none, half, np.ones(8, np.float32))
    )
    table, *_ = (np.abs(each - start[0]).sum(axis=1) for each in (moved[0], all_of_it[0]))
    unseen = set(IDS.numpy()[4:].flat) - set(IDS.numpy()[:4].flat)
    assert unseen
    assert table[sorted(unseen)].max() == 0
    assert table.max() > 0
    assert np.abs(all_of_it[0] - start[0])[sorted(unseen)].max() > 0


def test_equal_weights_change_nothing(
    without_normalization: tf.keras.Model, full_step: list[np.ndarray]
):
    ones = np.ones(8, np.float32)
    for weighted, plain in zip(
        weights_after_a_step(without_normalization, weights=ones), full_step, strict=True
    ):
        np.testing.assert_allclose(weighted, plain, rtol=1e-5, atol=1e-6)
