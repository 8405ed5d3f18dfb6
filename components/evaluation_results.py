"""Reads what the Evaluator measured, for components, reports and notebooks alike."""

import math
from collections.abc import Iterable

import pandas as pd
import tensorflow_model_analysis as tfma
from tensorflow_model_analysis.proto import metrics_for_slice_pb2
from tfx.dsl.io import fileio

from components.errors import InputError
from components.evaluation_metrics import GAINED, LOST, MAJORITY_SHARE
from components.features import FINE_TUNED, FROZEN
from components.measurements import (
    Comparison,
    Interval,
    ModelMetrics,
    paired_difference,
    proportion,
)

ACCURACY = "accuracy"
AUC = "auc"
LOG_LOSS = "log_loss"
EXAMPLE_COUNT = "example_count"

_Metrics = dict[tuple[str, str, bool], float]  # (model, metric, is a difference) to value


def load_comparison(uri: str) -> Comparison:
    """Reads the evaluation of both models on the eval split.

    Args:
      uri: Folder of a `ModelEvaluation` artifact that `comparison_config` made.

    Raises:
      InputError: The folder holds no such evaluation.
    """
    metrics = _overall_metrics(uri)
    frozen, fine_tuned = (_model_metrics(metrics, name, uri) for name in (FROZEN, FINE_TUNED))
    return Comparison(
        frozen,
        fine_tuned,
        _difference(metrics, frozen, fine_tuned),
        _value(metrics, FINE_TUNED, MAJORITY_SHARE, uri),
    )


def load_model_metrics(uri: str) -> ModelMetrics:
    """Reads the evaluation of a single model.

    Args:
      uri: Folder of a `ModelEvaluation` artifact that `winner_config` made.

    Raises:
      InputError: The folder holds no such evaluation.
    """
    return _model_metrics(_overall_metrics(uri), "", uri)


def comparison_table(comparison: Comparison) -> pd.DataFrame:
    """Returns one row a model, with a column a metric and the bounds of its accuracy."""
    models = {FROZEN: comparison.frozen, FINE_TUNED: comparison.fine_tuned}
    rows = {name: metrics_record(metrics) for name, metrics in models.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def metrics_record(metrics: ModelMetrics) -> dict[str, float | None]:
    """Returns the metrics as a flat mapping."""
    return {
        "accuracy": metrics.accuracy.value,
        "accuracy_lower": metrics.accuracy.lower,
        "accuracy_upper": metrics.accuracy.upper,
        "auc": metrics.auc,
        "log_loss": metrics.log_loss,
        "examples": metrics.examples,
    }


def _overall_metrics(uri: str) -> _Metrics:
    for slice_metrics in _load_metrics(uri):
        if not slice_metrics.slice_key.single_slice_keys:
            return _by_name(slice_metrics)
    raise InputError(f"{uri} holds no evaluation", "Give the uri of an Evaluator's `evaluation`")


def _load_metrics(uri: str) -> Iterable[metrics_for_slice_pb2.MetricsForSlice]:
    return tfma.load_metrics(uri) if fileio.exists(uri) else ()


def _by_name(slice_metrics: metrics_for_slice_pb2.MetricsForSlice) -> _Metrics:
    """Leaves out single classes, so that what remains of the AUC is its macro average."""
    return {
        (pair.key.model_name, pair.key.name, pair.key.is_diff): pair.value.double_value.value
        for pair in slice_metrics.metric_keys_and_values
        if not pair.key.HasField("sub_key") and pair.value.HasField("double_value")
    }


def _model_metrics(metrics: _Metrics, model: str, uri: str) -> ModelMetrics:
    examples = round(_value(metrics, model, EXAMPLE_COUNT, uri))
    accuracy = _value(metrics, model, ACCURACY, uri)
    return ModelMetrics(
        accuracy=proportion(_exact(accuracy, examples), examples),
        auc=_value(metrics, model, AUC, uri),
        log_loss=_value(metrics, model, LOG_LOSS, uri),
        examples=examples,
    )


def _exact(share: float, examples: int) -> float:
    """Undoes the rounding to float32 that Keras's metrics bring."""
    return round(share * examples) / examples if math.isfinite(share) else share


def _difference(metrics: _Metrics, frozen: ModelMetrics, fine_tuned: ModelMetrics) -> Interval:
    gained, lost = (metrics.get((FINE_TUNED, name, True)) for name in (GAINED, LOST))
    if gained is None or lost is None:
        return Interval(fine_tuned.accuracy.value - frozen.accuracy.value)
    return paired_difference(round(gained), round(lost), frozen.examples)


def _value(metrics: _Metrics, model: str, name: str, uri: str) -> float:
    if (model, name, False) not in metrics:
        raise InputError(
            f"The evaluation in {uri} has no {name} of {model or 'a single model'}",
            "Evaluate with the configurations of pipelines/evaluation.py",
        )
    return metrics[model, name, False]
