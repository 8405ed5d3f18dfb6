"""What was measured of the models, with its uncertainty: plain numbers, no TFX."""

import dataclasses
import math
import statistics
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from albert_tfx.evaluation.metrics import (
    ACCURACY,
    AUC,
    CONFIDENCE,
    F1,
    LOG_LOSS,
    METRICS,
    Estimate,
    Floats,
    Ints,
    Metric,
    deciding,
    estimate,
    estimate_one,
)
from albert_tfx.options import ARGMAX_THRESHOLD, AnswerOptions


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

    def __neg__(self) -> "Interval":
        """Returns the interval of the value with the opposite sign."""
        lower, upper = (None if each is None else -each for each in (self.upper, self.lower))
        return Interval(-self.value, lower, upper)

    @property
    def least(self) -> float:
        """The lower bound, or the value where no interval is known."""
        return self.value if self.lower is None else self.lower

    @property
    def most(self) -> float:
        """The upper bound, likewise."""
        return self.value if self.upper is None else self.upper


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
        """What is no finite number, as `log loss is undefined`; none unless a model diverged."""
        return [
            _undefined(each, self[each.name].value)
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
    """How the models did on some of the reviews.

    Attributes:
      name: Which reviews, e.g. `length 100 to 199 words` or `label pos`.
      examples: Number of reviews.
      frozen: Accuracy of the frozen model.
      fine_tuned: Accuracy of the fine-tuned model.
      difference: Accuracy of `fine_tuned` less that of `frozen`, paired review by review.
      yardstick: Accuracy of the yardstick; None where it was not measured.
      metric: Name of the metric that decides on these reviews.
      change: That metric of `fine_tuned` less that of `frozen`, paired likewise; None where it is
        the accuracy.
      values: That metric of each model, and of the yardstick, by its name; empty where it is the
        accuracy.
      gains: That metric of `frozen` and of `fine_tuned` less that of the yardstick, paired
        likewise, by the model's name; empty where the yardstick was not measured.
    """

    name: str
    examples: int
    frozen: Interval
    fine_tuned: Interval
    difference: Interval
    yardstick: Interval | None = None
    metric: str = ACCURACY.name
    change: Interval | None = None
    values: Mapping[str, Interval] = dataclasses.field(default_factory=dict)
    gains: Mapping[str, Interval] = dataclasses.field(default_factory=dict)

    def value(self, model: str) -> Interval | None:
        """Returns the metric that decides, of a model or the yardstick; None if not measured."""
        accuracy: Interval | None = getattr(self, model)
        return self.values.get(model, accuracy)

    @property
    def deciding(self) -> Interval:
        """The difference of the metric that decides."""
        return self.difference if self.change is None else self.change


@dataclasses.dataclass(frozen=True)
class ClassMetrics:
    """How one model did on one class.

    Attributes:
      name: The class.
      examples: Number of texts that have it as label.
      answers: Number of texts that were answered with it.
      precision: Share of the answers that are right.
      recall: Share of the texts that were found.
      f1: Harmonic mean of the two.
    """

    name: str
    examples: int
    answers: int
    precision: Interval
    recall: Interval
    f1: Interval


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
      gains: Each metric of `frozen` and of `fine_tuned` less that of the yardstick, paired
        likewise, by the model's and the metric's name; empty where its answers are not known.
    """

    frozen: ModelMetrics
    fine_tuned: ModelMetrics
    difference: Interval
    differences: Mapping[str, Interval] = dataclasses.field(default_factory=dict)
    gains: Mapping[str, Mapping[str, Interval]] = dataclasses.field(default_factory=dict)


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
      metric: The metric that decides.
      best_constant: Best value, by the metric's `guard`, of an answer that is the same for every
        text; None for `majority_share`.
      yardstick: The yardstick on the same reviews, or None where it was not measured.
      gains: Each metric of `frozen` and of `fine_tuned` less that of the yardstick, paired
        likewise, by the model's and the metric's name.
      classes: How each model, and the yardstick, did on each class, by the model's name.
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
    metric: Metric = ACCURACY
    best_constant: float | None = None
    yardstick: ModelMetrics | None = None
    gains: Mapping[str, Mapping[str, Interval]] = dataclasses.field(default_factory=dict)
    classes: Mapping[str, tuple[ClassMetrics, ...]] = dataclasses.field(default_factory=dict)

    @property
    def all_differences(self) -> dict[str, Interval]:
        """The difference of each metric by its name, the accuracy's first."""
        return {ACCURACY.name: self.difference, **self.differences}

    @property
    def gain(self) -> Interval:
        """What fine-tuning gains by the metric that decides: above 0 where it is better."""
        return improvement(self.metric, self.all_differences[self.metric.name])

    def gain_over_yardstick(self, model: str) -> Interval | None:
        """Returns the same of a model against the yardstick; None where it was not measured."""
        difference = self.gains.get(model, {}).get(self.metric.name)
        return None if difference is None else improvement(self.metric, difference)


@dataclasses.dataclass(frozen=True)
class AnswerMetrics:
    """What a model's labels are worth where a threshold or an abstention decides them.

    Attributes:
      examples: Number of texts.
      coverage: Share of the texts that a class is said of.
      accuracy: Share of those of which the class is right; NaN where there are none.
      precision: Of two classes, of the texts that the second is said of, the share that is of it;
        None of more.
      recall: Of two classes, of the texts of the second, the share that it is said of; likewise.
    """

    examples: int
    coverage: Interval
    accuracy: Interval
    precision: Interval | None = None
    recall: Interval | None = None


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
class Mistake:
    """A text that a model answers wrongly.

    Attributes:
      text: The text, its end left out where it is long.
      label: Its class.
      answer: The model's answer.
      probability: What the model gives its answer.
    """

    text: str
    label: str
    answer: str
    probability: float


@dataclasses.dataclass(frozen=True)
class RecipeGain:
    """What the recipe of the winner gains over that of the model in production.

    Attributes:
      interval: Of the metric that decides, above 0 where the winner's is better.
      examples: Number of the test texts that both have answered.
      trainings: Number of trainings of the winner's recipe.
      trainings_in_production: Number of trainings of the other one.
    """

    interval: Interval
    examples: int
    trainings: int
    trainings_in_production: int


@dataclasses.dataclass(frozen=True)
class ProductionComparison:
    """How the winner and the model in production did on the same reviews.

    Attributes:
      winner: The candidate.
      production: The baseline, or None where there is no model in production.
      difference: Accuracy of `winner` less that of `production`, paired review by review; None
        likewise.
      metric: The metric that decides.
      change: That metric of `winner` less that of `production`, paired likewise; None likewise,
        and where it is the accuracy.
      recipes: What the recipes say, of which these are two models; None where one is not known.
      constant: Best value, by the metric's `guard`, of an answer that is the same for every text;
        None where the texts are too few for a faultless model to be surely better.
    """

    winner: ModelMetrics
    production: ModelMetrics | None = None
    difference: Interval | None = None
    metric: Metric = ACCURACY
    change: Interval | None = None
    recipes: RecipeGain | None = None
    constant: float | None = None

    @property
    def gain(self) -> Interval | None:
        """What the winner gains by the metric that decides: above 0 where it is better.

        Its recipe's gain, where both are known.
        """
        if self.recipes is not None:
            return self.recipes.interval
        difference = self.difference if self.change is None else self.change
        return None if difference is None else improvement(self.metric, difference)


def improvement(metric: Metric, difference: Interval) -> Interval:
    """Returns a difference of a metric with the sign that makes more of it better."""
    return difference if metric.higher_is_better else -difference


def undefined_metrics(model: ModelMetrics, decides: Metric) -> list[str]:
    """Returns `model.undefined`, with the metric that decides where that is no finite number."""
    value = model[decides.name].value
    is_listed = decides in (ACCURACY, AUC, LOG_LOSS) or math.isfinite(value)
    return model.undefined if is_listed else [*model.undefined, _undefined(decides, value)]


def _undefined(metric: Metric, value: float) -> str:
    return f"{metric.title} is {'undefined' if math.isnan(value) else 'infinite'}"


def measure(labels: Ints, probabilities: Floats) -> ModelMetrics:
    """Measures one model, with all intervals; takes what `metrics.estimate` takes."""
    examples = len(labels)
    return ModelMetrics(
        examples,
        {
            ACCURACY.name: measure_one(ACCURACY, labels, probabilities),
            **{
                name: interval(name, each, each.value, examples)
                for name, each in estimate(labels, probabilities).items()
            },
        },
    )


def measure_one(metric: Metric, labels: Ints, probabilities: Floats) -> Interval:
    """Measures one model by one metric; takes what `metrics.estimate` takes."""
    if metric.estimate is None:
        counted = metric.counted(labels)
        right = _right(labels, probabilities)[counted]
        return proportion(float(right.mean()) if len(right) else math.nan, len(right))
    estimated = estimate_one(metric, labels, probabilities)
    return interval(metric.name, estimated, estimated.value, len(labels))


def measure_by(choice: str, class_names: Sequence[str]) -> Callable[[Ints, Floats], float]:
    """Returns what measures one model by the metric that `--metric` names.

    Raises:
      InputError: There is no such metric, or no such class; see `metrics.deciding`.
    """
    metric = deciding(choice, class_names)
    return lambda labels, probabilities: measure_one(metric, labels, probabilities).value


def compare_one(metric: Metric, labels: Ints, candidate: Floats, baseline: Floats) -> Interval:
    """Returns a metric of `candidate` less that of `baseline`, paired text by text.

    Args:
      metric: The metric.
      labels: int `[reviews]`.
      candidate: Probabilities of one model, float `[reviews, classes]`.
      baseline: Those of the other, likewise.
    """
    if metric.estimate is None:
        counted = metric.counted(labels)
        ours, theirs = (_right(labels, each)[counted] for each in (candidate, baseline))
        if not (len(ours) and np.isfinite(candidate).all() and np.isfinite(baseline).all()):
            return Interval(math.nan)
        gained, lost = (ours & ~theirs).sum(), (theirs & ~ours).sum()
        return paired_difference(int(gained), int(lost), len(ours))
    estimated = estimate_one(metric, labels, candidate) - estimate_one(metric, labels, baseline)
    return difference_interval(metric.name, estimated, estimated.value, len(labels))


def measure_classes(
    labels: Ints, probabilities: Floats, class_names: Sequence[str]
) -> tuple[ClassMetrics, ...]:
    """Measures one model on each class; takes what `metrics.estimate` takes, and the names."""
    answers = probabilities.argmax(axis=1)
    return tuple(
        ClassMetrics(
            name,
            int((labels == index).sum()),
            int((answers == index).sum()),
            precision=_share(answers[answers == index] == labels[answers == index]),
            recall=_share(answers[labels == index] == labels[labels == index]),
            f1=measure_one(deciding(f"{F1.name}:{name}", class_names), labels, probabilities),
        )
        for index, name in enumerate(class_names)
    )


def chosen(probabilities: Floats, options: AnswerOptions) -> tuple[Ints, Floats]:
    """Returns what `calibration.labelling.label_and_score` chooses, without TensorFlow.

    Returns:
      The index of the class that is chosen, int `[texts]`, and its probability, float `[texts]`,
      below which the model may abstain.
    """
    if options.threshold == ARGMAX_THRESHOLD:
        index = probabilities.argmax(axis=1)
    else:
        index = (probabilities[:, 1] >= options.threshold).astype(np.int64)
    return index, np.take_along_axis(probabilities, index[:, np.newaxis], axis=1)[:, 0]


def measure_answers(labels: Ints, probabilities: Floats, options: AnswerOptions) -> AnswerMetrics:
    """Measures the labels that a model gives; takes what `metrics.estimate` takes."""
    index, score = chosen(probabilities, options)
    is_said = score >= options.abstain_below
    right = index == labels
    of_two = probabilities.shape[1] == 2
    return AnswerMetrics(
        len(labels),
        coverage=_share(is_said),
        accuracy=_share(right[is_said]),
        precision=_share(right[is_said & (index == 1)]) if of_two else None,
        recall=_share((is_said & right)[labels == 1]) if of_two else None,
    )


def _share(right: NDArray[np.bool_]) -> Interval:
    return proportion(float(right.mean()) if len(right) else math.nan, len(right))


def _right(labels: Ints, probabilities: Floats) -> NDArray[np.bool_]:
    return np.asarray(probabilities.argmax(axis=1) == labels)


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
    least, most = _bounds(name)
    whole = around(value, estimated.half_width(examples), least, most)
    is_below_chance = whole.lower is not None and value < estimated.chance
    return dataclasses.replace(whole, lower=least) if is_below_chance else whole


def difference_interval(name: str, estimated: Estimate, value: float, examples: int) -> Interval:
    """Does the same for a difference of two models, whose estimate is `estimated`."""
    _, most = _bounds(name)
    return around(value, estimated.half_width(examples), -most, most)


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


def _bounds(name: str) -> tuple[float, float]:
    """Returns least and greatest value of a metric; of one class, those of the metric itself."""
    return METRICS[name.partition(":")[0]].bounds


def around(value: float, half_width: float, least: float, most: float) -> Interval:
    """Returns the interval around a value, cut to its bounds; none where no spread is known."""
    if not (math.isfinite(value) and half_width > 0):
        return Interval(value)
    return Interval(value, max(value - half_width, least), min(value + half_width, most))


def _number(value: float | None) -> float:
    return math.nan if value is None else value
