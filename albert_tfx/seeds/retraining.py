"""Compares a recipe with that of the model in production, of which nothing runs any more.

Another seed can move a model by more than a retrain is to gain or to lose, so that one model
against the other says little of the new data. What the trainings of a recipe answered to the test
texts therefore stays with its exported model.
"""

import math

import numpy as np

from albert_tfx.evaluation.measurements import Interval, RecipeGain, around, improvement
from albert_tfx.evaluation.metrics import CONFIDENCE, Metric
from albert_tfx.seeds.answers import Answers
from albert_tfx.seeds.comparing import contributions
from albert_tfx.seeds.crossed import half_width_of_difference

# Of the texts that a recipe has answered, for the rest to be taken to be like them.
_LEAST_SHARE = 0.5


def gain(metric: Metric, new: Answers | None, old: Answers | None) -> RecipeGain | None:
    """Returns what a recipe gains over another one, by all trainings of both.

    Args:
      metric: The one that decides.
      new: Of the recipe that was trained now.
      old: Of the one of the model in production.

    Returns:
      The gain on the texts that both have answered, with the chance of the texts and of either
      recipe's trainings in its interval; None where one of the two is not known, has other classes,
      has a training that diverged, or has answered too few of the new one's texts, and where the
      metric is not defined on these.
    """
    if new is None or old is None or new.probabilities.shape[2] != old.probabilities.shape[2]:
        return None
    _, ours, theirs = np.intersect1d(new.hashes, old.hashes, return_indices=True)
    alike = new.labels[ours] == old.labels[theirs]
    ours, theirs = ours[alike], theirs[alike]
    if len(ours) < max(2, _LEAST_SHARE * len(new.hashes)):
        return None
    labels = new.labels[ours]
    pair = new.probabilities[:, ours], old.probabilities[:, theirs]
    if not all(np.isfinite(each).all() for each in pair):
        return None
    gained, lost = (contributions(metric, labels, each) for each in pair)
    interval = _difference(metric, gained, lost)
    if not math.isfinite(interval.value):
        return None
    return RecipeGain(improvement(metric, interval), len(ours), new.seeds, old.seeds)


def _difference(metric: Metric, gained: np.ndarray, lost: np.ndarray) -> Interval:
    value = float(gained.mean() - lost.mean())
    half_width = half_width_of_difference(gained, lost, CONFIDENCE)
    return around(value, half_width, -metric.bounds[1], metric.bounds[1])
