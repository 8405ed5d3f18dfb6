"""Trains with checkpoints: a training that was killed goes on from the last, in the same order.

Keras's own `BackupAndRestore` restores neither what early stopping knows, nor the history, nor the
place in the data, so that its resumed training ends elsewhere than an undisturbed one.
"""

import dataclasses
import enum
import json
import logging
import math
import os
import re
import time
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from etils import epath

from albert_tfx.calibration.temperature import UNCHANGED, Calibration
from albert_tfx.contract import HISTORY_FILE
from albert_tfx.errors import one_line
from albert_tfx.options import FLOAT32
from albert_tfx.storage import read_json, remove, write_bytes

SECONDS_BETWEEN_CHECKPOINTS = 300.0
# To read a metric is to wait for the step, which a GPU otherwise need not.
STEPS_BETWEEN_READINGS = 10
# TensorFlow's name of the file that names the latest checkpoint, and of our state in that.
_INDEX = "checkpoint"
_STATE = "state/.ATTRIBUTES/py_state"
_LOGGER = logging.getLogger(__name__)


class BestBy(enum.Enum):
    """Which epoch's weights are kept; among equals by the one, the other decides."""

    LOSS = "val_loss", "val_accuracy"
    ACCURACY = "val_accuracy", "val_loss"
    METRIC = "val_metric", "val_loss"

    def merit(self, row: dict[str, float]) -> tuple[float, ...]:
        """Returns what to compare the metrics of epochs by: more is better, NaN is worst."""
        signed = (-row[name] if name == "val_loss" else row[name] for name in self.value)
        return tuple(-math.inf if math.isnan(each) else each for each in signed)


@dataclasses.dataclass(frozen=True)
class Plan:
    """How far to train, and where to keep what a killed training needs.

    Attributes:
      epochs: Passes over the training reviews. Training never stops before their end, where the
        learning rate's schedule ends: until then, a peak rate hides what was learnt.
      steps_per_epoch: Steps that count as one pass.
      best_by: What the best epoch has most of.
      checkpoints: Folder of the checkpoints; deleted by `fit` when training has ended.
      seconds_between_checkpoints: Of training, after which one is written, besides the end of each
        epoch. Nothing that is computed depends on it.
      clock: Returns the seconds since any fixed moment.
      measure: For `BestBy.METRIC`, measures int `[reviews]` labels and float32
        `[reviews, classes]` probabilities, more being better; None otherwise.
    """

    epochs: int
    steps_per_epoch: int
    best_by: "BestBy"
    checkpoints: str
    seconds_between_checkpoints: float = SECONDS_BETWEEN_CHECKPOINTS
    clock: Callable[[], float] = time.monotonic
    measure: "Measure | None" = None


Measure = Callable[[np.ndarray, np.ndarray], float]


class TrainingState(tf.train.experimental.PythonState):
    """What a checkpoint holds of a training besides its weights.

    Attributes:
      step: Steps taken in all.
      epochs: The metrics of each finished epoch.
      best_epoch: Index of the best epoch so far.
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

    def add(self, row: dict[str, float], best_by: BestBy) -> bool:
        """Takes in the metrics of one more epoch, and returns whether it beats all before it."""
        is_better = not self.epochs or (
            best_by.merit(row) > best_by.merit(self.epochs[self.best_epoch])
        )
        if is_better:
            self.best_epoch = len(self.epochs)
        self.epochs = [*self.epochs, row]
        return is_better

    def is_over(self, plan: Plan) -> bool:
        """Returns whether all epochs are done."""
        return len(self.epochs) >= plan.epochs


@dataclasses.dataclass(frozen=True)
class TrainingHistory:
    """How one training went and what it cost, as a Trainer leaves it in its `model_run`.

    Attributes:
      model: `frozen` or `fine_tuned`.
      epochs: One mapping per epoch with the keys `loss`, `accuracy`, `val_loss` and
        `val_accuracy`, in order, and `val_metric` where another metric decides.
      best_epoch: Index into `epochs` of the epoch whose weights were exported.
      train_seconds: Wall-clock seconds spent training, the frozen encoder's pass not included.
      train_memory_bytes: What `memory.taken` says of it; NaN where it was stopped and went on.
      trainable_parameters: Number of weights that training could change.
      parameters: Number of weights of the exported model.
      seed: The seed of initialisation, order and dropout.
      precision: Of training's matrix products, `float32` or `bfloat16`.
      inference_precision: Of the encoder's products wherever the model answers, likewise.
      learning_rate: The peak rate, of the encoder where it was trained, else of the head.
      rates: What was tried to choose it, by `rate`, `steps` and `loss`; empty where it was given.
      seeds: What each training of the recipe reached, by `seed`, in its best epoch, and its
        `temperature`; this one's, too.
      calibration: The temperature of the exported model; None where it was not to be calibrated.
    """

    model: str
    epochs: tuple[dict[str, float], ...]
    best_epoch: int
    train_seconds: float
    trainable_parameters: int
    parameters: int
    seed: int
    train_memory_bytes: float = math.nan
    precision: str = FLOAT32
    inference_precision: str = FLOAT32
    learning_rate: float = math.nan
    rates: tuple[dict[str, float], ...] = ()
    seeds: tuple[dict[str, float], ...] = ()
    calibration: Calibration | None = None

    @property
    def temperature(self) -> float:
        """What the exported model divides its log-probabilities by."""
        return self.calibration.temperature if self.calibration else UNCHANGED

    @property
    def number(self) -> int:
        """Of this training, from 0, among `seeds`."""
        return [each["seed"] for each in self.seeds].index(self.seed)

    def save(self, folder: str) -> None:
        """Writes `history.json` into `folder`; the metrics of a model that diverged are NaN."""
        content = json.dumps(dataclasses.asdict(self), indent=2)
        write_bytes(epath.Path(folder) / HISTORY_FILE, f"{content}\n".encode())

    @classmethod
    def load(cls, folder: str) -> "TrainingHistory":
        """Reads what `save` wrote."""
        content = read_json(epath.Path(folder) / HISTORY_FILE)
        lists = {name: tuple(content.get(name, ())) for name in ("epochs", "rates", "seeds")}
        calibration = content.get("calibration")
        calibrated = Calibration(**calibration) if calibration else None
        return cls(**{**content, **lists, "calibration": calibrated})


def fit(
    model: tf.keras.Model,
    training: tf.data.Dataset,
    validation: tf.data.Dataset,
    plan: Plan,
    callbacks: list[tf.keras.callbacks.Callback],
    on_resume: Callable[[TrainingState], None],
) -> TrainingState:
    """Trains `model`, and leaves it with the weights of its best epoch.

    Called again, it has nothing left to do, until `forget` removes the checkpoints.

    A resumed training takes the steps that an undisturbed one would have taken; it ends with the
    same weights where the model has no dropout, whose draws no checkpoint holds. Where a checkpoint
    is damaged, training begins anew. What an earlier try left that is no whole checkpoint is
    removed, so that no try on a full disk takes more of it than the one before.

    Args:
      model: Compiled and built, and so are its optimizers.
      training: Endless batches, the same at each reading.
      validation: One pass over the reviews that decide which epoch is the best.
      plan: How far.
      callbacks: Told of epochs, and of the ends of training steps, with the metrics that were read
        last: every `STEPS_BETWEEN_READINGS` steps, and at the end of an epoch.
      on_resume: Told of what is restored, where a training goes on.

    Returns:
      The state at the end of the training.
    """
    _build_metrics(model, validation)
    state = TrainingState()
    kept = _Checkpoints(model, plan.checkpoints, state)
    if kept.restore():
        on_resume(state)
    callback_list = tf.keras.callbacks.CallbackList(callbacks, model=model)
    callback_list.on_train_begin()
    rest = training.skip(state.step)
    batches = iter(model.distribute_strategy.experimental_distribute_dataset(rest))
    while not state.is_over(plan):
        _fit_epoch(model, batches, validation, plan, state, kept, callback_list)
    callback_list.on_train_end()
    kept.restore_best(state.best_epoch)
    return state


def answers(
    model: tf.keras.Model,
    batches: tf.data.Dataset,
    on_answered: Callable[[int], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Asks a model about every review.

    Args:
      model: From features to logits.
      batches: Features, and what is to be returned beside the answers, such as labels.
      on_answered: Told after each batch how many reviews have been answered so far.

    Returns:
      The latter, int64 `[reviews]`, and probabilities, float32 `[reviews, classes]`.
    """
    parts: list[tuple[tf.Tensor, np.ndarray]] = []
    answered = 0
    for features, each in batches:
        parts.append((each, model.predict_on_batch(features)))
        answered += len(each)
        if on_answered:
            on_answered(answered)
    beside, logits = (np.concatenate(each) for each in zip(*parts, strict=True))
    return beside, tf.nn.softmax(logits).numpy()


def forget(checkpoints: str) -> None:
    """Removes what `fit` left to go on from, once nothing can be lost any more.

    The index goes first: of what is left if this is stopped, no training takes notice.
    """
    (epath.Path(checkpoints) / _INDEX).unlink()
    remove(checkpoints)


class _Checkpoints:
    """The folder of one training: its latest checkpoint and the weights of its best epoch."""

    def __init__(self, model: tf.keras.Model, folder: str, state: TrainingState) -> None:
        """Removes what is not whole, so that no try on a full disk takes more than the last."""
        _remove_damaged(folder)
        _remove_leftovers(folder)
        checkpoint = tf.train.Checkpoint(model=model, metrics=model.metrics, state=state)
        self._latest = tf.train.CheckpointManager(checkpoint, folder, max_to_keep=1)
        # Without the optimizers' slots, which are twice its size.
        self._weights = tf.train.Checkpoint(weights=list(model.weights))
        self._folder = folder

    def restore(self) -> bool:
        """Restores the latest checkpoint; returns whether there is one."""
        return self._latest.restore_or_initialize() is not None

    def save(self) -> None:
        """Writes a checkpoint, in place of the one before it."""
        try:
            self._latest.save()
        finally:
            _remove_leftovers(self._folder)

    def save_best(self, epoch: int) -> None:
        """Writes the weights of an epoch, which `save` then makes those of the best one."""
        try:
            self._weights.write(_best(self._folder, epoch))
        except Exception:
            _remove_leftovers(self._folder)
            raise

    def restore_best(self, epoch: int) -> None:
        """Gives the model the weights of the best epoch."""
        self._weights.read(_best(self._folder, epoch)).assert_consumed()


def _best(folder: str, epoch: int) -> str:
    return os.path.join(folder, f"best-{epoch}")


def _named(folder: str) -> list[str]:
    """Returns the prefixes of the latest checkpoint, and of the weights that it calls the best."""
    latest = tf.train.latest_checkpoint(folder)
    if latest is None:
        return []
    state = TrainingState()
    state.deserialize(tf.train.load_checkpoint(latest).get_tensor(_STATE))
    return [latest] if state.best_epoch < 0 else [latest, _best(folder, state.best_epoch)]


def _remove_damaged(folder: str) -> None:
    """Removes the folder where it names nothing to go on from, or what cannot be read."""
    try:
        named = _named(folder)
        for prefix in named:
            reader = tf.train.load_checkpoint(prefix)
            for name in reader.get_variable_to_shape_map():
                reader.get_tensor(name)
    except (tf.errors.OpError, ValueError, IndexError, RuntimeError) as error:
        _LOGGER.warning("training begins anew, as its checkpoint is damaged: %s", one_line(error))
        named = []
    if not named:
        remove(folder)


def _remove_leftovers(folder: str) -> None:
    """Removes partial files, and the weights of epochs that are not the best any more."""
    root = epath.Path(folder)
    names = "|".join(re.escape(epath.Path(prefix).name) for prefix in _named(folder))
    ours = re.compile(rf"{_INDEX}|({names})[.](index|data-\d+-of-\d+)")
    for path in root.iterdir() if root.exists() else ():
        if not ours.fullmatch(path.name):
            remove(path)


def _in_few_digits(value: float) -> float:
    """Returns the shortest decimal that gives a float32: 0.5775, not 0.57749998."""
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
    state: TrainingState,
    kept: _Checkpoints,
    callback_list: tf.keras.callbacks.CallbackList,
) -> None:
    epoch, done = divmod(state.step, plan.steps_per_epoch)
    callback_list.on_epoch_begin(epoch)
    started = plan.clock() - state.seconds
    saved = state.seconds
    step_function = model.make_train_function()
    logs: dict[str, float] = {}
    for step in range(done, plan.steps_per_epoch):
        callback_list.on_train_batch_begin(step)
        metrics = step_function(batches)
        state.step += 1
        is_last = step + 1 == plan.steps_per_epoch
        if not logs or is_last or step % STEPS_BETWEEN_READINGS == 0:
            logs = {name: float(value) for name, value in metrics.items()}
        state.seconds = plan.clock() - started
        callback_list.on_train_batch_end(step, logs)
        if state.seconds - saved >= plan.seconds_between_checkpoints and not is_last:
            kept.save()
            saved = state.seconds
    measured = model.evaluate(validation, verbose=0, return_dict=True)
    row = logs | {f"val_{name}": value for name, value in measured.items()}
    if plan.measure is not None:
        row["val_metric"] = plan.measure(*answers(model, validation))
    row = {name: _in_few_digits(value) for name, value in row.items()}
    model.reset_metrics()
    if state.add(row, plan.best_by):
        kept.save_best(epoch)
    state.seconds = plan.clock() - started
    kept.save()
    callback_list.on_epoch_end(epoch, row)
