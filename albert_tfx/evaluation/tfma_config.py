"""What the Evaluator measures and which thresholds it holds the models to."""

import json
from typing import Any

from tensorflow_model_analysis import constants
from tensorflow_model_analysis.proto import config_pb2

from albert_tfx.contract import FINE_TUNED, FROZEN, LABEL, PROBABILITIES, PRODUCTION, WINNER
from albert_tfx.evaluation import extractors, results, tfma_metrics
from albert_tfx.evaluation.estimates import LOG_LOSS
from albert_tfx.modeling.serving_model import SERVING_DEFAULT
from albert_tfx.options import SelectionPolicy

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
        slicing_specs=[_OVERALL, *(_slice_by(key) for key in extractors.SLICES)],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    _named("ExampleCount", results.EXAMPLE_COUNT),
                    _accuracy(threshold),
                    _named("SparseCategoricalCrossentropy", LOG_LOSS),
                    _named(
                        "MultiClassConfusionMatrixAtThresholds",
                        results.CONFUSION_MATRIX,
                        thresholds=[0.0],  # the most probable class, however improbable
                    ),
                    _own(tfma_metrics.Predictions),
                    _own(tfma_metrics.PairedOutcomes),
                    _own(tfma_metrics.Disagreements),
                ]
            ),
        ],
        options=config_pb2.Options(include_default_metrics={"value": False}),
    )


def _model(name: str, is_baseline: bool = False) -> config_pb2.ModelSpec:
    return config_pb2.ModelSpec(
        name=name,
        is_baseline=is_baseline,
        # Otherwise TFMA loads each model once more, as a Keras model, to find out what it is.
        model_type=constants.TF_GENERIC,
        signature_name=SERVING_DEFAULT,
        label_key=LABEL,
        prediction_key=PROBABILITIES,
    )


def _slice_by(feature: str) -> config_pb2.SlicingSpec:
    return config_pb2.SlicingSpec(feature_keys=[feature])


def _accuracy(threshold: config_pb2.MetricThreshold) -> config_pb2.MetricConfig:
    """Holds the accuracy to `threshold` on all reviews, where TFMA would do it on each slice."""
    metric = _named("SparseCategoricalAccuracy", results.ACCURACY)
    metric.per_slice_thresholds.add(slicing_specs=[_OVERALL], threshold=threshold)
    return metric


def _named(class_name: str, name: str, **options: Any) -> config_pb2.MetricConfig:
    return config_pb2.MetricConfig(
        class_name=class_name, config=json.dumps({"name": name, **options})
    )


def _own(metric_class: type) -> config_pb2.MetricConfig:
    return config_pb2.MetricConfig(class_name=metric_class.__name__, module=metric_class.__module__)


def _at_least(value: float) -> config_pb2.GenericValueThreshold:
    return config_pb2.GenericValueThreshold(lower_bound={"value": value})
