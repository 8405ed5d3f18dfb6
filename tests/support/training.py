"""A training of seconds, to be killed and started again, or to be shared by replicas.

python -m tests.support.training FOLDER [REPLICAS]
"""

import itertools
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from albert_tfx.modeling import fitting
from albert_tfx.modeling.batches import evaluation_batches, training_batches
from albert_tfx.modeling.classifier import (
    TextClassifier,
    build_head,
    encoder_optimizer,
    head_optimizer,
)
from albert_tfx.options import TrainerOptions

OPTIONS = TrainerOptions(model="fine_tuned", encoder="any", dropout=0.0, epochs=4)
STEPS_PER_EPOCH = 7


class MeanOfWords(tf.keras.layers.Layer):
    """A substitute for an encoder: the mean of the vectors of a review's words."""

    def build(self, shape: tf.TensorShape) -> None:
        self.table = self.add_weight("table", [50, 8])

    def call(self, ids: tf.Tensor, training: bool = False, in_float32: bool = False) -> tf.Tensor:
        return tf.reduce_mean(tf.gather(self.table, ids), axis=1)


def reviews(count: int, seed: int) -> tf.data.Dataset:
    ids = np.random.default_rng(seed).integers(0, 50, [count, 6]).astype(np.int32)
    return tf.data.Dataset.from_tensor_slices((ids, (ids.sum(axis=1) > 150).astype(np.int64)))


def train(
    folder: Path, *callbacks: tf.keras.callbacks.Callback, replicas: int = 1
) -> tuple[TextClassifier, fitting.TrainingState]:
    """Trains, or goes on, with checkpoints in `folder`; says from which step it goes on."""
    with _strategy(replicas).scope():
        return _train(folder, *callbacks)


def _strategy(replicas: int) -> tf.distribute.Strategy:
    if replicas == 1:
        return tf.distribute.get_strategy()
    [processor] = tf.config.list_physical_devices("CPU")
    parts = [tf.config.LogicalDeviceConfiguration()] * replicas
    tf.config.set_logical_device_configuration(processor, parts)
    return tf.distribute.MirroredStrategy([f"CPU:{n}" for n in range(replicas)])


def build() -> TextClassifier:
    """Returns the classifier, untrained."""
    tf.keras.utils.set_random_seed(1)
    model = TextClassifier(MeanOfWords(), build_head(OPTIONS, 8, 2))
    model(tf.ones([1, 1], tf.int32))
    steps = STEPS_PER_EPOCH * OPTIONS.epochs
    model.compile(
        optimizer=head_optimizer(OPTIONS, steps),
        encoder_optimizer=encoder_optimizer(OPTIONS, steps),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[tf.keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
    )
    return model


def _train(
    folder: Path, *callbacks: tf.keras.callbacks.Callback
) -> tuple[TextClassifier, fitting.TrainingState]:
    model = build()
    plan = fitting.Plan(
        OPTIONS.epochs,
        STEPS_PER_EPOCH,
        fitting.BestBy.ACCURACY,
        str(folder / "checkpoints"),
        seconds_between_checkpoints=3,
        clock=itertools.count().__next__,  # a second a step
    )
    state = fitting.fit(
        model,
        training_batches(reviews(64, seed=1), 8, OPTIONS.seed, [6]),
        evaluation_batches(reviews(40, seed=2), 8, [6]),
        plan,
        list(callbacks),
        on_resume=lambda state: print(f"goes on from step {state.step}", flush=True),
    )
    return model, state


class Say(tf.keras.callbacks.Callback):
    """Prints each step and waits for an answer, so that whoever reads decides when it ends."""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        print(f"step {batch}", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    where = Path(sys.argv[1])
    replicas = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    classifier, ended = train(where, Say(), replicas=replicas)
    np.savez(where / "weights.npz", *classifier.get_weights())
    (where / "state.json").write_text(ended.serialize())
