"""The metrics, each declared once in `METRICS`, with the weight of every review in its value.

To add a metric, write the function that estimates it and add one entry to `METRICS`: TFMA's
configuration, `summary.json`, its description, the tables, the page and the terminal follow. An
entry with `choice` can decide what wins (`--metric`), and one with `of_class` can for one class.

A metric's influence function says how far one more review of a kind would move it. Its spread over
the reviews gives the metric's standard error, and the spread of the difference of two models'
influences that of their paired difference, at the cost of one more pass over the reviews: no
resampling, no seed. This is the infinitesimal jackknife (Jaeckel 1972; Efron 1982, "The Jackknife,
the Bootstrap and Other Resampling Plans", chapter 6); for the AUC it is the method of DeLong,
DeLong and Clarke-Pearson (1988), "Comparing the Areas under Two or More Correlated Receiver
Operating Characteristic Curves".
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from albert_tfx.errors import InputError, did_you_mean

CONFIDENCE = 0.95
# Guo et al. (2017), "On Calibration of Modern Neural Networks", section 4.1.
CALIBRATION_BINS = 15
_LEAST_PROBABILITY = 1e-7  # Keras's, in the crossentropy that TFMA computes.
_WIDTH = float(stats.norm.ppf((1 + CONFIDENCE) / 2))  # of a normal interval, in standard errors

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.integer[Any]]


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A metric and where it comes from.

    Attributes:
      value: The metric; NaN where it is undefined.
      influence: float64 `[reviews]`, of mean 0: what each review contributes.
      chance: Largest value that chance alone is likely to produce where the true value is 0: up to
        it, the interval begins at 0. Only for a metric that chance cannot lower.
    """

    value: float
    influence: Floats
    chance: float = 0.0

    def __sub__(self, other: "Estimate") -> "Estimate":
        """Returns the difference of two models on the same reviews."""
        return Estimate(self.value - other.value, self.influence - other.influence)

    def half_width(self, examples: int) -> float:
        """Returns half of the confidence interval's width.

        Args:
          examples: Number of reviews that the interval is for. The estimate may come from a sample
            of them: a review's influence does not depend on how many others there are.
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

    edges: Floats
    examples: Ints
    confidence: Floats
    accuracy: Floats


def calibration_bins(labels: Ints, probabilities: Floats) -> CalibrationBins:
    """Sorts the reviews into the bins of a reliability diagram; takes what `estimate` takes."""
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


def _area_under_curve(labels: Ints, probabilities: Floats) -> Estimate:
    areas = [
        _one_versus_rest(labels == index, probabilities[:, index])
        for index in np.unique(labels)
        if not (labels == index).all()
    ]
    return _mean(areas) if areas else _undefined(len(labels))


def _one_versus_rest(positive: NDArray[np.bool_], scores: Floats) -> Estimate:
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


def _precision(given: Floats, due: Floats) -> Estimate:
    return _ratio(given * due, given)


def _recall(given: Floats, due: Floats) -> Estimate:
    return _ratio(given * due, due)


def _f1(given: Floats, due: Floats) -> Estimate:
    return _ratio(given * due, (given + due) / 2)


# Measures one class. Both arguments are float64 `[reviews]`: 1 where the class is given as the
# answer, and where it is the label, else 0.
_OfClass = Callable[[Floats, Floats], Estimate]


def _mean_over_classes(measured: _OfClass, labels: Ints, probabilities: Floats) -> Estimate:
    return _mean([_of_class(measured, index, labels, probabilities) for index in np.unique(labels)])


def _of_class(measured: _OfClass, index: int, labels: Ints, probabilities: Floats) -> Estimate:
    """Measures one class; undefined where no text has it as label."""
    due = labels == index
    if not due.any():
        return _undefined(len(labels))
    return measured((probabilities.argmax(axis=1) == index).astype(float), due.astype(float))


def _log_loss(labels: Ints, probabilities: Floats) -> Estimate:
    of_label = probabilities[np.arange(len(labels)), labels]
    losses = -np.log(np.clip(of_label, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY))
    return Estimate(float(losses.mean()), losses - losses.mean())


def _calibration_error(labels: Ints, probabilities: Floats) -> Estimate:
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


def _error_by_chance(confidence: Floats, index: Ints) -> float:
    """Returns the error that a perfectly calibrated model hardly ever exceeds.

    Such a model is right as often as its probabilities say. The excess of a bin is then normal
    around 0, and its absolute value half-normal.
    """
    variance = np.bincount(index, confidence * (1 - confidence), CALIBRATION_BINS)
    mean, spread = stats.halfnorm.stats(scale=1, moments="mv")
    expected = mean * np.sqrt(variance).sum()
    return float(expected + _WIDTH * math.sqrt(spread * variance.sum())) / len(confidence)


def _answers(labels: Ints, probabilities: Floats) -> tuple[Floats, Floats]:
    """Returns the probability of each answer, and 1.0 where it is right, else 0.0."""
    return probabilities.max(axis=1), (probabilities.argmax(axis=1) == labels).astype(float)


def _bin(confidence: Floats) -> Ints:
    return np.minimum(confidence * CALIBRATION_BINS, CALIBRATION_BINS - 1).astype(int)


def _ratio(numerator: Floats, denominator: Floats) -> Estimate:
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


# Maps the classes' shares of the labels, float64 `[classes]`, to the best value that an answer
# reaches which is the same for every text.
_Constant = Callable[[Floats], float]


def _largest_share(shares: Floats) -> float:
    return float(shares.max())


def _one_of_the_classes(shares: Floats) -> float:
    return 1 / np.count_nonzero(shares)


def _f1_of_the_largest(shares: Floats) -> float:
    return _f1_of_share(float(shares.max())) / np.count_nonzero(shares)


def _f1_of_share(share: float) -> float:
    return 2 * share / (1 + share)


def _entropy(shares: Floats) -> float:
    return float(stats.entropy(shares))


@dataclasses.dataclass(frozen=True)
class Metric:
    """A metric, as everything that measures or shows it needs to know it.

    Attributes:
      name: Its key in `summary.json` and in TFMA's results.
      title: Its name for people, as it reads within a sentence.
      meaning: What it measures.
      estimate: Measures it from labels, int `[reviews]`, and probabilities, float64
        `[reviews, classes]`; None where it is a share of right answers, whose intervals come from
        counts.
      constant: Gives its best value of an answer that is the same for every text.
      tfma_class: TFMA's metric that measures it on all reviews. Where it is empty, TFMA's result is
        that of `estimate`.
      higher_is_better: Whether a greater value is a better model.
      bounds: Least and greatest value.
      is_percentage: Whether the page shows it in percent, and a difference of it in points.
      in_terminal: Whether the terminal's table shows it.
      choice: Its name as `--metric` has it; empty where it cannot decide.
      of_class: Measures it for one class, where it has a value for one.
      constant_of_share: Of one class, what `constant` is, from the class's share of the labels.
      index: The class that it is for; None for all.
      is_of_one_class: Whether it has a meaning on texts that are all of one class; where it has
        none, the share of right answers takes its place there.
    """

    name: str
    title: str
    meaning: str
    estimate: Callable[[Ints, Floats], Estimate] | None
    constant: _Constant | None = None
    tfma_class: str = ""
    higher_is_better: bool = True
    bounds: tuple[float, float] = (0.0, 1.0)
    is_percentage: bool = False
    in_terminal: bool = False
    choice: str = ""
    of_class: _OfClass | None = None
    constant_of_share: Callable[[float], float] | None = None
    index: int | None = None
    is_of_one_class: bool = False

    def counted(self, labels: Ints) -> NDArray[np.bool_]:
        """Returns which texts a share of right answers is a share of, bool `[reviews]`."""
        return np.ones(len(labels), bool) if self.index is None else labels == self.index

    @property
    def guard(self) -> "Metric":
        """The metric by which a model has to beat an answer that is the same for every text.

        Always giving one class finds all of its texts, so that no recall of a class can exceed that
        answer's: the mean over the classes takes its place.
        """
        return self if self.constant else RECALL

    def best_constant(self, labels: Ints) -> float:
        """Returns the best value of an answer that is the same for every text.

        Args:
          labels: int `[reviews]`.
        """
        shares = np.bincount(labels, minlength=(self.index or 0) + 1) / len(labels)
        return math.nan if self.constant is None else self.constant(shares)


ACCURACY = Metric(
    "accuracy",
    "accuracy",
    "Share of texts whose most probable class is the label",
    estimate=None,
    constant=_largest_share,
    tfma_class="SparseCategoricalAccuracy",
    is_percentage=True,
    in_terminal=True,
    choice="accuracy",
    is_of_one_class=True,
)
AUC = Metric(
    "auc",
    "AUC",
    "Area under the ROC curve, each class against the rest, mean over the classes",
    _area_under_curve,
    constant=lambda _: 0.5,
    in_terminal=True,
    choice="auc",
)
PRECISION = Metric(
    "precision",
    "precision",
    "Of the texts answered with a class, the share that has it as label; mean over the classes",
    functools.partial(_mean_over_classes, _precision),
    is_percentage=True,
    of_class=_precision,
    constant_of_share=lambda share: share,
)
RECALL = Metric(
    "recall",
    "recall",
    "Of the texts with a class as label, the share answered with it; mean over the classes, "
    "which is the balanced accuracy",
    functools.partial(_mean_over_classes, _recall),
    constant=_one_of_the_classes,
    is_percentage=True,
    choice="balanced_accuracy",
    of_class=_recall,
)
F1 = Metric(
    "f1",
    "F1",
    "Harmonic mean of a class's precision and recall; mean over the classes",
    functools.partial(_mean_over_classes, _f1),
    constant=_f1_of_the_largest,
    is_percentage=True,
    choice="macro_f1",
    of_class=_f1,
    constant_of_share=_f1_of_share,
)
LOG_LOSS = Metric(
    "log_loss",
    "log loss",
    "Mean negative natural logarithm of the label's probability",
    _log_loss,
    constant=_entropy,
    tfma_class="SparseCategoricalCrossentropy",
    higher_is_better=False,
    bounds=(0.0, math.inf),
    in_terminal=True,
    choice="log_loss",
    is_of_one_class=True,
)
CALIBRATION_ERROR = Metric(
    "calibration_error",
    "calibration error",
    "Expected calibration error: mean distance between the probability of an answer and the share "
    "of right answers",
    _calibration_error,
    higher_is_better=False,
    is_percentage=True,
)

METRICS = {
    each.name: each for each in (ACCURACY, AUC, PRECISION, RECALL, F1, LOG_LOSS, CALIBRATION_ERROR)
}
_CHOICES = {each.choice: each for each in METRICS.values() if each.choice}
_TITLES = {"balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}


def deciding(choice: str, class_names: Sequence[str]) -> Metric:
    """Returns the metric that `--metric` names.

    Args:
      choice: As `options.SelectionPolicy.metric` has it: `macro_f1`, or `recall:CLASS`.
      class_names: The classes.

    Raises:
      InputError: There is no such metric, or no such class.
    """
    if choice in _CHOICES:
        metric = _CHOICES[choice]
        return dataclasses.replace(metric, title=_TITLES.get(choice, metric.title))
    name, _, class_name = choice.partition(":")
    metric = METRICS.get(name, CALIBRATION_ERROR)
    if metric.of_class is None:
        remedy = did_you_mean(choice, _CHOICES, "Give one that --help lists")
        raise InputError(f"--metric cannot be {choice!r}", remedy)
    if class_name not in class_names:
        raise InputError(
            f"--metric {choice} names no class of these texts",
            did_you_mean(class_name, class_names, f"There are {', '.join(class_names)}"),
        )
    return _for_class(metric, class_names.index(class_name), class_name)


def _for_class(metric: Metric, index: int, class_name: str) -> Metric:
    assert metric.of_class
    of_share = metric.constant_of_share
    estimated = functools.partial(_of_class, metric.of_class, index)
    return dataclasses.replace(
        metric,
        name=f"{metric.name}:{class_name}",
        title=f"{metric.title} of {class_name}",
        estimate=None if metric is RECALL else estimated,
        constant=None if of_share is None else lambda shares: of_share(float(shares[index])),
        index=index,
    )


def estimate(labels: Ints, probabilities: Floats) -> dict[str, Estimate]:
    """Measures one model.

    AUC, precision, recall and F1 take each class against the rest, then average over the classes:
    those that occur among `labels` (and, for the AUC, are not all of them). A class that is never
    given as an answer has a precision of 0.

    Args:
      labels: int `[reviews]`.
      probabilities: float `[reviews, classes]`.

    Returns:
      The metrics that have an estimate, by name. All are NaN where a probability is.
    """
    return {
        each.name: estimate_one(each, labels, probabilities)
        for each in METRICS.values()
        if each.estimate
    }


def estimate_one(metric: Metric, labels: Ints, probabilities: Floats) -> Estimate:
    """Measures one model by one metric that has an estimate; takes what `estimate` does."""
    probabilities = probabilities.astype(np.float64)
    if metric.estimate is None or not len(labels) or not np.isfinite(probabilities).all():
        return _undefined(len(labels))
    return metric.estimate(labels, probabilities)


def _undefined(examples: int) -> Estimate:
    return Estimate(math.nan, np.full(examples, math.nan))
