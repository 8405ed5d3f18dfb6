"""Which peak rate suits an encoder and its texts, where nobody has said.

A rate that follows from the encoder's size is right within a factor of three. Where training is
long enough to be worth it, that rate and its neighbours are tried by successive halving (Jamieson
and Talwalkar 2016, "Non-stochastic Best Arm Identification and Hyperparameter Optimization"): each
trains for a few steps on a part of `train`, and those of the lesser loss on the rest of it train
anew, for more steps. The eval split has no part in it.
"""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from albert_tfx.contract import FINE_TUNED, trainer_id
from albert_tfx.modeling import batches, training
from albert_tfx.modeling.classifier import TextClassifier
from albert_tfx.options import AUTO_RATE, TrainerOptions
from albert_tfx.progress import Progress, report
from albert_tfx.storage import read_json, write_json

# Mosbach et al. 2021 and Devlin et al. 2019 fine-tune encoders of 110 million weights and more at
# 2e-5 to 5e-5; smaller ones bear more. benchmarks/README.md has what was measured.
_SMALL_ENCODER = 30_000_000
_SMALL_RATE, _LARGE_RATE = 1e-4, 3e-5
_FACTORS = (1.0, 0.3, 3.0)
# Steps of each trial, and how many rates go through them.
_ROUNDS = ((40, 3), (80, 2))
# A training of fewer steps is not worth a search, which would take more than a fifth of it.
_FEWEST_STEPS = 1400
_HELD_OUT = 512
_SEED = 0  # of every search, so that trainings share one which differ by their seed


@dataclasses.dataclass(frozen=True)
class Trial:
    """A rate that was tried.

    Attributes:
      rate: The encoder's peak rate.
      steps: Steps of its training.
      loss: Mean loss on the training texts that were held out, by the weights of their classes.
    """

    rate: float
    steps: int
    loss: float

    @property
    def order(self) -> tuple[bool, float]:
        """Sorts by the loss; one that is no number comes last."""
        return not np.isfinite(self.loss), self.loss


def choose(
    options: TrainerOptions, classes: int, files: training.TrainingFiles
) -> tuple[TrainerOptions, Sequence[Trial]]:
    """Returns `options` with a rate for the encoder, and what was tried to choose it.

    What was found is kept beside the checkpoints, for a training that goes on, and for one with
    another seed.

    Args:
      options: With the precision that `training.with_precision` chose.
      classes: Number of classes.
      files: What will be trained on.
    """
    if options.model != FINE_TUNED or options.encoder_learning_rate != AUTO_RATE:
        return options, ()
    tf.keras.utils.set_random_seed(_SEED)
    classifier = training.build(options, classes)
    middle = by_size(classifier.encoder.count_params())
    epochs, steps_per_epoch = training.extent(options, len(files.labels))
    if epochs * steps_per_epoch < _FEWEST_STEPS:
        return dataclasses.replace(options, encoder_learning_rate=middle), ()
    search = _Search(classifier, options, files, epochs * steps_per_epoch)
    trials = search.run([_rounded(middle * factor) for factor in _FACTORS])
    best = min(trials[-_ROUNDS[-1][1] :], key=lambda trial: trial.order)
    return dataclasses.replace(options, encoder_learning_rate=best.rate), trials


def by_size(weights: int) -> float:
    """Returns the rate that suits an encoder of so many weights."""
    return _SMALL_RATE if weights < _SMALL_ENCODER else _LARGE_RATE


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")


def _without_seed(options: TrainerOptions) -> TrainerOptions:
    return dataclasses.replace(options, seed=_SEED)


class _Search:
    """Trials of one classifier on one set of texts."""

    def __init__(
        self,
        classifier: TextClassifier,
        options: TrainerOptions,
        files: training.TrainingFiles,
        planned_steps: int,
    ) -> None:
        """Takes what is shared, and the steps of the training that is to follow.

        A trial computes the encoder as that training does. Its few steps repay what XLA takes, too:
        it is the long training that has the search, and all trials have the same programs.
        """
        self._classifier = classifier
        self._planned_steps = planned_steps
        self._options = _without_seed(options)
        self._file = f"{files.kept('rates', self._options, __name__)}.json"
        self._start = classifier.get_weights()
        self._class_weights = training.class_weights(files.labels, options)
        self._buckets = batches.bucket_lengths(options.sequence_length)
        texts = batches.read_token_ids(files.training)
        mixed = texts.shuffle(100_000, seed=_SEED, reshuffle_each_iteration=False)
        held_out = min(_HELD_OUT, len(files.labels) // 5)
        self._held_out, self._texts = mixed.take(held_out), mixed.skip(held_out)

    def run(self, rates: Sequence[float]) -> list[Trial]:
        """Returns every trial in order; those that the file has are not repeated."""
        known = {(trial.rate, trial.steps): trial for trial in _read(self._file)}
        trials: list[Trial] = []
        for steps, count in _ROUNDS:
            round_ = [
                known.get((rate, steps)) or self._tried(rate, steps) for rate in rates[:count]
            ]
            trials += round_
            rates = [trial.rate for trial in sorted(round_, key=lambda trial: trial.order)]
            write_json(self._file, [dataclasses.asdict(trial) for trial in trials])
        return trials

    def _tried(self, rate: float, steps: int) -> Trial:
        report(Progress(trainer_id(FINE_TUNED), 0, None, "steps", f"tries the rate {rate:g}"))
        tf.keras.utils.set_random_seed(_SEED)
        self._classifier.set_weights(self._start)
        options = dataclasses.replace(self._options, encoder_learning_rate=rate)
        training.configure(self._classifier, options, steps, self._planned_steps)
        stream = batches.weighted(
            batches.training_batches(self._texts, options.batch_size, options.seed, self._buckets),
            self._class_weights,
        )
        step, iterator = self._classifier.make_train_function(), iter(stream)
        for _ in itertools.repeat(None, steps):
            step(iterator)
        held_out = batches.weighted(
            batches.evaluation_batches(self._held_out, options.batch_size, self._buckets),
            self._class_weights,
        )
        measured = self._classifier.evaluate(held_out, verbose=0, return_dict=True)
        return Trial(rate, steps, float(measured["loss"]))


def _read(file: str) -> list[Trial]:
    try:
        kept = read_json(file)
    except FileNotFoundError:
        return []
    return [Trial(**{**each, "loss": float(each["loss"] or "nan")}) for each in kept]
