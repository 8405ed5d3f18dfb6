"""Metrics of predictions, each with the weight that every single review has in it.

A metric's influence function says how far one more review of a kind would move it. Its spread over
the reviews gives the metric's standard error, and the spread of the difference of two models'
influences that of their paired difference, at the cost of one more pass over the reviews: no
resampling, no seed. This is the infinitesimal jackknife (Jaeckel 1972; Efron 1982, "The Jackknife,
the Bootstrap and Other Resampling Plans", chapter 6); for the AUC it is the method of DeLong,
DeLong and Clarke-Pearson (1988), "Comparing the Areas under Two or More Correlated Receiver
Operating Characteristic Curves".
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats

from albert_tfx.evaluation.measurements import CONFIDENCE, Interval, ModelMetrics, proportion

AUC = "auc"
PRECISION = "precision"
RECALL = "recall"
F1 = "f1"
LOG_LOSS = "log_loss"
CALIBRATION_ERROR = "calibration_error"

# Guo et al. (2017), "On Calibration of Modern Neural Networks", section 4.1.
CALIBRATION_BINS = 15
_LEAST_PROBABILITY = 1e-7  # Keras's, in the crossentropy that TFMA computes.
# Values that a metric cannot leave; its difference of two models spans twice as much.
_BOUNDS = {LOG_LOSS: (0.0, math.inf)}
_SHARE = (0.0, 1.0)
_WIDTH = float(stats.norm.ppf((1 + CONFIDENCE) / 2))  # of a normal interval, in standard errors


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A metric and where it comes from.

    Attributes:
      value: The metric; NaN where it is undefined.
      influence: float64 `[reviews]`, of mean 0: what each review contributes.
      chance: What chance alone may make of a true value of 0: up to here, the interval begins
        at 0. Only for a metric that chance can but raise.
    """

    value: float
    influence: np.ndarray
    chance: float = 0.0

    def __sub__(self, other: "Estimate") -> "Estimate":
        """Returns the difference of two models on the same reviews."""
        return Estimate(self.value - other.value, self.influence - other.influence)

    def half_width(self, examples: int) -> float:
        """Returns half of the confidence interval's width, for so many reviews.

        They are those of the estimate, or more of which it is a sample: one review's influence
        does not depend on how many others there are.
        """
        deviation = float(np.std(self.influence, ddof=1)) if len(self.influence) > 1 else math.nan
        return _WIDTH * deviation / math.sqrt(examples)


@dataclasses.dataclass(frozen=True)
class CalibrationBins:
    """Reviews by the probability of the model's answer, in bins of equal width from 0 to 1.

    Attributes:
      edges: float64 `[CALIBRATION_BINS + 1]`.
      examples: int64 `[CALIBRATION_BINS]`, the number of reviews.
      confidence: float64 `[CALIBRATION_BINS]`, the mean probability of the answer; NaN without
        reviews.
      accuracy: float64 `[CALIBRATION_BINS]`, the share of right answers; likewise.
    """

    edges: np.ndarray
    examples: np.ndarray
    confidence: np.ndarray
    accuracy: np.ndarray


def estimate(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Estimate]:
    """Measures one model.

    AUC, precision, recall and F1 take each class against the rest, then average over the classes:
    those that occur among `labels` (and, for the AUC, are not all of them). A class that is never
    given as an answer has a precision of 0.

    Args:
      labels: int `[reviews]`.
      probabilities: float `[reviews, classes]`.

    Returns:
      The metrics by name. All are NaN where a probability is.
    """
    probabilities = probabilities.astype(np.float64)
    if not len(labels) or not np.isfinite(probabilities).all():
        undefined = Estimate(math.nan, np.full(len(labels), math.nan))
        return dict.fromkeys((AUC, PRECISION, RECALL, F1, LOG_LOSS, CALIBRATION_ERROR), undefined)
    return {
        AUC: _area_under_curve(labels, probabilities),
        **_answer_metrics(labels, probabilities),
        LOG_LOSS: _log_loss(labels, probabilities),
        CALIBRATION_ERROR: _calibration_error(labels, probabilities),
    }


def measure(labels: np.ndarray, probabilities: np.ndarray) -> ModelMetrics:
    """Measures one model, as `estimate` does, with accuracy and all intervals."""
    examples = len(labels)
    estimated = estimate(labels, probabilities)
    values = {name: each.value for name, each in estimated.items()}
    _, right = _answers(labels, probabilities)
    return ModelMetrics(
        accuracy=proportion(float(right.mean()), examples),
        examples=examples,
        intervals={
            name: interval(name, each, each.value, examples) for name, each in estimated.items()
        },
        **values,
    )


def interval(name: str, estimated: Estimate, value: float, examples: int) -> Interval:
    """Puts the estimate's interval around a metric's value.

    Args:
      name: The metric.
      estimated: Of all reviews or of a sample of them.
      value: The metric over all reviews.
      examples: The number of all reviews.

    Returns:
      The interval, without bounds where the reviews show no spread at all: a perfect AUC of sixty
      reviews is no certainty.
    """
    least, most = _BOUNDS.get(name, _SHARE)
    whole = _around(value, estimated.half_width(examples), least, most)
    is_below_chance = whole.lower is not None and value < estimated.chance
    return dataclasses.replace(whole, lower=least) if is_below_chance else whole


def difference_interval(name: str, estimated: Estimate, value: float, examples: int) -> Interval:
    """Does the same for the difference of two models, `estimated` being the one of theirs."""
    _, most = _BOUNDS.get(name, _SHARE)
    return _around(value, estimated.half_width(examples), -most, most)


def calibration_bins(labels: np.ndarray, probabilities: np.ndarray) -> CalibrationBins:
    """Sorts the reviews into the bins of a reliability diagram; takes what `estimate` does."""
    confidence, right = _answers(labels, probabilities)
    index = _bin(confidence)
    examples = np.bincount(index, minlength=CALIBRATION_BINS)
    counted = np.where(examples, examples, np.nan)
    return CalibrationBins(
        edges=np.linspace(0, 1, CALIBRATION_BINS + 1),
        examples=examples,
        confidence=np.bincount(index, confidence, CALIBRATION_BINS) / counted,
        accuracy=np.bincount(index, right, CALIBRATION_BINS) / counted,
    )


def _around(value: float, half_width: float, least: float, most: float) -> Interval:
    if not (math.isfinite(value) and half_width > 0):
        return Interval(value)
    return Interval(value, max(value - half_width, least), min(value + half_width, most))


def _area_under_curve(labels: np.ndarray, probabilities: np.ndarray) -> Estimate:
    areas = [
        _one_versus_rest(labels == index, probabilities[:, index])
        for index in np.unique(labels)
        if not (labels == index).all()
    ]
    return _mean(areas) if areas else Estimate(math.nan, np.full(len(labels), math.nan))


def _one_versus_rest(positive: np.ndarray, scores: np.ndarray) -> Estimate:
    """Returns the share of pairs in which the positive review has the higher score.

    The placement of a review is the share of the other kind that it outranks, or that outranks
    it; both kinds' placements have the AUC as their mean.
    """
    ranks = stats.rankdata(scores)
    positives = int(positive.sum())
    negatives = len(positive) - positives
    placements = np.empty(len(scores))
    outranked = ranks[positive] - stats.rankdata(scores[positive])
    placements[positive] = outranked / negatives
    outranked = ranks[~positive] - stats.rankdata(scores[~positive])
    placements[~positive] = 1 - outranked / positives
    value = float(placements[positive].mean())
    share = np.where(positive, positives, negatives) / len(positive)
    return Estimate(value, (placements - value) / share)


def _answer_metrics(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, Estimate]:
    answers = probabilities.argmax(axis=1)
    precisions, recalls, f1s = [], [], []
    for index in np.unique(labels):
        given, due = (answers == index).astype(float), (labels == index).astype(float)
        found = given * due
        precisions.append(_ratio(found, given))
        recalls.append(_ratio(found, due))
        f1s.append(_ratio(found, (given + due) / 2))
    return {PRECISION: _mean(precisions), RECALL: _mean(recalls), F1: _mean(f1s)}


def _log_loss(labels: np.ndarray, probabilities: np.ndarray) -> Estimate:
    of_label = probabilities[np.arange(len(labels)), labels]
    losses = -np.log(np.clip(of_label, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY))
    return Estimate(float(losses.mean()), losses - losses.mean())


def _calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> Estimate:
    """Returns the expected calibration error (Naeini et al. 2015; Guo et al. 2017).

    It is the mean over the reviews of how far, within a bin of `calibration_bins`, the probability
    of the answer is from the share of right answers. Chance alone makes it positive: of a perfectly
    calibrated model it is about 0.02 on 2,500 reviews.
    """
    confidence, right = _answers(labels, probabilities)
    index = _bin(confidence)
    excess = confidence - right
    total = np.bincount(index, excess, CALIBRATION_BINS)
    value = float(np.abs(total).sum()) / len(labels)
    influence = np.sign(total)[index] * excess - value
    return Estimate(value, influence, _error_by_chance(confidence, index))


def _error_by_chance(confidence: np.ndarray, index: np.ndarray) -> float:
    """Returns what the error of a perfectly calibrated model hardly ever exceeds.

    Its answers are right with just their probability. The excess of a bin is then normal around 0,
    and its absolute value half-normal.
    """
    variance = np.bincount(index, confidence * (1 - confidence), CALIBRATION_BINS)
    mean, spread = stats.halfnorm.stats(scale=1, moments="mv")
    expected = mean * np.sqrt(variance).sum()
    return float(expected + _WIDTH * math.sqrt(spread * variance.sum())) / len(confidence)


def _answers(labels: np.ndarray, probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the probability of each answer, and 1.0 where it is right, else 0.0."""
    return probabilities.max(axis=1), (probabilities.argmax(axis=1) == labels).astype(float)


def _bin(confidence: np.ndarray) -> np.ndarray:
    return np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> Estimate:
    """Returns the ratio of two means; 0 where the denominator's is."""
    scale = denominator.mean()
    if not scale:
        return Estimate(0.0, np.zeros(len(numerator)))
    value = float(numerator.mean() / scale)
    return Estimate(value, (numerator - value * denominator) / scale)


def _mean(estimates: Sequence[Estimate]) -> Estimate:
    return Estimate(
        float(np.mean([each.value for each in estimates])),
        np.mean([each.influence for each in estimates], axis=0),
    )
