"""What was measured of the models, with its uncertainty: plain numbers, no TFX."""

import dataclasses
import math
import statistics
from collections.abc import Mapping

from scipy import stats

from albert_tfx.evaluation.metrics import (
    ACCURACY,
    AUC,
    CONFIDENCE,
    LOG_LOSS,
    METRICS,
    Estimate,
    Floats,
    Ints,
    estimate,
)


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

    Attributes:
      examples: Number of reviews.
      intervals: Each metric with its confidence interval, by its name in `metrics.METRICS`.
    """

    examples: int
    intervals: Mapping[str, Interval]

    def __getitem__(self, metric: str) -> Interval:
        """Returns the metric of that name; NaN where it was not measured."""
        return self.intervals.get(metric, Interval(math.nan))

    @property
    def accuracy(self) -> Interval:
        """The share of reviews whose most probable class is the label."""
        return self[ACCURACY.name]

    @property
    def auc(self) -> float:
        """The area under the ROC curve."""
        return self[AUC.name].value

    @property
    def log_loss(self) -> float:
        """The mean negative logarithm of the label's probability."""
        return self[LOG_LOSS.name].value

    @property
    def undefined(self) -> list[str]:
        """What is no finite number, as `log loss is nan`; a model has none unless it diverged."""
        return [
            f"{each.title} is {self[each.name].value}"
            for each in (ACCURACY, AUC, LOG_LOSS)
            if not math.isfinite(self[each.name].value)
        ]

    def record(self) -> dict[str, float | None]:
        """Returns the metrics as a flat mapping, each with its bounds, and the examples."""
        record: dict[str, float | None] = {}
        for name, each in self.intervals.items():
            record |= {name: each.value, f"{name}_lower": each.lower, f"{name}_upper": each.upper}
        return {**record, "examples": self.examples}

    @classmethod
    def from_record(cls, record: Mapping[str, float | None]) -> "ModelMetrics":
        """Returns what `record` was made of; metrics that are not declared here are left out."""
        return cls(
            int(record["examples"] or 0),
            {
                name: Interval(
                    _number(record[name]),
                    record.get(f"{name}_lower"),
                    record.get(f"{name}_upper"),
                )
                for name in METRICS
                if name in record
            },
        )


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
    """Shares of the reviews to which the two models give different answers.

    Attributes:
      flipped: The two answers differ.
      gained: From wrong to right.
      lost: From right to wrong.
    """

    flipped: Interval
    gained: Interval
    lost: Interval


@dataclasses.dataclass(frozen=True)
class SeedAccuracy:
    """What one training of a recipe reached.

    Attributes:
      model: `frozen` or `fine_tuned`.
      seed: Of its initialisation, order and dropout.
      eval: Accuracy on the eval split, which chose its epoch.
      test: Accuracy on the test split, which chose nothing.
    """

    model: str
    seed: int
    eval: float
    test: float


@dataclasses.dataclass(frozen=True)
class TestComparison:
    """How both recipes did on texts that chose nothing: means over their trainings.

    Attributes:
      frozen: The baseline.
      fine_tuned: The candidate.
      difference: Accuracy of `fine_tuned` less that of `frozen`, paired text by text.
      differences: The same of each further metric, by its name.
    """

    frozen: ModelMetrics
    fine_tuned: ModelMetrics
    difference: Interval
    differences: Mapping[str, Interval] = dataclasses.field(default_factory=dict)


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
        the metric's name.
      flip_rates: How often the two answer differently, or None where it was not measured.
      seeds: Number of each recipe's trainings. Of one, the intervals of the differences hold the
        chance of the texts alone; of more, `difference`, `differences` and `slices` are means over
        the trainings, and their intervals hold the chance of training, too.
      recipes: Each model's metrics as means over its trainings, by its name; empty for one.
      by_seed: What each training reached.
      test: The same comparison on the test split, or None where it was not measured.
    """

    frozen: ModelMetrics
    fine_tuned: ModelMetrics
    difference: Interval
    majority_share: float
    slices: tuple[SliceComparison, ...] = ()
    differences: Mapping[str, Interval] = dataclasses.field(default_factory=dict)
    flip_rates: FlipRates | None = None
    seeds: int = 1
    recipes: Mapping[str, ModelMetrics] = dataclasses.field(default_factory=dict)
    by_seed: tuple[SeedAccuracy, ...] = ()
    test: TestComparison | None = None

    @property
    def all_differences(self) -> dict[str, Interval]:
        """The difference of each metric by its name, the accuracy's first."""
        return {ACCURACY.name: self.difference, **self.differences}


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


def measure(labels: Ints, probabilities: Floats) -> ModelMetrics:
    """Measures one model, with all intervals; takes what `metrics.estimate` takes."""
    examples = len(labels)
    right = probabilities.argmax(axis=1) == labels
    return ModelMetrics(
        examples,
        {
            ACCURACY.name: proportion(float(right.mean()), examples),
            **{
                name: interval(name, each, each.value, examples)
                for name, each in estimate(labels, probabilities).items()
            },
        },
    )


def interval(name: str, estimated: Estimate, value: float, examples: int) -> Interval:
    """Puts the estimate's interval around a metric's value.

    Args:
      name: The metric.
      estimated: Estimate from all reviews, or from a sample of them.
      value: The metric over all reviews.
      examples: The number of all reviews.

    Returns:
      The interval, without bounds where the reviews show no spread at all: a perfect AUC of sixty
      reviews is no certainty.
    """
    least, most = METRICS[name].bounds
    whole = _around(value, estimated.half_width(examples), least, most)
    is_below_chance = whole.lower is not None and value < estimated.chance
    return dataclasses.replace(whole, lower=least) if is_below_chance else whole


def difference_interval(name: str, estimated: Estimate, value: float, examples: int) -> Interval:
    """Does the same for a difference of two models, whose estimate is `estimated`."""
    _, most = METRICS[name].bounds
    return _around(value, estimated.half_width(examples), -most, most)


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


def _around(value: float, half_width: float, least: float, most: float) -> Interval:
    if not (math.isfinite(value) and half_width > 0):
        return Interval(value)
    return Interval(value, max(value - half_width, least), min(value + half_width, most))


def _number(value: float | None) -> float:
    return math.nan if value is None else value
