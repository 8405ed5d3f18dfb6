"""Counts that TFMA has no metric for, as TFMA metrics; an `EvalConfig` names them by module.

TFMA's own confidence intervals resample every metric twenty times without a seed: they take
longer than the evaluation itself, and differ from run to run. A paired interval for the accuracy
difference needs but two counts, which `PairedOutcomes` gives in the same pass.
"""

import collections
from collections.abc import Iterable, Sequence

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.utils import model_util

GAINED = "gained"
LOST = "lost"
MAJORITY_SHARE = "majority_share"

_Counts = collections.Counter


class PairedOutcomes(metric_types.Metric):
    """Reviews that only the candidate gets right, `gained`, and only the baseline, `lost`."""

    def __init__(self, name: str = "paired_outcomes") -> None:
        super().__init__(_paired_outcomes, name=name)


class MajorityShare(metric_types.Metric):
    """Share of the most frequent class: the accuracy of always answering it."""

    def __init__(self, name: str = MAJORITY_SHARE) -> None:
        super().__init__(_majority_share, name=name)


def _paired_outcomes(
    name: str, eval_config: config_pb2.EvalConfig, model_names: Sequence[str]
) -> metric_types.MetricComputations:
    del name  # TFMA hands it over; the two counts have names of their own.
    baseline = model_util.get_baseline_model_spec(eval_config)
    if not baseline:
        return []
    return [
        metric_types.MetricComputation(
            keys=[_difference_key(GAINED, candidate), _difference_key(LOST, candidate)],
            preprocessors=None,
            combiner=_PairedOutcomesCombiner(eval_config, candidate, baseline.name),
        )
        for candidate in model_names
        if candidate != baseline.name
    ]


def _majority_share(
    name: str, eval_config: config_pb2.EvalConfig, model_names: Sequence[str]
) -> metric_types.MetricComputations:
    keys = [metric_types.MetricKey(name, model_name=model) for model in model_names]
    return [
        metric_types.MetricComputation(
            keys=[key],
            preprocessors=None,
            combiner=_MajorityShareCombiner(eval_config, key),
        )
        for key in keys
    ]


def _difference_key(name: str, candidate: str) -> metric_types.MetricKey:
    return metric_types.MetricKey(name, model_name=candidate, is_diff=True)


class _Counter(beam.CombineFn):
    """Counts over all reviews."""

    def create_accumulator(self) -> _Counts:
        return _Counts()

    def merge_accumulators(self, accumulators: Iterable[_Counts]) -> _Counts:
        return sum(accumulators, _Counts())


class _PairedOutcomesCombiner(_Counter):
    def __init__(self, eval_config: config_pb2.EvalConfig, candidate: str, baseline: str) -> None:
        self._eval_config = eval_config
        self._candidate = candidate
        self._baseline = baseline

    def add_input(self, counts: _Counts, review: metric_types.StandardMetricInputs) -> _Counts:
        candidate = _is_right(review, self._eval_config, self._candidate)
        baseline = _is_right(review, self._eval_config, self._baseline)
        if candidate != baseline:
            counts[GAINED if candidate else LOST] += 1
        return counts

    def extract_output(self, counts: _Counts) -> dict[metric_types.MetricKey, float]:
        return {
            _difference_key(name, self._candidate): float(counts[name]) for name in (GAINED, LOST)
        }


class _MajorityShareCombiner(_Counter):
    def __init__(self, eval_config: config_pb2.EvalConfig, key: metric_types.MetricKey) -> None:
        self._eval_config = eval_config
        self._key = key

    def add_input(self, counts: _Counts, review: metric_types.StandardMetricInputs) -> _Counts:
        label, _ = _label_and_probabilities(review, self._eval_config, self._key.model_name)
        counts[label] += 1
        return counts

    def extract_output(self, counts: _Counts) -> dict[metric_types.MetricKey, float]:
        total = counts.total()
        return {self._key: max(counts.values()) / total if total else float("nan")}


def _is_right(
    review: metric_types.StandardMetricInputs, eval_config: config_pb2.EvalConfig, model: str
) -> bool:
    label, probabilities = _label_and_probabilities(review, eval_config, model)
    return int(np.argmax(probabilities)) == label


def _label_and_probabilities(
    review: metric_types.StandardMetricInputs, eval_config: config_pb2.EvalConfig, model: str
) -> tuple[int, np.ndarray]:
    label, probabilities, _ = next(
        metric_util.to_label_prediction_example_weight(
            review, eval_config=eval_config, model_name=model, flatten=False
        )
    )
    return int(label.item()), probabilities
