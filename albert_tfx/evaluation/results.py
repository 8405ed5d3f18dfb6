"""Reads what the Evaluator measured, for components, reports and notebooks alike."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import tensorflow_model_analysis as tfma
from etils import epath
from tensorflow_model_analysis.proto import metrics_for_slice_pb2

from albert_tfx.contract import FINE_TUNED, FROZEN, PRODUCTION, WINNER
from albert_tfx.data.lengths import length_names
from albert_tfx.errors import InputError
from albert_tfx.evaluation.curves import Curves, draw
from albert_tfx.evaluation.measurements import (
    Comparison,
    Disagreement,
    FlipRates,
    Interval,
    ModelMetrics,
    ProductionComparison,
    SliceComparison,
    difference_interval,
    interval,
    paired_difference,
    proportion,
)
from albert_tfx.evaluation.metrics import ACCURACY, Estimate, Ints, estimate
from albert_tfx.evaluation.tfma_config import CONFUSION_MATRIX, EXAMPLE_COUNT, SLICES
from albert_tfx.evaluation.tfma_metrics import (
    DISAGREEMENTS,
    FLIPPED,
    GAINED,
    LOST,
    PREDICTIONS,
    PredictionTable,
    decode_disagreements,
    decode_predictions,
)

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
        return decode_disagreements(self._value(candidate, DISAGREEMENTS, True).bytes_value)

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

    def comparison(self) -> Comparison:
        """Returns how both models did on the eval split.

        Of more than `tfma_metrics.MAX_PREDICTIONS` reviews, the metrics that TFMA itself does not
        measure are those of a sample of that size. Accuracy and log loss are always of all.

        Raises:
          InputError: The evaluation is not one that `comparison_config` configured.
        """
        frozen, fine_tuned = self._metrics(FROZEN), self._metrics(FINE_TUNED)
        labels = self._confusion(FROZEN).sum(axis=1)
        return Comparison(
            frozen=frozen,
            fine_tuned=fine_tuned,
            difference=self.overall.difference(FINE_TUNED),
            majority_share=float(labels.max() / labels.sum()),
            slices=tuple(map(_slice_comparison, self.slices)),
            differences=self._differences(fine_tuned, frozen),
            flip_rates=_flip_rates(self.overall, (frozen, fine_tuned)),
        )

    def production_comparison(self) -> ProductionComparison:
        """Returns how the winner did, and the model in production if there was one.

        Raises:
          InputError: The evaluation is not one that `winner_config` configured.
        """
        if PRODUCTION not in self.predictions.probabilities:
            return ProductionComparison(self._metrics(_ALONE))
        difference = self.overall.difference(WINNER)
        return ProductionComparison(self._metrics(WINNER), self._metrics(PRODUCTION), difference)

    def curves(self) -> dict[str, Curves]:
        """Returns the curves that plots draw, by the model's name."""
        table = self.predictions
        return {
            model or WINNER: draw(table.labels, each, table.class_names, self._confusion(model))
            for model, each in table.probabilities.items()
        }

    def disagreements(self) -> list[Disagreement]:
        """Returns reviews to which the models give different answers, the most confident first.

        There are at most `tfma_metrics.MAX_DISAGREEMENTS`.

        Raises:
          InputError: The evaluation is not one that `comparison_config` configured.
        """
        names = self.predictions.class_names
        return [_disagreement(each, names) for each in self.overall.disagreements(FINE_TUNED)]

    def _confusion(self, model: str) -> Ints:
        return self.overall.confusion(model, len(self.predictions.class_names))

    @functools.cached_property
    def _estimates(self) -> dict[str, dict[str, Estimate]]:
        """The estimate of each metric, by model and metric."""
        table = self.predictions
        return {model: estimate(table.labels, each) for model, each in table.probabilities.items()}

    def _metrics(self, model: str) -> ModelMetrics:
        examples = self.overall.examples(model)
        values = {
            name: interval(name, each, self.overall.number(model, name), examples)
            for name, each in self._estimates[model].items()
        }
        return ModelMetrics(examples, {ACCURACY.name: self.overall.accuracy(model), **values})

    def _differences(self, fine_tuned: ModelMetrics, frozen: ModelMetrics) -> dict[str, Interval]:
        ours, theirs = self._estimates[FINE_TUNED], self._estimates[FROZEN]
        return {
            name: difference_interval(
                name,
                ours[name] - theirs[name],
                fine_tuned[name].value - frozen[name].value,
                fine_tuned.examples,
            )
            for name in ours
        }


def load_comparison(uri: str) -> Comparison:
    """Reads the evaluation of both models on the eval split; see `Evaluation`."""
    return Evaluation.load(uri).comparison()


def load_production_comparison(uri: str) -> ProductionComparison:
    """Reads the evaluation of the winner on the test split; see `Evaluation`."""
    return Evaluation.load(uri).production_comparison()


def comparison_table(comparison: Comparison) -> pd.DataFrame:
    """Returns one row a model, with a column a metric and the bounds of its interval."""
    models = {FROZEN: comparison.frozen, FINE_TUNED: comparison.fine_tuned}
    rows = {name: metrics.record() for name, metrics in models.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def difference_table(comparison: Comparison) -> pd.DataFrame:
    """Returns one row a metric: what fine-tuning changes, paired review by review, with bounds."""
    rows = {name: dataclasses.asdict(each) for name, each in comparison.all_differences.items()}
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


def _interval_record(name: str, interval: Interval) -> dict[str, float | None]:
    return {
        name: interval.value,
        f"{name}_lower": interval.lower,
        f"{name}_upper": interval.upper,
    }


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


def _slice_comparison(measured: _Measured) -> SliceComparison:
    return SliceComparison(
        name=f"{SLICES[measured.column]} {measured.name}",
        examples=measured.examples(FROZEN),
        frozen=measured.accuracy(FROZEN),
        fine_tuned=measured.accuracy(FINE_TUNED),
        difference=measured.difference(FINE_TUNED),
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
    """Returns the share without the rounding to float32 of Keras's metrics."""
    return round(share * examples) / examples if math.isfinite(share) else share
