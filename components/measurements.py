"""What was measured of the models, with its uncertainty: plain numbers, no TFX."""

import dataclasses
import math
import statistics

from scipy import stats

CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Interval:
    """A measured value and its confidence interval.

    Attributes:
      value: The point estimate.
      lower: Lower bound at `CONFIDENCE`, or None where no interval is known.
      upper: Upper bound, likewise.
    """

    value: float
    lower: float | None = None
    upper: float | None = None


@dataclasses.dataclass(frozen=True)
class ModelMetrics:
    """How one model did on one split.

    Attributes:
      accuracy: Share of reviews whose most probable class is the label.
      auc: Area under the ROC curve, each class against the rest, averaged over the classes.
      log_loss: Mean negative natural logarithm of the label's probability.
      examples: Number of reviews.
    """

    accuracy: Interval
    auc: float
    log_loss: float
    examples: int


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How both models did on the same reviews.

    Attributes:
      frozen: The baseline.
      fine_tuned: The candidate.
      difference: Accuracy of `fine_tuned` less that of `frozen`, paired review by review.
      majority_share: Share of the most frequent class, the accuracy of always answering it.
    """

    frozen: ModelMetrics
    fine_tuned: ModelMetrics
    difference: Interval
    majority_share: float


def proportion(value: float, examples: int) -> Interval:
    """Returns a share of `examples` with its Wilson score interval (Wilson 1927)."""
    if not math.isfinite(value) or examples < 1:
        return Interval(value)
    test = stats.binomtest(round(value * examples), examples)
    bounds = test.proportion_ci(confidence_level=CONFIDENCE, method="wilson")
    return Interval(value, float(bounds.low), float(bounds.high))


def paired_difference(gained: int, lost: int, examples: int) -> Interval:
    """Returns the difference of two accuracies on the same reviews, with its interval.

    Reviews that both models get right, or both wrong, say nothing about the difference: only the
    discordant pairs do. The interval is the adjusted Wald interval of Bonett and Price (2012),
    "Adjusted Wald Confidence Interval for a Difference of Binomial Proportions Based on Paired
    Data", which keeps its coverage where few pairs or none are discordant.

    Args:
      gained: Reviews that only the candidate gets right.
      lost: Reviews that only the baseline gets right.
      examples: All reviews.
    """
    gain, loss = (gained + 1) / (examples + 2), (lost + 1) / (examples + 2)
    variance = (gain + loss - (gain - loss) ** 2) / (examples + 2)
    half_width = statistics.NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt(variance)
    centre = gain - loss
    return Interval(
        (gained - lost) / examples, max(centre - half_width, -1.0), min(centre + half_width, 1.0)
    )
