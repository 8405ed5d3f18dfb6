"""Compares recipes, not two models: by every training, on every text.

An evaluation by TFMA knows the two exported models. Which of a recipe's trainings these are is
chance; what a comparison is to say is what the recipe gives.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from albert_tfx.contract import EVAL, FINE_TUNED, FROZEN, LABEL_SLICE, LENGTH_SLICE, SLICES, TEST
from albert_tfx.data.lengths import length_name
from albert_tfx.evaluation import baseline
from albert_tfx.evaluation.measurements import (
    Comparison,
    Interval,
    ModelMetrics,
    SeedAccuracy,
    SliceComparison,
    TestComparison,
    around,
)
from albert_tfx.evaluation.metrics import (
    ACCURACY,
    CONFIDENCE,
    METRICS,
    Ints,
    Metric,
    estimate_one,
)
from albert_tfx.evaluation.results import Evaluation
from albert_tfx.modeling.fitting import TrainingHistory
from albert_tfx.seeds.answers import Answers, Floats, load
from albert_tfx.seeds.crossed import spread


def load_comparison(
    evaluation_uri: str,
    run_uris: Mapping[str, str],
    metric: str = ACCURACY.choice,
    yardstick_uri: str | None = None,
) -> Comparison:
    """Returns how both recipes did on the eval split, and on the test split.

    Args:
      evaluation_uri: Folder of the Evaluator's `evaluation` of the two models.
      run_uris: Folder of each Trainer's `model_run`, by model; none for the two models alone.
      metric: The metric that decides, as `SelectionPolicy.metric` names it.
      yardstick_uri: Folder of Yardstick's `result`, or None to leave it out.

    Raises:
      InputError: The folders do not belong to one run.
    """
    yardstick = None if yardstick_uri is None else baseline.Answers.load(yardstick_uri)
    return with_runs(Evaluation.load(evaluation_uri), run_uris, metric, yardstick)


def with_runs(
    evaluation: Evaluation,
    run_uris: Mapping[str, str],
    metric: str = ACCURACY.choice,
    yardstick: baseline.Answers | None = None,
) -> Comparison:
    """Does what `load_comparison` does, with what was read already."""
    comparison = evaluation.comparison(metric, yardstick)
    answers = {model: load(uri) for model, uri in run_uris.items()}
    if not answers or not all(answers.values()):
        return comparison
    return across_seeds(
        comparison,
        answers,
        {model: _seeds(TrainingHistory.load(uri)) for model, uri in run_uris.items()},
        evaluation.predictions.class_names,
        yardstick,
    )


def _seeds(history: TrainingHistory) -> list[int]:
    return [int(each["seed"]) for each in history.seeds]


def across_seeds(
    comparison: Comparison,
    answers: Mapping[str, Mapping[str, Answers]],
    seeds: Mapping[str, Sequence[int]],
    class_names: Sequence[str],
    yardstick: baseline.Answers | None = None,
) -> Comparison:
    """Returns `comparison` with what all trainings say of the two recipes, and with the test split.

    The metrics of the two models stay those of the exported ones. Of one training, the differences
    on the eval split stay as they were measured, too.

    Args:
      comparison: The two exported models on the eval split.
      answers: By model, then by split, from `answers.load`.
      seeds: The seeds of each model's trainings, in the order of their answers.
      class_names: The classes.
      yardstick: The yardstick's answers, or None to leave it out. It has no chance of training: the
        same texts give the same one.

    Raises:
      InputError: The two models' answers are not about the same texts.
    """
    frozen, fine_tuned = answers[FROZEN], answers[FINE_TUNED]
    for split, theirs in frozen.items():
        fine_tuned[split].require_same_texts(theirs)
    on_test = _answers_to(frozen[TEST], yardstick, class_names)
    known = dataclasses.replace(
        comparison,
        seeds=fine_tuned[EVAL].seeds,
        by_seed=_by_seed(answers, seeds),
        test=_compare(frozen[TEST], fine_tuned[TEST], comparison.metric, on_test),
    )
    if known.seeds < 2:
        return known
    metric = comparison.metric
    members = _slices(frozen[EVAL], class_names)
    known_answers = _answers_to(frozen[EVAL], yardstick, class_names)
    recipes = _compare(frozen[EVAL], fine_tuned[EVAL], metric, known_answers)
    return dataclasses.replace(
        known,
        recipes={FROZEN: recipes.frozen, FINE_TUNED: recipes.fine_tuned},
        difference=recipes.difference,
        differences=recipes.differences,
        slices=tuple(
            _slice(each, members[each.name], frozen[EVAL], fine_tuned[EVAL], metric, known_answers)
            for each in comparison.slices
        ),
        gains=recipes.gains,
    )


def _by_seed(
    answers: Mapping[str, Mapping[str, Answers]], seeds: Mapping[str, Sequence[int]]
) -> tuple[SeedAccuracy, ...]:
    return tuple(
        SeedAccuracy(
            model, int(seed), *(float(splits[split].right[row].mean()) for split in (EVAL, TEST))
        )
        for model, splits in answers.items()
        for row, seed in enumerate(seeds[model])
    )


def _compare(
    frozen: Answers, fine_tuned: Answers, decides: Metric, yardstick: Floats | None
) -> TestComparison:
    differences = {
        each.name: _difference(each, frozen.labels, fine_tuned.probabilities, frozen.probabilities)
        for each in _measured(decides)
    }
    return TestComparison(
        frozen=_metrics(frozen, decides),
        fine_tuned=_metrics(fine_tuned, decides),
        difference=differences.pop(ACCURACY.name),
        differences=differences,
        gains=_gains({FROZEN: frozen, FINE_TUNED: fine_tuned}, yardstick, decides),
    )


def _answers_to(
    texts: Answers, yardstick: baseline.Answers | None, class_names: Sequence[str]
) -> Floats | None:
    """Returns the yardstick's answers as those of one training, `[1, texts, classes]`."""
    if yardstick is None or not yardstick.has(texts.hashes, texts.labels):
        return None
    return yardstick.to(texts.hashes, texts.labels, len(class_names))[np.newaxis]


def _gains(
    answers: Mapping[str, Answers], yardstick: Floats | None, decides: Metric
) -> dict[str, dict[str, Interval]]:
    """Returns each metric of each recipe less that of the yardstick, which is one training."""
    if yardstick is None:
        return {}
    return {
        model: {
            metric.name: _difference(metric, each.labels, each.probabilities, yardstick)
            for metric in _measured(decides)
        }
        for model, each in answers.items()
    }


def _measured(decides: Metric) -> list[Metric]:
    """Returns the metrics of every comparison, and the one that decides."""
    return list({**METRICS, decides.name: decides}.values())


def contributions(metric: Metric, labels: Ints, probabilities: Floats) -> Floats:
    """Returns float64 `[seeds, texts]`: a training's value, and each text's influence.

    Of a share of right answers it is the answers themselves, on the texts that it is a share of.
    """
    if metric.estimate is None:
        right = probabilities.argmax(axis=2) == labels
        return np.asarray(right[:, metric.counted(labels)], np.float64)
    found = [estimate_one(metric, labels, each) for each in probabilities]
    return np.stack([each.value + each.influence for each in found])


def _difference(metric: Metric, labels: Ints, ours: Floats, theirs: Floats) -> Interval:
    changed = contributions(metric, labels, ours) - contributions(metric, labels, theirs)
    if metric.estimate is None:
        return _paired(changed)
    return _interval(changed, -metric.bounds[1], metric.bounds[1])


def _metrics(answers: Answers, decides: Metric) -> ModelMetrics:
    return ModelMetrics(
        len(answers.labels),
        {
            each.name: _interval(
                contributions(each, answers.labels, answers.probabilities), *each.bounds
            )
            for each in _measured(decides)
        },
    )


def _paired(differences: Floats) -> Interval:
    """Returns a difference of accuracies with its interval.

    As `measurements.paired_difference`, of which it is the generalisation to several trainings: one
    text that only the one model gets right and one that only the other does are added to the
    interval, so that few texts, all answered alike, do not make it certain.

    Args:
      differences: float64 `[seeds, texts]`, of -1, 0 and 1.
    """
    if not differences.size:
        return Interval(math.nan)
    seeds = len(differences)
    added = np.concatenate([differences, np.ones([seeds, 1]), -np.ones([seeds, 1])], axis=1)
    around = _interval(added, -1.0, 1.0)
    return dataclasses.replace(around, value=float(differences.mean()))


def _interval(contributions: Floats, least: float, most: float) -> Interval:
    if not contributions.size:
        return Interval(math.nan)
    value = float(contributions.mean())
    return around(value, spread(contributions).half_width(CONFIDENCE), least, most)


def _slices(answers: Answers, class_names: Sequence[str]) -> dict[str, np.ndarray]:
    """Returns which texts belong to each slice, bool `[texts]` by the slice's name."""
    named: Mapping[str, tuple[np.ndarray, Callable[[int], str]]] = {
        LENGTH_SLICE: (answers.words, length_name),
        LABEL_SLICE: (answers.labels, class_names.__getitem__),
    }
    members: dict[str, np.ndarray] = {}
    for column, (values, name_of) in named.items():
        names = np.array([name_of(value) for value in values.tolist()])
        members |= {f"{SLICES[column]} {name}": names == name for name in np.unique(names)}
    return members


def _slice(
    measured: SliceComparison,
    members: np.ndarray,
    frozen: Answers,
    fine_tuned: Answers,
    decides: Metric,
    yardstick: Floats | None,
) -> SliceComparison:
    theirs, ours = frozen.right[:, members], fine_tuned.right[:, members]
    labels = frozen.labels[members]
    recipes = {
        model: each.probabilities[:, members]
        for model, each in ((FINE_TUNED, fine_tuned), (FROZEN, frozen))
    }
    metric = ACCURACY if measured.metric == ACCURACY.name else decides
    return dataclasses.replace(
        measured,
        frozen=_interval(theirs, *ACCURACY.bounds),
        fine_tuned=_interval(ours, *ACCURACY.bounds),
        difference=_paired(ours - theirs),
        change=None if measured.change is None else _difference(decides, labels, *recipes.values()),
        values={
            model: _interval(contributions(metric, labels, each), *metric.bounds)
            for model, each in recipes.items()
            if measured.values
        }
        | {model: each for model, each in measured.values.items() if model not in recipes},
        gains={}
        if yardstick is None
        else {
            model: _difference(metric, labels, each, yardstick[:, members])
            for model, each in recipes.items()
        },
    )
