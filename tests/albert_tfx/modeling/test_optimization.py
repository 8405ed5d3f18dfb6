import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.modeling import optimization
from albert_tfx.options import TrainerOptions


def test_the_rate_rises_to_its_peak_and_falls_to_zero():
    schedule = optimization.WarmupLinearDecay(peak=1.0, warmup_steps=4, total_steps=12)
    rates = [float(schedule(step)) for step in range(13)]
    np.testing.assert_allclose(rates[:4], [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(rates[4:], [1.0, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8, 0])


@pytest.mark.parametrize("total_steps", [1, 2])
def test_a_schedule_of_hardly_any_steps_stays_within_its_bounds(total_steps: int):
    schedule = optimization.WarmupLinearDecay(1.0, warmup_steps=0, total_steps=total_steps)
    assert all(0 <= float(schedule(step)) <= 1 for step in range(4))


def test_weights_decay_and_biases_do_not():
    options = TrainerOptions(model="fine_tuned", encoder="any", weight_decay=0.5)
    optimizer = optimization.encoder_optimizer(options, total_steps=10)
    kernel = tf.Variable([1.0], name="dense/kernel")
    bias = tf.Variable([1.0], name="dense/bias")
    optimizer.build([kernel, bias])
    optimizer.apply_gradients([(tf.zeros([1]), kernel), (tf.zeros([1]), bias)])
    assert float(kernel[0]) < 1.0
    assert float(bias[0]) == 1.0
