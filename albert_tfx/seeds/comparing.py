"""Compares recipes, not two models: by every training, on every text.

An evaluation by TFMA knows the two exported models. Which of a recipe's trainings these are is
chance; what a comparison is to say is what the recipe gives.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from albert_tfx.contract import EVAL, FINE_TUNED, FROZEN, TEST
from albert_tfx.data.lengths import length_name
from albert_tfx.evaluation.measurements import (
    Comparison,
    Interval,
    ModelMetrics,
    SeedAccuracy,
    SliceComparison,
    TestComparison,
)
from albert_tfx.evaluation.metrics import ACCURACY, CONFIDENCE, METRICS, estimate
from albert_tfx.evaluation.results import Evaluation
from albert_tfx.evaluation.tfma_config import LABEL_SLICE, LENGTH_SLICE, SLICES
from albert_tfx.modeling.fitting import TrainingHistory
from albert_tfx.seeds.answers import Answers, Floats, load
from albert_tfx.seeds.crossed import spread


def load_comparison(evaluation_uri: str, run_uris: Mapping[str, str]) -> Comparison:
    """Returns how both recipes did on the eval split, and on the test split.

    Args:
      evaluation_uri: Folder of the Evaluator's `evaluation` of the two models.
      run_uris: Folder of each Trainer's `model_run`, by model; none for the two models alone.

    Raises:
      InputError: The folders do not belong to one run.
    """
    return with_runs(Evaluation.load(evaluation_uri), run_uris)


def with_runs(evaluation: Evaluation, run_uris: Mapping[str, str]) -> Comparison:
    """Does what `load_comparison` does, with an evaluation that was read already."""
    comparison = evaluation.comparison()
    answers = {model: load(uri) for model, uri in run_uris.items()}
    if not answers or not all(answers.values()):
        return comparison
    return across_seeds(
        comparison,
        answers,
        {model: _seeds(TrainingHistory.load(uri)) for model, uri in run_uris.items()},
        evaluation.predictions.class_names,
    )


def _seeds(history: TrainingHistory) -> list[int]:
    return [int(each["seed"]) for each in history.seeds]


def across_seeds(
    comparison: Comparison,
    answers: Mapping[str, Mapping[str, Answers]],
    seeds: Mapping[str, Sequence[int]],
    class_names: Sequence[str],
) -> Comparison:
    """Returns `comparison` with what all trainings say of the two recipes, and with the test split.

    The metrics of the two models stay those of the exported ones. Of one training, the differences
    on the eval split stay as they were measured, too.

    Args:
      comparison: The two exported models on the eval split.
      answers: By model, then by split, from `answers.load`.
      seeds: The seeds of each model's trainings, in the order of their answers.
      class_names: The classes.

    Raises:
      InputError: The two models' answers are not about the same texts.
    """
    frozen, fine_tuned = answers[FROZEN], answers[FINE_TUNED]
    for split, theirs in frozen.items():
        fine_tuned[split].require_same_texts(theirs)
    known = dataclasses.replace(
        comparison,
        seeds=fine_tuned[EVAL].seeds,
        by_seed=_by_seed(answers, seeds),
        test=_compare(frozen[TEST], fine_tuned[TEST]),
    )
    if known.seeds < 2:
        return known
    recipes = _compare(frozen[EVAL], fine_tuned[EVAL])
    members = _slices(frozen[EVAL], class_names)
    return dataclasses.replace(
        known,
        recipes={FROZEN: recipes.frozen, FINE_TUNED: recipes.fine_tuned},
        difference=recipes.difference,
        differences=recipes.differences,
        slices=tuple(
            _slice(each, members[each.name], frozen[EVAL], fine_tuned[EVAL])
            for each in comparison.slices
        ),
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


def _compare(frozen: Answers, fine_tuned: Answers) -> TestComparison:
    theirs, ours = _contributions(frozen), _contributions(fine_tuned)
    differences = {
        name: _interval(
            ours[name] - theirs[name], -METRICS[name].bounds[1], METRICS[name].bounds[1]
        )
        for name in ours
        if name != ACCURACY.name
    }
    return TestComparison(
        frozen=_metrics(theirs),
        fine_tuned=_metrics(ours),
        difference=_paired(ours[ACCURACY.name] - theirs[ACCURACY.name]),
        differences=differences,
    )


def _contributions(answers: Answers) -> dict[str, Floats]:
    """Returns float64 `[seeds, texts]` by metric: a training's value, and each text's influence."""
    found = [estimate(answers.labels, each) for each in answers.probabilities]
    return {
        ACCURACY.name: answers.right,
        **{
            name: np.stack([each[name].value + each[name].influence for each in found])
            for name in found[0]
        },
    }


def _metrics(contributions: Mapping[str, Floats]) -> ModelMetrics:
    examples = next(iter(contributions.values())).shape[1]
    return ModelMetrics(
        examples,
        {name: _interval(each, *METRICS[name].bounds) for name, each in contributions.items()},
    )


def _paired(differences: Floats) -> Interval:
    """Returns a difference of accuracies with its interval.

    As `measurements.paired_difference`, of which it is the generalisation to several trainings: one
    text that only the one model gets right and one that only the other does are added to the
    interval, so that few texts, all answered alike, do not make it certain.

    Args:
      differences: float64 `[seeds, texts]`, of -1, 0 and 1.
    """
    seeds = len(differences)
    added = np.concatenate([differences, np.ones([seeds, 1]), -np.ones([seeds, 1])], axis=1)
    around = _interval(added, -1.0, 1.0)
    return dataclasses.replace(around, value=float(differences.mean()))


def _interval(contributions: Floats, least: float, most: float) -> Interval:
    value = float(contributions.mean())
    half_width = spread(contributions).half_width(CONFIDENCE)
    if not (np.isfinite(value) and half_width > 0):
        return Interval(value)
    return Interval(value, max(value - half_width, least), min(value + half_width, most))


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
    measured: SliceComparison, members: np.ndarray, frozen: Answers, fine_tuned: Answers
) -> SliceComparison:
    theirs, ours = frozen.right[:, members], fine_tuned.right[:, members]
    return dataclasses.replace(
        measured,
        frozen=_interval(theirs, *ACCURACY.bounds),
        fine_tuned=_interval(ours, *ACCURACY.bounds),
        difference=_paired(ours - theirs),
    )
