"""Trains one recipe several times: a recipe is known by what its trainings have in common.

Fine-tuning with another seed can move accuracy by several points, on the same texts (Dodge et al.
2020, "Fine-Tuning Pretrained Language Models: Weight Initializations, Data Orders, and Early
Stopping"). The seeds follow one another, so that the two models' trainings are paired by them.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from albert_tfx.contract import trainer_id
from albert_tfx.modeling import batches, fitting, training
from albert_tfx.modeling.classifier import TextClassifier
from albert_tfx.modeling.fitting import TrainingHistory
from albert_tfx.options import TrainerOptions
from albert_tfx.progress import Progress, report


@dataclasses.dataclass(frozen=True)
class Repetitions:
    """What the trainings of one recipe gave.

    Attributes:
      classifier: The one that did best on the eval split.
      history: Its history, with `seeds`: what each of them reached.
      probabilities: float32 `[seeds, texts, classes]` by split, the texts in the order in which
        `batches.read_texts` reads them.
    """

    classifier: TextClassifier
    history: TrainingHistory
    probabilities: Mapping[str, np.ndarray]


def seeds_of(options: TrainerOptions) -> Iterator[TrainerOptions]:
    """Yields the options of each training, by their seeds."""
    for number in range(options.seeds):
        yield dataclasses.replace(options, seed=(options.seed + number) % 2**32)


def train_each(
    options: TrainerOptions,
    classes: int,
    files: training.TrainingFiles,
    splits: Mapping[str, Sequence[str]],
    measure: fitting.Measure | None = None,
) -> Repetitions:
    """Trains with each seed, and asks each trained model about the splits.

    A training that was stopped goes on where it was, and those before it are not repeated.

    Args:
      options: As `training.train` takes them, with the first seed.
      classes: Number of classes.
      files: What to train on.
      splits: Patterns of the files of the texts to answer, by split, such as `files.validation`.
      measure: As `training.train` takes it.
    """
    best: tuple[TextClassifier, TrainingHistory] | None = None
    histories: list[TrainingHistory] = []
    answers: list[dict[str, np.ndarray]] = []
    for number, of_seed in enumerate(seeds_of(options)):
        classifier, history = training.train(of_seed, classes, files, number, measure)
        histories.append(history)
        answers.append(
            {split: _answers(classifier, options, split, splits[split]) for split in splits}
        )
        if best is None or _merit(options, history) > _merit(options, best[1]):
            best = classifier, history
    assert best is not None  # `options.seeds` is 1 or more
    reached = tuple(
        {"seed": each.seed, **each.epochs[each.best_epoch], "train_seconds": each.train_seconds}
        for each in histories
    )
    probabilities = {split: np.stack([each[split] for each in answers]) for split in splits}
    measured = (each.train_memory_bytes for each in histories)
    most = max(filter(math.isfinite, measured), default=math.nan)
    history = dataclasses.replace(best[1], seeds=reached, train_memory_bytes=most)
    return Repetitions(best[0], history, probabilities)


def _merit(options: TrainerOptions, history: TrainingHistory) -> tuple[float, ...]:
    return training.best_by(options).merit(history.epochs[history.best_epoch])


def _answers(
    classifier: TextClassifier, options: TrainerOptions, split: str, patterns: Sequence[str]
) -> np.ndarray:
    """Returns the probabilities of every text, float32 `[texts, classes]`; says how far it is."""
    model, read, buckets = training.what_to_train(classifier, options)
    numbered = read(patterns).enumerate().map(lambda number, text: (text[0], number))
    total, component = len(batches.read_labels(patterns)), trainer_id(options.model)
    numbers, probabilities = fitting.answers(
        model,
        batches.evaluation_batches(numbered, options.batch_size, buckets),
        lambda done: report(Progress(component, done, total, "texts", f"answers {split}")),
    )
    return np.asarray(probabilities[np.argsort(numbers)])


def forget(options: TrainerOptions, files: training.TrainingFiles) -> None:
    """Removes the checkpoints of every training, once nothing can be lost any more."""
    for of_seed in seeds_of(options):
        fitting.forget(files.checkpoints(of_seed))
