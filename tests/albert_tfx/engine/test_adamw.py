import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.engine.adamw import FusedAdamW

SHAPES = {"kernel": [7, 5], "bias": [5], "table": [11, 3]}
SETTINGS = {"weight_decay": 0.1, "jit_compile": False}


def trained(kind: type[tf.keras.optimizers.AdamW]) -> tuple[tf.keras.optimizers.Optimizer, list]:
    """Returns an optimizer after five steps with its decaying rate, and the variables."""
    random = np.random.default_rng(1)
    variables = [
        tf.Variable(random.normal(size=shape).astype(np.float32), name=name)
        for name, shape in SHAPES.items()
    ]
    rate = tf.keras.optimizers.schedules.PolynomialDecay(0.01, 5)
    optimizer = kind(rate, **SETTINGS)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    optimizer.build(variables)

    @tf.function
    def step(gradients: list[tf.Tensor]) -> None:
        optimizer.apply_gradients(zip(gradients, variables, strict=True))

    for size in (1.0, 1e-4, 0.0, 3.0, 1e3):
        drawn = [random.normal(scale=size, size=each.shape) for each in variables]
        step([tf.constant(each, tf.float32) for each in drawn])
    return optimizer, variables


def test_steps_are_those_of_keras():
    (ours, weights), (keras, expected) = trained(FusedAdamW), trained(tf.keras.optimizers.AdamW)
    for one, other in zip(weights, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)
    # The fused operation rounds beta_2 to float32 before it takes it from 1.
    for one, other in zip(ours.variables, keras.variables, strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=1e-6)


def test_a_checkpoint_is_that_of_keras(tmp_path):
    keras, _ = trained(tf.keras.optimizers.AdamW)
    path = tf.train.Checkpoint(optimizer=keras).write(str(tmp_path / "keras"))
    fresh = FusedAdamW(keras._learning_rate, **SETTINGS)
    fresh.build([tf.Variable(tf.zeros(shape), name=name) for name, shape in SHAPES.items()])
    restored = tf.train.Checkpoint(optimizer=fresh).read(path)
    restored.assert_consumed()
    assert int(fresh.iterations) == 5
    for one, other in zip(fresh._velocities, keras._velocities, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_gradient_of_a_table_may_name_rows():
    table = tf.Variable(tf.ones([4, 2]))
    optimizer = FusedAdamW(0.1, weight_decay=0.0, jit_compile=False)
    optimizer.build([table])
    rows = tf.IndexedSlices(tf.ones([2, 2]), tf.constant([1, 1]), tf.constant([4, 2]))
    optimizer.apply_gradients([(rows, table)])
    np.testing.assert_allclose(table[:, 0], [1.0, 0.9, 1.0, 1.0], rtol=1e-5)


@pytest.mark.slow
def test_replicas_share_an_update(tmp_path):
    """Each replica has its own copy of a variable, of its mean and of its variance."""
    strategy = tf.distribute.MirroredStrategy(["CPU:0"])
    with strategy.scope():
        variable = tf.Variable(tf.ones([3]))
        optimizer = FusedAdamW(0.1, weight_decay=0.0, jit_compile=False)
        optimizer.build([variable])

    @tf.function
    def step() -> None:
        strategy.run(lambda: optimizer.apply_gradients([(tf.ones([3]), variable)]))

    step()
    np.testing.assert_allclose(variable, [0.9] * 3, rtol=1e-5)
