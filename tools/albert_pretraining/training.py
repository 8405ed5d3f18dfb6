"""The training loop: steps, checkpoints, held-out evaluation and the curve."""

from __future__ import annotations

import dataclasses
import json
import math
import pathlib
import time

import numpy as np
import tensorflow as tf

from albert_pretraining.batches import BatchOptions, BatchSource, prefetch, subsampling_weights
from albert_pretraining.curve import CURVE_FILE, Curve
from albert_pretraining.preparation import PreparedCorpus
from albert_pretraining.pretrainer import EncoderShape, Pretrainer, UpdateOptions, log_frequency
from albert_pretraining.schedule import Schedule

OPTIONS_FILE = "options.json"
METRICS = ("loss", "masked_loss", "masked_accuracy", "order_accuracy", "document_loss")


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """How long to train and how often to look.

    Attributes:
      tokens: the whole budget, counted from the first step of the first run.
      peak_rate: the learning rate between warm-up and decay.
      log_every: steps between rows of the curve, each the mean of the steps since the last.
      evaluate_every: steps between held-out evaluations.
      save_every: steps between checkpoints.
      held_out_batches: in one held-out evaluation.
      tokens_per_step: tokens in a batch.
      seed: of the weights, the order of the windows and the masks.
    """

    tokens: int
    peak_rate: float = 1.5e-3
    log_every: int = 50
    evaluate_every: int = 250
    save_every: int = 100
    held_out_batches: int = 16
    tokens_per_step: int = 2048
    seed: int = 1

    @property
    def schedule(self) -> Schedule:
        """The learning rate over the whole budget."""
        return Schedule(self.tokens // self.tokens_per_step, self.peak_rate)


def read_options(folder: pathlib.Path) -> TrainingOptions:
    """Reads the options of the last run in `folder`."""
    return TrainingOptions(**json.loads((folder / OPTIONS_FILE).read_text()))


def write_options(folder: pathlib.Path, options: TrainingOptions) -> None:
    """Notes the options, so that a later run knows how its checkpoints came about."""
    partial = (folder / OPTIONS_FILE).with_suffix(".partial")
    partial.write_text(json.dumps(dataclasses.asdict(options), indent=2) + "\n")
    partial.replace(folder / OPTIONS_FILE)


def build_pretrainer(
    corpus: PreparedCorpus, shape: EncoderShape, updates: UpdateOptions, seed: int
) -> Pretrainer:
    """Builds the model with its weights where training starts."""
    tf.keras.utils.set_random_seed(seed)
    counts = np.bincount(corpus.tokens, minlength=shape.vocabulary_size).astype(np.float64)
    return Pretrainer(
        shape,
        updates,
        corpus.embeddings,
        log_frequency(counts),
        log_frequency(counts * subsampling_weights(counts)),
        seed,
    )


class Checkpoints:
    """The last two states of a training, and the last one before its learning rate fell."""

    def __init__(self, folder: pathlib.Path, pretrainer: Pretrainer):
        self._folder = folder
        checkpoint = pretrainer.checkpoint
        self._latest = tf.train.CheckpointManager(checkpoint, str(folder / "latest"), 2)
        self._before_decay = tf.train.CheckpointManager(checkpoint, str(folder / "before_decay"), 1)

    def save(self, step: int, schedule: Schedule) -> None:
        """Saves the state after `step` steps."""
        self._latest.save(checkpoint_number=step)
        if step <= schedule.decay_start:
            self._before_decay.save(checkpoint_number=step)

    def restore(self, schedule: Schedule) -> int:
        """Restores the newest state that a training of this schedule can go on from.

        Returns:
          The number of steps that the state has seen; 0 where there is none.

        Raises:
          ValueError: the training has seen more steps than this budget allows.
        """
        manager = self._latest if self._goes_on(schedule) else self._before_decay
        if manager.latest_checkpoint is None:
            return 0
        step = checkpoint_step(manager.latest_checkpoint)
        if step > schedule.total_steps:
            raise ValueError(
                f"The training has already seen {step} steps, and --tokens allows only "
                f"{schedule.total_steps}. Give more tokens, or another --folder for a new training."
            )
        restored = manager.checkpoint.restore(manager.latest_checkpoint)
        restored.assert_existing_objects_matched()
        return step

    def _goes_on(self, schedule: Schedule) -> bool:
        """Whether the latest state was reached on this schedule's own path."""
        if self._latest.latest_checkpoint is None:
            return True
        previous = read_options(self._folder).schedule
        step = checkpoint_step(self._latest.latest_checkpoint)
        return previous == schedule or step <= min(previous.decay_start, schedule.decay_start)


def restore_latest(folder: pathlib.Path, pretrainer: Pretrainer) -> int:
    """Restores the newest state in a training's folder, to be used and not trained on.

    Returns:
      The number of steps that it has seen.

    Raises:
      FileNotFoundError: the folder holds no checkpoint.
    """
    path = tf.train.latest_checkpoint(str(folder / "latest"))
    if path is None:
        raise FileNotFoundError(f"No checkpoint in {folder}. Run pretrain_albert.py first.")
    pretrainer.checkpoint.restore(path).assert_existing_objects_matched()
    return checkpoint_step(path)


def checkpoint_step(path: str) -> int:
    """Returns the step that a checkpoint's name ends in."""
    return int(path.rsplit("-", 1)[1])


def train(
    corpus: PreparedCorpus,
    folder: pathlib.Path,
    options: TrainingOptions,
    *,
    shape: EncoderShape,
    batches: BatchOptions,
    updates: UpdateOptions,
) -> None:
    """Trains, or goes on training, until the budget is spent.

    Args:
      corpus: the prepared corpus.
      folder: of the checkpoints and the curve.
      options: the budget and the intervals.
      shape: the encoder's sizes.
      batches: the batches' shapes and rates.
      updates: what a training step weighs.

    Raises:
      ValueError: the folder holds a training that has seen more than this budget.
      FloatingPointError: the loss is no longer finite.
    """
    trainer = Trainer(corpus, folder, options, batches)
    trainer.run(build_pretrainer(corpus, shape, updates, options.seed))


class Trainer:
    """Runs the steps of a training.

    Args:
      corpus: the prepared corpus.
      folder: of the checkpoints and the curve.
      options: the budget and the intervals.
      batches: the batches' shapes and rates.
    """

    def __init__(
        self,
        corpus: PreparedCorpus,
        folder: pathlib.Path,
        options: TrainingOptions,
        batches: BatchOptions,
    ):
        self._folder = folder
        self._options = options
        self._schedule = options.schedule
        self._source = BatchSource(
            corpus.tokens, corpus.offsets, corpus.vocabulary, batches, options.seed
        )
        self._held_out = BatchSource(
            corpus.held_out_tokens,
            corpus.held_out_offsets,
            corpus.vocabulary,
            batches,
            options.seed,
        )

    def run(self, pretrainer: Pretrainer) -> None:
        """Goes on from the last checkpoint to the end."""
        checkpoints = Checkpoints(self._folder, pretrainer)
        first = checkpoints.restore(self._schedule)
        last = self._schedule.total_steps
        write_options(self._folder, self._options)
        curve = Curve(self._folder / CURVE_FILE, first)
        if not first:
            pretrainer.center_heads(_as_tensors(self._source.batch(0)))
            curve.add({"step": 0, "tokens": 0, **self._evaluate(pretrainer)})
        print(f"step {first} of {self._schedule.total_steps}: going on to {last}", flush=True)
        recent: list[dict[str, float]] = []
        begun = time.monotonic()
        for step, batch in prefetch(self._source.batch, range(first, last)):
            recent.append(self._step(pretrainer, step, batch))
            done = step + 1
            if done % self._options.log_every == 0 or done == last:
                row = self._row(done, recent, time.monotonic() - begun)
                if done % self._options.evaluate_every == 0 or done == last:
                    row |= self._evaluate(pretrainer)
                curve.add(row)
                print(describe(row), flush=True)
                recent, begun = [], time.monotonic()
            if done % self._options.save_every == 0 or done in (last, self._schedule.decay_start):
                checkpoints.save(done, self._schedule)

    def _step(
        self, pretrainer: Pretrainer, step: int, batch: dict[str, np.ndarray]
    ) -> dict[str, float]:
        rate = tf.constant(self._schedule.rate(step))
        metrics = _as_floats(pretrainer.train_step(_as_tensors(batch), rate))
        if not math.isfinite(metrics["loss"]):
            raise FloatingPointError(
                f"The loss at step {step} is {metrics['loss']}. Lower --peak-rate (now "
                f"{self._options.peak_rate}) and run again: it goes on from the last checkpoint."
            )
        return metrics

    def _evaluate(self, pretrainer: Pretrainer) -> dict[str, float]:
        return evaluate(pretrainer, self._held_out, self._options.held_out_batches)

    def _row(self, done: int, recent: list[dict[str, float]], seconds: float) -> dict[str, float]:
        return {
            "step": done,
            "tokens": done * self._options.tokens_per_step,
            "rate": self._schedule.rate(done - 1),
            "tokens_per_second": len(recent) * self._options.tokens_per_step / seconds,
            **_means(recent),
        }


def evaluate(pretrainer: Pretrainer, held_out: BatchSource, batches: int) -> dict[str, float]:
    """Returns the mean metrics of the first `batches` held-out batches, always the same ones."""
    measured = [
        _as_floats(pretrainer.evaluate_step(_as_tensors(held_out.batch(step))))
        for step in range(batches)
    ]
    return {f"held_out_{key}": value for key, value in _means(measured).items()}


def _as_tensors(batch: dict[str, np.ndarray]) -> dict[str, tf.Tensor]:
    return {key: tf.constant(value) for key, value in batch.items()}


def _as_floats(metrics: dict[str, tf.Tensor]) -> dict[str, float]:
    return {key: float(metrics[key]) for key in METRICS}


def _means(measured: list[dict[str, float]]) -> dict[str, float]:
    return {key: math.fsum(row[key] for row in measured) / len(measured) for key in METRICS}


def describe(row: dict[str, float]) -> str:
    """Returns a row of the curve as one line."""
    held_out = row.get("held_out_masked_accuracy")
    shown = f"  held out {held_out:.3f}" if held_out is not None else ""
    return (
        f"step {row['step']:6d}  {row['tokens'] / 1e6:6.2f}M tokens  loss {row['loss']:.3f}  "
        f"masked {row['masked_loss']:.3f} {row['masked_accuracy']:.3f}  "
        f"order {row['order_accuracy']:.3f}  document {row['document_loss']:.3f}  "
        f"{row['tokens_per_second']:.0f} tokens/s{shown}"
    )
