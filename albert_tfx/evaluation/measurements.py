"""What was measured of the models, with its uncertainty: plain numbers, no TFX."""

import dataclasses
import math
import statistics
from collections.abc import Mapping

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

    def __format__(self, form: str) -> str:
        """Returns e.g. `+0.05 (+0.04 to +0.06)` for `+.2f`."""
        if self.lower is None or self.upper is None:
            return format(self.value, form)
        return f"{self.value:{form}} ({self.lower:{form}} to {self.upper:{form}})"


@dataclasses.dataclass(frozen=True)
class ModelMetrics:
    """How one model did on one split.

    Precision, recall and F1 are macro averages: each class against the rest, then their mean over
    the classes that occur, however many there are. A metric that was not computed is NaN.

    Attributes:
      accuracy: Share of reviews whose most probable class is the label.
      auc: Area under the ROC curve, each class against the rest, averaged over the classes.
      log_loss: Mean negative natural logarithm of the label's probability.
      examples: Number of reviews.
      precision: Of the reviews given a class, the share that is of it.
      recall: Of the reviews of a class, the share given it.
      f1: Harmonic mean of a class's precision and recall.
      calibration_error: Expected calibration error: how far the probability of the answer is from
        the share of right answers, on average.
      intervals: Each further metric's confidence interval, by the metric's name here.
    """

    accuracy: Interval
    auc: float
    log_loss: float
    examples: int
    precision: float = math.nan
    recall: float = math.nan
    f1: float = math.nan
    calibration_error: float = math.nan
    intervals: Mapping[str, Interval] = dataclasses.field(default_factory=dict)

    @property
    def undefined(self) -> list[str]:
        """What is no finite number, as `log loss is nan`; a model has none unless it diverged."""
        figures = {"accuracy": self.accuracy.value, "AUC": self.auc, "log loss": self.log_loss}
        return [f"{name} is {value}" for name, value in figures.items() if not math.isfinite(value)]

    def interval(self, metric: str) -> Interval:
        """Returns the metric of that name, with its bounds where they are known."""
        value = getattr(self, metric)
        if isinstance(value, Interval):
            return value
        return dataclasses.replace(self.intervals.get(metric, Interval(value)), value=value)


@dataclasses.dataclass(frozen=True)
class SliceComparison:
    """How both models did on some of the reviews.

    Attributes:
      name: Which reviews, e.g. `length 100 to 199 words` or `label pos`.
      examples: Number of reviews.
      frozen: Accuracy of the frozen model.
      fine_tuned: Accuracy of the fine-tuned model.
      difference: Accuracy of `fine_tuned` less that of `frozen`, paired review by review.
    """

    name: str
    examples: int
    frozen: Interval
    fine_tuned: Interval
    difference: Interval


@dataclasses.dataclass(frozen=True)
class FlipRates:
    """Shares of the reviews that the fine-tuned model answers otherwise than the frozen one.

    Attributes:
      flipped: The two answers differ.
      gained: From wrong to right.
      lost: From right to wrong.
    """

    flipped: Interval
    gained: Interval
    lost: Interval


@dataclasses.dataclass(frozen=True)
class Comparison:
    """How both models did on the same reviews.

    Attributes:
      frozen: The baseline.
      fine_tuned: The candidate.
      difference: Accuracy of `fine_tuned` less that of `frozen`, paired review by review.
      majority_share: Share of the most frequent class, the accuracy of always answering it.
      slices: The same by review length and by label.
      differences: Each further metric of `fine_tuned` less that of `frozen`, paired likewise, by
        the metric's name in `ModelMetrics`.
      flip_rates: How often the two answer differently, or None where it was not measured.
    """

    frozen: ModelMetrics
    fine_tuned: ModelMetrics
    difference: Interval
    majority_share: float
    slices: tuple[SliceComparison, ...] = ()
    differences: Mapping[str, Interval] = dataclasses.field(default_factory=dict)
    flip_rates: FlipRates | None = None


@dataclasses.dataclass(frozen=True)
class Disagreement:
    """A review to which the two models give different answers.

    Attributes:
      text: The review, its end left out where it is long.
      label: Its class.
      frozen: The frozen model's answer.
      frozen_probability: What that model gives its answer.
      fine_tuned: The fine-tuned model's answer.
      fine_tuned_probability: What that model gives its answer.
    """

    text: str
    label: str
    frozen: str
    frozen_probability: float
    fine_tuned: str
    fine_tuned_probability: float


@dataclasses.dataclass(frozen=True)
class ProductionComparison:
    """How the winner and the model in production did on the same reviews.

    Attributes:
      winner: The candidate.
      production: The baseline, or None where there is no model in production.
      difference: Accuracy of `winner` less that of `production`, paired review by review; None
        likewise.
    """

    winner: ModelMetrics
    production: ModelMetrics | None = None
    difference: Interval | None = None


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
