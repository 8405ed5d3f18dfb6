"""What the Evaluator measures and which thresholds it holds the models to."""

import json
from typing import Any

from tensorflow_model_analysis.proto import config_pb2

from albert_tfx.contract import (
    FINE_TUNED,
    FROZEN,
    LABEL,
    PROBABILITIES,
    PRODUCTION,
    SERVING_DEFAULT,
    SLICES,
    WINNER,
)
from albert_tfx.evaluation.metrics import ACCURACY, METRICS, Metric
from albert_tfx.options import SelectionPolicy

EXAMPLE_COUNT = "example_count"
CONFUSION_MATRIX = "confusion_matrix"

# Metrics of our own are named, not imported: the Evaluator's processes import them.
_OUR_METRICS = "albert_tfx.evaluation.tfma_metrics"
# TFMA's `TF_GENERIC`. With another type, TFMA loads each model once more, as a Keras model.
_MODEL_TYPE = "tf_generic"

# TFMA lets a change that equals its threshold pass. One review in a million breaks the tie.
_TIE_BREAK = 1e-6
_OVERALL = config_pb2.SlicingSpec()


def comparison_config(policy: SelectionPolicy) -> config_pb2.EvalConfig:
    """Returns the evaluation of `fine_tuned` as candidate against `frozen` as baseline.

    Args:
      policy: Its `min_accuracy` and `min_gain` become the accuracy's thresholds.
    """
    threshold = config_pb2.MetricThreshold(
        value_threshold=_at_least(policy.min_accuracy),
        change_threshold=config_pb2.GenericChangeThreshold(
            direction=config_pb2.MetricDirection.HIGHER_IS_BETTER,
            absolute={"value": policy.min_gain + _TIE_BREAK},
        ),
    )
    models = [_model(FINE_TUNED), _model(FROZEN, is_baseline=True)]
    return _config(models, threshold)


def winner_config(policy: SelectionPolicy) -> config_pb2.EvalConfig:
    """Returns the evaluation of the selected model, against the one in production if there is one.

    Args:
      policy: Its `min_accuracy` becomes the accuracy's threshold.
    """
    threshold = config_pb2.MetricThreshold(value_threshold=_at_least(policy.min_accuracy))
    return _config([_model(WINNER), _model(PRODUCTION, is_baseline=True)], threshold)


def _config(
    models: list[config_pb2.ModelSpec], threshold: config_pb2.MetricThreshold
) -> config_pb2.EvalConfig:
    return config_pb2.EvalConfig(
        model_specs=models,
        slicing_specs=[_OVERALL, *(_slice_by(key) for key in SLICES)],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    _named("ExampleCount", EXAMPLE_COUNT),
                    *(_measured(each, threshold) for each in METRICS.values() if each.tfma_class),
                    _named(
                        "MultiClassConfusionMatrixAtThresholds",
                        CONFUSION_MATRIX,
                        thresholds=[0.0],  # the most probable class, however improbable
                    ),
                    *map(_own, ("Predictions", "PairedOutcomes", "Disagreements", "Mistakes")),
                ]
            ),
        ],
        options=config_pb2.Options(include_default_metrics={"value": False}),
    )


def _model(name: str, is_baseline: bool = False) -> config_pb2.ModelSpec:
    return config_pb2.ModelSpec(
        name=name,
        is_baseline=is_baseline,
        model_type=_MODEL_TYPE,
        signature_name=SERVING_DEFAULT,
        label_key=LABEL,
        prediction_key=PROBABILITIES,
    )


def _slice_by(feature: str) -> config_pb2.SlicingSpec:
    return config_pb2.SlicingSpec(feature_keys=[feature])


def _measured(metric: Metric, threshold: config_pb2.MetricThreshold) -> config_pb2.MetricConfig:
    """Returns TFMA's configuration of a metric; `threshold` is the accuracy's.

    It holds for all reviews alone, where TFMA's default would apply it to each slice.
    """
    configured = _named(metric.tfma_class, metric.name)
    if metric is ACCURACY:
        configured.per_slice_thresholds.add(slicing_specs=[_OVERALL], threshold=threshold)
    return configured


def _named(class_name: str, name: str, **options: Any) -> config_pb2.MetricConfig:
    return config_pb2.MetricConfig(
        class_name=class_name, config=json.dumps({"name": name, **options})
    )


def _own(class_name: str) -> config_pb2.MetricConfig:
    return config_pb2.MetricConfig(class_name=class_name, module=_OUR_METRICS)


def _at_least(value: float) -> config_pb2.GenericValueThreshold:
    return config_pb2.GenericValueThreshold(lower_bound={"value": value})
