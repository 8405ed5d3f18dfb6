"""What the Evaluator measures and which thresholds it holds the models to."""

import json

from tensorflow_model_analysis import constants
from tensorflow_model_analysis.proto import config_pb2

from components import evaluation_metrics, evaluation_results
from components.features import FINE_TUNED, FROZEN, LABEL, PROBABILITIES
from components.options import SelectionPolicy
from components.serving import SERVING_DEFAULT

# TFMA lets a change that equals its threshold pass. One review in a million breaks the tie.
_TIE_BREAK = 1e-6


def comparison_config(classes: int, policy: SelectionPolicy) -> config_pb2.EvalConfig:
    """Returns the evaluation of `fine_tuned` as candidate against `frozen` as baseline.

    Args:
      classes: Number of classes.
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
    return _config(models, classes, threshold, [_metric(evaluation_metrics.PairedOutcomes)])


def winner_config(classes: int, policy: SelectionPolicy) -> config_pb2.EvalConfig:
    """Returns the evaluation of the selected model alone.

    Args:
      classes: Number of classes.
      policy: Its `min_accuracy` becomes the accuracy's threshold.
    """
    threshold = config_pb2.MetricThreshold(value_threshold=_at_least(policy.min_accuracy))
    return _config([_model("")], classes, threshold, [])


def _config(
    models: list[config_pb2.ModelSpec],
    classes: int,
    threshold: config_pb2.MetricThreshold,
    metrics: list[config_pb2.MetricConfig],
) -> config_pb2.EvalConfig:
    return config_pb2.EvalConfig(
        model_specs=models,
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=[
                    _named("ExampleCount", evaluation_results.EXAMPLE_COUNT),
                    _named("SparseCategoricalAccuracy", evaluation_results.ACCURACY, threshold),
                    _named("SparseCategoricalCrossentropy", evaluation_results.LOG_LOSS),
                    _metric(evaluation_metrics.MajorityShare),
                    *metrics,
                ]
            ),
            _one_versus_rest_auc(classes),
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


def _one_versus_rest_auc(classes: int) -> config_pb2.MetricsSpec:
    """Macro-averages the AUC of each class against the rest; of two classes, both AUCs are one."""
    return config_pb2.MetricsSpec(
        metrics=[_named("AUC", evaluation_results.AUC)],
        binarize=config_pb2.BinarizationOptions(class_ids={"values": range(classes)}),
        aggregate=config_pb2.AggregationOptions(
            macro_average=True, class_weights=dict.fromkeys(range(classes), 1.0)
        ),
    )


def _named(
    class_name: str, name: str, threshold: config_pb2.MetricThreshold | None = None
) -> config_pb2.MetricConfig:
    return config_pb2.MetricConfig(
        class_name=class_name, config=json.dumps({"name": name}), threshold=threshold
    )


def _metric(metric_class: type) -> config_pb2.MetricConfig:
    return config_pb2.MetricConfig(class_name=metric_class.__name__, module=metric_class.__module__)


def _at_least(value: float) -> config_pb2.GenericValueThreshold:
    return config_pb2.GenericValueThreshold(lower_bound={"value": value})
