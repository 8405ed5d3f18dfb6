import pytest
import tensorflow as tf
import trained_choices
import training_choices


def test_updates_shrink_with_the_depth_of_their_layer():
    names = ["words", "layer_0_1/kernel", "layer_1_0/kernel", "pooler/kernel"]
    assert trained_choices.layer_depths(names) == [2, 1, 0, 0]

    class Encoder:
        trainable_variables = tuple(tf.Variable(1.0, name=name) for name in names)

    class Model:
        encoder = Encoder

    callback = trained_choices.DecayedRates(Model, 0.5)
    callback.on_train_batch_begin(0)
    for variable in Encoder.trainable_variables:
        variable.assign(2.0)
    callback.on_train_batch_end(0)
    found = [float(variable) for variable in Encoder.trainable_variables]
    assert found == [1.25, 1.5, 2.0, 2.0]


def test_the_average_of_weights_lags_behind_them():
    class Model:
        weights = (tf.Variable(0.0), tf.Variable(7))

    callback = trained_choices.AveragedWeights(Model, 0.9)
    for step in range(200):
        Model.weights[0].assign(float(step))
        callback.on_train_batch_end(step)
    callback.take()
    # An average of momentum m of what rises by one a step is m / (1 - m) behind it.
    assert float(Model.weights[0]) == pytest.approx(199 - 9, abs=0.5)
    assert int(Model.weights[1]) == 7


def test_the_quick_size_tries_what_the_trainers_do_not_offer():
    assert "defaults" in training_choices.QUICK_CHOICES
    assert len(training_choices.QUICK_CHOICES) == 3
