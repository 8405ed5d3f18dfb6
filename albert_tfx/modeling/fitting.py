"""Trains with checkpoints: a training that was killed goes on from the last, in the same order.

Keras's own `BackupAndRestore` restores neither what early stopping knows, nor the history, nor the
place in the data, so that its resumed training ends elsewhere than an undisturbed one.
"""

import dataclasses
import json
import os
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tfx.dsl.io import fileio

STEPS_BETWEEN_CHECKPOINTS = 50


@dataclasses.dataclass(frozen=True)
class Plan:
    """How far to train, and where to keep what a killed training needs.

    Attributes:
      epochs: Passes over the training reviews at most.
      steps_per_epoch: Steps that count as one pass.
      patience: Epochs without a better `val_accuracy` after which training stops.
      checkpoints: Folder of the checkpoints; deleted by `fit` when training has ended.
      steps_between_checkpoints: Steps after which one is written, besides the end of each epoch.
    """

    epochs: int
    steps_per_epoch: int
    patience: int
    checkpoints: str
    steps_between_checkpoints: int = STEPS_BETWEEN_CHECKPOINTS


class Course(tf.train.experimental.PythonState):
    """What a training has come to, but for its weights.

    Attributes:
      step: Steps taken in all.
      epochs: The metrics of each finished epoch.
      best_epoch: Index of the epoch with the best `val_accuracy` so far.
      seconds: Wall-clock seconds spent.
    """

    def __init__(self) -> None:
        super().__init__()
        self.step = 0
        self.epochs: list[dict[str, float]] = []
        self.best_epoch = -1
        self.seconds = 0.0

    def serialize(self) -> str:
        """Returns the attributes as JSON."""
        return json.dumps(
            {name: getattr(self, name) for name in ("step", "epochs", "best_epoch", "seconds")}
        )

    def deserialize(self, string_value: bytes) -> None:
        """Takes the attributes from `serialize`'s JSON."""
        for name, value in json.loads(string_value).items():
            setattr(self, name, value)

    def add(self, row: dict[str, float]) -> bool:
        """Takes in the metrics of one more epoch; says whether it beats all before it."""
        best = self.epochs[self.best_epoch]["val_accuracy"] if self.epochs else float("-inf")
        is_better = row["val_accuracy"] > best
        if is_better:
            self.best_epoch = len(self.epochs)
        self.epochs = [*self.epochs, row]
        return is_better

    def is_over(self, plan: Plan) -> bool:
        """Says whether all epochs are done, or too many in a row brought nothing better."""
        waited = len(self.epochs) - 1 - self.best_epoch if self.epochs else 0
        return len(self.epochs) >= plan.epochs or waited >= plan.patience


def fit(
    model: tf.keras.Model,
    training: tf.data.Dataset,
    validation: tf.data.Dataset,
    plan: Plan,
    callbacks: list[tf.keras.callbacks.Callback],
    on_resume: Callable[[Course], None],
) -> Course:
    """Trains `model`, and leaves it with the weights of its best epoch.

    Called again, it has nothing left to do, until `forget` removes the checkpoints.

    A resumed training takes the steps that an undisturbed one would have taken; it ends with the
    same weights where the model has no dropout, whose draws no checkpoint holds.

    Args:
      model: Compiled and built, and so are its optimizers.
      training: Endless batches, the same at each reading.
      validation: One pass over the reviews that decide which epoch is the best.
      plan: How far.
      callbacks: Told of epochs, and of the ends of training steps.
      on_resume: Told of what is restored, where a training goes on.

    Returns:
      What the training came to.
    """
    _build_metrics(model, validation)
    course = Course()
    checkpoint = tf.train.Checkpoint(model=model, metrics=model.metrics, course=course)
    manager = tf.train.CheckpointManager(checkpoint, plan.checkpoints, max_to_keep=2)
    if manager.latest_checkpoint:
        checkpoint.restore(manager.latest_checkpoint)
        on_resume(course)
    told = tf.keras.callbacks.CallbackList(callbacks, model=model)
    told.on_train_begin()
    rest = training.skip(course.step)
    batches = iter(model.distribute_strategy.experimental_distribute_dataset(rest))
    while not course.is_over(plan):
        _fit_epoch(model, batches, validation, plan, course, manager, told)
    told.on_train_end()
    tf.train.Checkpoint(model=model).read(_best(plan, course.best_epoch)).expect_partial()
    return course


def forget(checkpoints: str) -> None:
    """Removes what `fit` left to go on from, once nothing can be lost any more.

    The index goes first: of what is left if this is stopped, no training takes notice.
    """
    fileio.remove(os.path.join(checkpoints, "checkpoint"))
    fileio.rmtree(checkpoints)


def _best(plan: Plan, epoch: int) -> str:
    return os.path.join(plan.checkpoints, f"best-{epoch}")


def _in_few_digits(value: float) -> float:
    """Returns the shortest decimal that stands for a float32: 0.5775, not 0.57749998."""
    return float(str(np.float32(value)))


def _build_metrics(model: tf.keras.Model, validation: tf.data.Dataset) -> None:
    for batch in validation.take(1):
        model.test_on_batch(*batch)
    model.reset_metrics()


def _fit_epoch(
    model: tf.keras.Model,
    batches: tf.data.Iterator,
    validation: tf.data.Dataset,
    plan: Plan,
    course: Course,
    manager: tf.train.CheckpointManager,
    told: tf.keras.callbacks.CallbackList,
) -> None:
    epoch, done = divmod(course.step, plan.steps_per_epoch)
    told.on_epoch_begin(epoch)
    started = time.monotonic() - course.seconds
    step_function = model.make_train_function()
    for step in range(done, plan.steps_per_epoch):
        told.on_train_batch_begin(step)
        logs = {name: float(value) for name, value in step_function(batches).items()}
        course.step += 1
        course.seconds = time.monotonic() - started
        told.on_train_batch_end(step, logs)
        is_last = step + 1 == plan.steps_per_epoch
        if course.step % plan.steps_between_checkpoints == 0 and not is_last:
            manager.save()
    measured = model.evaluate(validation, verbose=0, return_dict=True)
    row = logs | {f"val_{name}": value for name, value in measured.items()}
    row = {name: _in_few_digits(value) for name, value in row.items()}
    model.reset_metrics()
    if course.add(row):
        tf.train.Checkpoint(model=model).write(_best(plan, epoch))
    course.seconds = time.monotonic() - started
    manager.save()
    told.on_epoch_end(epoch, row)
