"""Reads what the Evaluator measured, for components, reports and notebooks alike."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma
from etils import epath
from sklearn.metrics import confusion_matrix
from tensorflow_model_analysis.proto import metrics_for_slice_pb2

from albert_tfx.contract import (
    FINE_TUNED,
    FROZEN,
    LABEL_SLICE,
    PRODUCTION,
    SLICES,
    WINNER,
    YARDSTICK,
)
from albert_tfx.data.lengths import length_names
from albert_tfx.errors import InputError
from albert_tfx.evaluation.baseline import Answers
from albert_tfx.evaluation.curves import Curves, draw
from albert_tfx.evaluation.measurements import (
    AnswerMetrics,
    ClassMetrics,
    Comparison,
    Disagreement,
    FlipRates,
    Interval,
    Mistake,
    ModelMetrics,
    ProductionComparison,
    SliceComparison,
    compare_one,
    difference_interval,
    interval,
    measure,
    measure_answers,
    measure_classes,
    measure_one,
    paired_difference,
    proportion,
)
from albert_tfx.evaluation.metrics import (
    ACCURACY,
    METRICS,
    Estimate,
    Floats,
    Ints,
    Metric,
    deciding,
    estimate,
)
from albert_tfx.evaluation.tfma_config import (
    CONFUSION_MATRIX,
    EXAMPLE_COUNT,
)
from albert_tfx.evaluation.tfma_metrics import (
    DISAGREEMENTS,
    FLIPPED,
    GAINED,
    LOST,
    MISTAKES,
    PREDICTIONS,
    PredictionTable,
    decode_predictions,
    decode_texts,
)
from albert_tfx.options import AnswerOptions

# TFMA drops the name of a model that has no other beside it.
_ALONE = ""

_Key = tuple[str, str, bool]  # model, metric, whether it is a difference


@dataclasses.dataclass(frozen=True)
class _Measured:
    """What was measured on all reviews, or on one slice of them.

    Attributes:
      uri: Folder that it was read from.
      column: Feature by which the reviews are sliced; empty for all reviews.
      name: Value of that feature; empty likewise.
      values: The metrics.
    """

    uri: str
    column: str
    name: str
    values: Mapping[_Key, metrics_for_slice_pb2.MetricValue]

    def number(self, model: str, metric: str, is_difference: bool = False) -> float:
        """Returns a metric's value.

        Raises:
          InputError: It was not measured.
        """
        return float(self._value(model, metric, is_difference).double_value.value)

    def examples(self, model: str) -> int:
        """Returns the number of reviews."""
        return round(self.number(model, EXAMPLE_COUNT))

    def accuracy(self, model: str) -> Interval:
        """Returns the share of right answers, with its interval."""
        share, examples = self.number(model, ACCURACY.name), self.examples(model)
        return proportion(_exact(share, examples), examples)

    def difference(self, candidate: str) -> Interval:
        """Returns the candidate's accuracy less the baseline's, with its interval."""
        gained, lost = (round(self.number(candidate, each, True)) for each in (GAINED, LOST))
        return paired_difference(gained, lost, self.examples(candidate))

    def share(self, candidate: str, outcome: str) -> Interval:
        """Returns the share of the reviews that `PairedOutcomes` counted."""
        examples = self.examples(candidate)
        return proportion(self.number(candidate, outcome, True) / examples, examples)

    def predictions(self) -> PredictionTable:
        """Returns label and probabilities of every review, or of a sample of them."""
        (model,) = {model for model, metric, _ in self.values if metric == PREDICTIONS} or {""}
        return decode_predictions(self._value(model, PREDICTIONS).bytes_value)

    def disagreements(self, candidate: str) -> list[dict[str, Any]]:
        """Returns the most confident disagreements of candidate and baseline."""
        return decode_texts(self._value(candidate, DISAGREEMENTS, True).bytes_value)

    def mistakes(self, model: str) -> list[dict[str, Any]]:
        """Returns a model's most confident mistakes."""
        return decode_texts(self._value(model, MISTAKES).bytes_value)

    def confusion(self, model: str, classes: int) -> Ints:
        """Returns the numbers of reviews by label and answer, int64 `[classes, classes]`."""
        counts = np.zeros((classes, classes), np.int64)
        matrices = self._value(model, CONFUSION_MATRIX).multi_class_confusion_matrix_at_thresholds
        for entry in matrices.matrices[0].entries:
            counts[entry.actual_class_id, entry.predicted_class_id] = entry.num_weighted_examples
        return counts

    def _value(
        self, model: str, metric: str, is_difference: bool = False
    ) -> metrics_for_slice_pb2.MetricValue:
        if (model, metric, is_difference) not in self.values:
            raise InputError(
                f"The evaluation in {self.uri} has no {metric} of {model or 'a single model'}",
                "Evaluate with the configurations of albert_tfx/evaluation/tfma_config.py",
            )
        return self.values[model, metric, is_difference]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """An evaluation that TFX's Evaluator made, read once.

    Attributes:
      overall: What was measured on all reviews.
      slices: What was measured on each slice of them: by length, the shortest first, then by label.
    """

    overall: _Measured
    slices: tuple[_Measured, ...]

    @classmethod
    def load(cls, uri: str) -> "Evaluation":
        """Reads an evaluation.

        Args:
          uri: Folder of a `ModelEvaluation` artifact that a configuration of ours made.

        Raises:
          InputError: The folder holds no such evaluation.
        """
        records = tfma.load_metrics(uri) if epath.Path(uri).exists() else ()
        measured = sorted((_measured(uri, each) for each in records), key=_order)
        if not measured or measured[0].column:
            raise InputError(
                f"{uri} holds no evaluation", "Give the uri of an Evaluator's `evaluation`"
            )
        return cls(measured[0], tuple(measured[1:]))

    @functools.cached_property
    def predictions(self) -> PredictionTable:
        """Label and probabilities of every review, or of a sample of them."""
        return self.overall.predictions()

    def comparison(
        self, metric: str = ACCURACY.choice, yardstick: Answers | None = None
    ) -> Comparison:
        """Returns how the models did on the eval split.

        Of more than `tfma_metrics.MAX_PREDICTIONS` reviews, the metrics that TFMA itself does not
        measure are those of a sample of that size, and so is all that is compared with the
        yardstick. Accuracy and log loss of both models are always of all.

        Args:
          metric: The metric that decides, as `SelectionPolicy.metric` names it.
          yardstick: The yardstick's answers, or None to leave it out.

        Raises:
          InputError: The evaluation is not one that `comparison_config` configured, or there is no
            such metric.
        """
        decides = deciding(metric, self.predictions.class_names)
        answers = None if yardstick is None else yardstick.of(self.predictions)
        frozen, fine_tuned = self._metrics(FROZEN, decides), self._metrics(FINE_TUNED, decides)
        labels = self._confusion(FROZEN).sum(axis=1)
        return Comparison(
            frozen=frozen,
            fine_tuned=fine_tuned,
            difference=self.overall.difference(FINE_TUNED),
            majority_share=float(labels.max() / labels.sum()),
            slices=tuple(_slice_comparison(each, decides, yardstick) for each in self.slices),
            differences=self._differences(fine_tuned, frozen, decides),
            flip_rates=_flip_rates(self.overall, (frozen, fine_tuned)),
            metric=decides,
            best_constant=decides.guard.best_constant(np.repeat(np.arange(len(labels)), labels)),
            yardstick=None if answers is None else self._yardstick(answers, decides),
            gains={} if answers is None else self._gains(answers, decides),
            classes=self._classes(answers),
        )

    def production_comparison(self, metric: str = ACCURACY.choice) -> ProductionComparison:
        """Returns how the winner did, and the model in production if there was one.

        Args:
          metric: The metric that decides, as `ProductionPolicy.metric` names it.

        Raises:
          InputError: The evaluation is not one that `winner_config` configured, or there is no
            such metric.
        """
        table = self.predictions
        decides = deciding(metric, table.class_names)
        if PRODUCTION not in table.probabilities:
            return ProductionComparison(
                self._metrics(_ALONE, decides),
                metric=decides,
                constant=constant_to_beat(decides.guard, table.labels, len(table.class_names)),
            )
        ours, theirs = (table.probabilities[each] for each in (WINNER, PRODUCTION))
        return ProductionComparison(
            self._metrics(WINNER, decides),
            self._metrics(PRODUCTION, decides),
            self.overall.difference(WINNER),
            metric=decides,
            change=_unless_accuracy(decides, table.labels, ours, theirs),
        )

    def curves(
        self, yardstick: Answers | None = None, options: AnswerOptions | None = None
    ) -> dict[str, Curves]:
        """Returns the curves that plots draw, by the model's name.

        Args:
          yardstick: The yardstick's answers, whose curves are the last; None to leave it out.
          options: What becomes of probabilities, for the points that were chosen.
        """
        table = self.predictions
        drawn = {
            model or WINNER: draw(
                table.labels, each, table.class_names, self._confusion(model), options
            )
            for model, each in table.probabilities.items()
        }
        if yardstick is not None:
            answers = yardstick.of(table)
            counts = confusion_matrix(
                table.labels, answers.argmax(axis=1), labels=range(len(table.class_names))
            )
            drawn[YARDSTICK] = draw(table.labels, answers, table.class_names, counts, options)
        return drawn

    def answers(self, options: AnswerOptions) -> AnswerMetrics:
        """Measures the labels that the winner gives.

        Raises:
          InputError: The evaluation is not one that `winner_config` configured.
        """
        table = self.predictions
        model = WINNER if WINNER in table.probabilities else _ALONE
        return measure_answers(table.labels, table.probabilities[model], options)

    def disagreements(self) -> list[Disagreement]:
        """Returns reviews to which the models give different answers, the most confident first.

        There are at most `tfma_metrics.MAX_DISAGREEMENTS`.

        Raises:
          InputError: The evaluation is not one that `comparison_config` configured.
        """
        names = self.predictions.class_names
        return [_disagreement(each, names) for each in self.overall.disagreements(FINE_TUNED)]

    def mistakes(self) -> list[Mistake]:
        """Returns texts that the winner answers wrongly, the most confident mistakes first.

        There are at most `tfma_metrics.MAX_DISAGREEMENTS`.

        Raises:
          InputError: The evaluation is not one that `winner_config` configured.
        """
        table = self.predictions
        model = WINNER if WINNER in table.probabilities else _ALONE
        return [_mistake(each, model, table.class_names) for each in self.overall.mistakes(model)]

    def _confusion(self, model: str) -> Ints:
        return self.overall.confusion(model, len(self.predictions.class_names))

    @functools.cached_property
    def _estimates(self) -> dict[str, dict[str, Estimate]]:
        """The estimate of each metric, by model and metric."""
        table = self.predictions
        return {model: estimate(table.labels, each) for model, each in table.probabilities.items()}

    def _metrics(self, model: str, decides: Metric) -> ModelMetrics:
        examples = self.overall.examples(model)
        table = self.predictions
        values = {
            name: interval(name, each, self.overall.number(model, name), examples)
            for name, each in self._estimates[model].items()
        }
        own = _of_class(decides, table.labels, table.probabilities[model])
        return ModelMetrics(
            examples, {ACCURACY.name: self.overall.accuracy(model), **values, **own}
        )

    def _differences(
        self, fine_tuned: ModelMetrics, frozen: ModelMetrics, decides: Metric
    ) -> dict[str, Interval]:
        ours, theirs = self._estimates[FINE_TUNED], self._estimates[FROZEN]
        differences = {
            name: difference_interval(
                name,
                ours[name] - theirs[name],
                fine_tuned[name].value - frozen[name].value,
                fine_tuned.examples,
            )
            for name in ours
        }
        table = self.predictions
        pair = (table.probabilities[each] for each in (FINE_TUNED, FROZEN))
        return {**differences, **_of_class(decides, table.labels, *pair)}

    def _yardstick(self, answers: Floats, decides: Metric) -> ModelMetrics:
        labels = self.predictions.labels
        measured = measure(labels, answers)
        own = _of_class(decides, labels, answers)
        return dataclasses.replace(measured, intervals={**measured.intervals, **own})

    def _classes(self, answers: Floats | None) -> dict[str, tuple[ClassMetrics, ...]]:
        table = self.predictions
        models = {model: table.probabilities[model] for model in (FROZEN, FINE_TUNED)}
        models |= {} if answers is None else {YARDSTICK: answers}
        return {
            model: measure_classes(table.labels, each, table.class_names)
            for model, each in models.items()
        }

    def _gains(self, answers: Floats, decides: Metric) -> dict[str, dict[str, Interval]]:
        table = self.predictions
        metrics = {**METRICS, decides.name: decides}
        return {
            model: {
                name: compare_one(metric, table.labels, table.probabilities[model], answers)
                for name, metric in metrics.items()
            }
            for model in (FROZEN, FINE_TUNED)
        }


def constant_to_beat(guard: Metric, labels: Ints, classes: int) -> float | None:
    """Returns the best that the same answer to every text reaches.

    None where that says nothing: where a faultless model would not be surely better on these texts,
    as they are too few or of one class.

    Args:
      guard: A metric that such an answer has a value of; see `metrics.Metric.guard`.
      labels: int `[texts]`.
      classes: Number of classes.
    """
    constant = guard.best_constant(labels)
    faultless = measure_one(guard, labels, np.eye(classes)[labels])
    if guard.higher_is_better:
        return constant if faultless.least > constant else None
    return constant if faultless.most < constant else None


def _of_class(metric: Metric, labels: Ints, *models: Floats) -> dict[str, Interval]:
    """Measures one model, or compares two, by a metric of one class; by another, does nothing."""
    if metric.index is None:
        return {}
    measured = compare_one if len(models) > 1 else measure_one
    return {metric.name: measured(metric, labels, *models)}


def _unless_accuracy(metric: Metric, labels: Ints, ours: Floats, theirs: Floats) -> Interval | None:
    """Compares two models by a metric; the accuracy is counted on all reviews elsewhere."""
    return None if metric.name == ACCURACY.name else compare_one(metric, labels, ours, theirs)


def load_comparison(
    uri: str, metric: str = ACCURACY.choice, yardstick: str | None = None
) -> Comparison:
    """Reads the evaluation of both models on the eval split.

    Args:
      uri: Folder of the Evaluator's `evaluation`.
      metric: As `Evaluation.comparison` takes it.
      yardstick: Folder of Yardstick's `result`, or None to leave it out.
    """
    answers = None if yardstick is None else Answers.load(yardstick)
    return Evaluation.load(uri).comparison(metric, answers)


def load_production_comparison(uri: str, metric: str = ACCURACY.choice) -> ProductionComparison:
    """Reads the evaluation of the winner on the test split; see `Evaluation`."""
    return Evaluation.load(uri).production_comparison(metric)


def _measured(uri: str, record: metrics_for_slice_pb2.MetricsForSlice) -> _Measured:
    keys = record.slice_key.single_slice_keys
    values = {
        (pair.key.model_name, pair.key.name, pair.key.is_diff): pair.value
        for pair in record.metric_keys_and_values
    }
    column, name = (keys[0].column, keys[0].bytes_value.decode()) if keys else ("", "")
    return _Measured(uri, column, name, values)


def _order(measured: _Measured) -> tuple[int, int, str]:
    """Puts all reviews first, then lengths, the shortest first, then labels."""
    columns, lengths = ["", *SLICES], length_names()
    length = lengths.index(measured.name) if measured.name in lengths else 0
    return columns.index(measured.column), length, measured.name


def _flip_rates(overall: _Measured, models: Sequence[ModelMetrics]) -> FlipRates | None:
    """Returns None where a model diverged: its probabilities name no class."""
    if not all(math.isfinite(each.log_loss) for each in models):
        return None
    return FlipRates(*(overall.share(FINE_TUNED, outcome) for outcome in (FLIPPED, GAINED, LOST)))


def _slice_comparison(
    measured: _Measured, decides: Metric, yardstick: Answers | None
) -> SliceComparison:
    table = measured.predictions()
    metric = _on_slice(decides, measured.column)
    ours, theirs = (table.probabilities[each] for each in (FINE_TUNED, FROZEN))
    answers = None if yardstick is None else yardstick.of(table)
    models = {model: table.probabilities[model] for model in (FROZEN, FINE_TUNED)}
    models |= {} if answers is None else {YARDSTICK: answers}
    return SliceComparison(
        name=f"{SLICES[measured.column]} {measured.name}",
        examples=measured.examples(FROZEN),
        frozen=measured.accuracy(FROZEN),
        fine_tuned=measured.accuracy(FINE_TUNED),
        difference=measured.difference(FINE_TUNED),
        yardstick=None if answers is None else measure_one(ACCURACY, table.labels, answers),
        metric=metric.name,
        change=_unless_accuracy(metric, table.labels, ours, theirs),
        values={}
        if metric.name == ACCURACY.name
        else {model: measure_one(metric, table.labels, each) for model, each in models.items()},
        gains={}
        if answers is None
        else {
            model: compare_one(metric, table.labels, table.probabilities[model], answers)
            for model in (FROZEN, FINE_TUNED)
        },
    )


def _on_slice(decides: Metric, column: str) -> Metric:
    """Returns what decides on a slice: on texts of one class, not every metric has a meaning."""
    return ACCURACY if column == LABEL_SLICE and not decides.is_of_one_class else decides


def _disagreement(review: Mapping[str, Any], class_names: Sequence[str]) -> Disagreement:
    answers: dict[str, Any] = {}
    for model in (FROZEN, FINE_TUNED):
        probabilities = review["probabilities"][model]
        probability = max(probabilities)
        answers[model] = class_names[probabilities.index(probability)]
        answers[f"{model}_probability"] = probability
    return Disagreement(review["text"], class_names[review["label"]], **answers)


def _mistake(text: Mapping[str, Any], model: str, class_names: Sequence[str]) -> Mistake:
    probabilities = text["probabilities"][model]
    probability = max(probabilities)
    answer = class_names[probabilities.index(probability)]
    return Mistake(text["text"], class_names[text["label"]], answer, probability)


def _exact(share: float, examples: int) -> float:
    """Returns the share without the rounding to float32 of Keras's metrics."""
    return round(share * examples) / examples if math.isfinite(share) else share
