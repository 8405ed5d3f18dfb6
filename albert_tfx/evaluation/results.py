"""Reads what the Evaluator measured, for components, reports and notebooks alike."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import metrics_for_slice_pb2
from tfx.dsl.io import fileio

from albert_tfx.contract import FINE_TUNED, FROZEN, PRODUCTION, WINNER
from albert_tfx.errors import InputError
from albert_tfx.evaluation import estimates
from albert_tfx.evaluation.curves import Curves, draw
from albert_tfx.evaluation.extractors import SLICES, length_names
from albert_tfx.evaluation.measurements import (
    Comparison,
    Disagreement,
    FlipRates,
    Interval,
    ModelMetrics,
    ProductionComparison,
    SliceComparison,
    paired_difference,
    proportion,
)
from albert_tfx.evaluation.tfma_metrics import (
    DERIVED,
    DISAGREEMENTS,
    FLIPPED,
    GAINED,
    LOST,
    PREDICTIONS,
    PredictionTable,
    decode_disagreements,
    decode_predictions,
)

ACCURACY = "accuracy"
EXAMPLE_COUNT = "example_count"
CONFUSION_MATRIX = "confusion_matrix"

# Those of `ModelMetrics` that are not the accuracy, which has intervals of its own.
_METRICS = (*DERIVED, estimates.LOG_LOSS)

# TFMA drops the name of a model that has no other beside it.
_ALONE = ""

_Key = tuple[str, str, bool]  # model, metric, whether it is a difference


@dataclasses.dataclass(frozen=True)
class _Evaluation:
    """What was measured on all reviews, or on one slice of them.

    Attributes:
      uri: Where it was read from.
      column: What the reviews are sliced by, or empty.
      name: Which of them, likewise.
      values: All metrics, of single classes only excepted.
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
        return self._value(model, metric, is_difference).double_value.value

    def examples(self, model: str) -> int:
        """Returns the number of reviews."""
        return round(self.number(model, EXAMPLE_COUNT))

    def accuracy(self, model: str) -> Interval:
        """Returns the share of right answers, with its interval."""
        share, examples = self.number(model, ACCURACY), self.examples(model)
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
        """Returns the reviews on which candidate and baseline most surely disagree."""
        return decode_disagreements(self._value(candidate, DISAGREEMENTS, True).bytes_value)

    def confusion(self, model: str, classes: int) -> np.ndarray:
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


def load_comparison(uri: str) -> Comparison:
    """Reads the evaluation of both models on the eval split.

    Of more than `evaluation_metrics.MAX_PREDICTIONS` reviews, AUC, precision, recall, F1 and
    calibration error are those of a sample of that size. Accuracy and log loss are always of all.

    Args:
      uri: Folder of a `ModelEvaluation` artifact that `comparison_config` made.

    Raises:
      InputError: The folder holds no such evaluation.
    """
    overall, *slices = _load(uri)
    table = overall.predictions()
    frozen, fine_tuned = (_model_metrics(overall, name, table) for name in (FROZEN, FINE_TUNED))
    labels = overall.confusion(FROZEN, len(table.class_names)).sum(axis=1)
    return Comparison(
        frozen=frozen,
        fine_tuned=fine_tuned,
        difference=overall.difference(FINE_TUNED),
        majority_share=float(labels.max() / labels.sum()),
        slices=tuple(map(_slice_comparison, slices)),
        differences=_differences(table, FINE_TUNED, fine_tuned, FROZEN, frozen),
        flip_rates=_flip_rates(overall, (frozen, fine_tuned)),
    )


def load_production_comparison(uri: str) -> ProductionComparison:
    """Reads the evaluation of the winner, and of the model in production if there was one.

    Args:
      uri: Folder of a `ModelEvaluation` artifact that `winner_config` made.

    Raises:
      InputError: The folder holds no such evaluation.
    """
    overall = _load(uri)[0]
    table = overall.predictions()
    if PRODUCTION not in table.probabilities:
        return ProductionComparison(_model_metrics(overall, _ALONE, table))
    winner, production = (_model_metrics(overall, each, table) for each in (WINNER, PRODUCTION))
    return ProductionComparison(winner, production, overall.difference(WINNER))


def load_predictions(uri: str) -> PredictionTable:
    """Reads label and probabilities of each review, or of a sample of them.

    Args:
      uri: Folder of a `ModelEvaluation` artifact that a configuration of ours made.

    Raises:
      InputError: The folder holds no such evaluation.
    """
    return _load(uri)[0].predictions()


def load_curves(uri: str) -> dict[str, Curves]:
    """Reads what plots of each model show, by the model's name.

    Args:
      uri: Folder of a `ModelEvaluation` artifact that a configuration of ours made.

    Raises:
      InputError: The folder holds no such evaluation.
    """
    overall = _load(uri)[0]
    table = overall.predictions()
    classes = len(table.class_names)
    return {
        model or WINNER: draw(
            table.labels, each, table.class_names, overall.confusion(model, classes)
        )
        for model, each in table.probabilities.items()
    }


def load_disagreements(uri: str) -> list[Disagreement]:
    """Reads the reviews to which the models give different answers, the surest of both first.

    Args:
      uri: Folder of a `ModelEvaluation` artifact that `comparison_config` made.

    Returns:
      At most `evaluation_metrics.MAX_DISAGREEMENTS` reviews.

    Raises:
      InputError: The folder holds no such evaluation.
    """
    overall = _load(uri)[0]
    names = overall.predictions().class_names
    return [_disagreement(review, names) for review in overall.disagreements(FINE_TUNED)]


def comparison_table(comparison: Comparison) -> pd.DataFrame:
    """Returns one row a model, with a column a metric and the bounds of its interval."""
    models = {FROZEN: comparison.frozen, FINE_TUNED: comparison.fine_tuned}
    rows = {name: metrics_record(metrics) for name, metrics in models.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def difference_table(comparison: Comparison) -> pd.DataFrame:
    """Returns one row a metric: what fine-tuning changes, paired review by review, with bounds."""
    differences = {ACCURACY: comparison.difference, **comparison.differences}
    rows = {name: dataclasses.asdict(each) for name, each in differences.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("metric")


def slice_table(comparison: Comparison) -> pd.DataFrame:
    """Returns one row a slice: its reviews, both accuracies and their difference, with bounds."""
    rows = {
        each.name: {
            "examples": each.examples,
            **_interval_record(FROZEN, each.frozen),
            **_interval_record(FINE_TUNED, each.fine_tuned),
            **_interval_record("difference", each.difference),
        }
        for each in comparison.slices
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("slice")


def metrics_record(metrics: ModelMetrics) -> dict[str, float | None]:
    """Returns the metrics as a flat mapping, each with its bounds."""
    record: dict[str, float | None] = {}
    for name in (ACCURACY, *_METRICS):
        record |= _interval_record(name, metrics.interval(name))
    return {**record, "examples": metrics.examples}


def _interval_record(name: str, interval: Interval) -> dict[str, float | None]:
    return {
        name: interval.value,
        f"{name}_lower": interval.lower,
        f"{name}_upper": interval.upper,
    }


def _load(uri: str) -> list[_Evaluation]:
    """Returns the evaluation of all reviews, then those of the slices."""
    records = tfma.load_metrics(uri) if fileio.exists(uri) else ()
    evaluations = sorted((_evaluation(uri, each) for each in records), key=_order)
    if not evaluations or evaluations[0].column:
        raise InputError(
            f"{uri} holds no evaluation", "Give the uri of an Evaluator's `evaluation`"
        )
    return evaluations


def _evaluation(uri: str, record: metrics_for_slice_pb2.MetricsForSlice) -> _Evaluation:
    keys = record.slice_key.single_slice_keys
    values = {
        (pair.key.model_name, pair.key.name, pair.key.is_diff): pair.value
        for pair in record.metric_keys_and_values
    }
    column, name = (keys[0].column, keys[0].bytes_value.decode()) if keys else ("", "")
    return _Evaluation(uri, column, name, values)


def _order(evaluation: _Evaluation) -> tuple[int, int, str]:
    """Puts all reviews first, then lengths, the shortest first, then labels."""
    columns, lengths = ["", *SLICES], length_names()
    length = lengths.index(evaluation.name) if evaluation.name in lengths else 0
    return columns.index(evaluation.column), length, evaluation.name


def _model_metrics(evaluation: _Evaluation, model: str, table: PredictionTable) -> ModelMetrics:
    examples = evaluation.examples(model)
    values = {name: evaluation.number(model, name) for name in _METRICS}
    estimated = estimates.estimate(table.labels, table.probabilities[model])
    intervals = {
        name: estimates.interval(name, estimated[name], value, examples)
        for name, value in values.items()
    }
    return ModelMetrics(
        accuracy=evaluation.accuracy(model), examples=examples, intervals=intervals, **values
    )


def _differences(
    table: PredictionTable,
    candidate: str,
    candidate_metrics: ModelMetrics,
    baseline: str,
    baseline_metrics: ModelMetrics,
) -> dict[str, Interval]:
    ours, theirs = (
        estimates.estimate(table.labels, table.probabilities[model])
        for model in (candidate, baseline)
    )
    return {
        name: estimates.difference_interval(
            name,
            ours[name] - theirs[name],
            getattr(candidate_metrics, name) - getattr(baseline_metrics, name),
            candidate_metrics.examples,
        )
        for name in _METRICS
    }


def _flip_rates(overall: _Evaluation, models: Sequence[ModelMetrics]) -> FlipRates | None:
    """Returns nothing of a model that diverged, whose probabilities name no class."""
    if not all(math.isfinite(each.log_loss) for each in models):
        return None
    return FlipRates(*(overall.share(FINE_TUNED, outcome) for outcome in (FLIPPED, GAINED, LOST)))


def _slice_comparison(evaluation: _Evaluation) -> SliceComparison:
    return SliceComparison(
        name=f"{SLICES[evaluation.column]} {evaluation.name}",
        examples=evaluation.examples(FROZEN),
        frozen=evaluation.accuracy(FROZEN),
        fine_tuned=evaluation.accuracy(FINE_TUNED),
        difference=evaluation.difference(FINE_TUNED),
    )


def _disagreement(review: Mapping[str, Any], class_names: Sequence[str]) -> Disagreement:
    answers: dict[str, Any] = {}
    for model in (FROZEN, FINE_TUNED):
        probabilities = review["probabilities"][model]
        probability = max(probabilities)
        answers[model] = class_names[probabilities.index(probability)]
        answers[f"{model}_probability"] = probability
    return Disagreement(review["text"], class_names[review["label"]], **answers)


def _exact(share: float, examples: int) -> float:
    """Undoes the rounding to float32 that Keras's metrics bring."""
    return round(share * examples) / examples if math.isfinite(share) else share
