"""TFMA metrics for what TFMA itself does not measure; `tfma_config` names them by module.

TFMA's own confidence intervals resample every metric twenty times without a seed: they take
longer than the evaluation itself, and differ from run to run. Its AUC takes 0.3 ms a review, for
each model, class and slice: with twelve classes, as long as a small encoder's forward pass; and
it counts a class that does not occur as 0. So one metric here, `Predictions`, keeps a few bytes
of each review. Whatever needs all reviews at once is computed from them at the end.
"""

import collections
import dataclasses
import heapq
import io
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from numpy.typing import NDArray
from tensorflow_model_analysis import constants
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import config_pb2
from tensorflow_model_analysis.utils import model_util

from albert_tfx.contract import LABEL, LABELS, PROBABILITIES, TEXT
from albert_tfx.data.words import HASH_BYTES, text_hash
from albert_tfx.evaluation.metrics import METRICS, Floats, Ints, estimate

GAINED = "gained"
LOST = "lost"
FLIPPED = "flipped"
PREDICTIONS = "predictions"
DISAGREEMENTS = "disagreements"
MISTAKES = "mistakes"

MAX_PREDICTIONS = 200_000
MAX_DISAGREEMENTS = 50
MAX_CHARACTERS = 2000

_LABEL_BYTES = 4

_Metrics = dict[metric_types.MetricKey, Any]
_Counts = collections.Counter[str]
_Heap = list[tuple[float, str]]  # confidence of the disagreement, and the review as JSON


class PairedOutcomes(metric_types.Metric):
    """Counts the reviews on which the two models differ.

    `gained` are those that only the candidate gets right, `lost` those that only the baseline gets
    right, and `flipped` all to which they give different answers.
    """

    def __init__(self, name: str = "paired_outcomes") -> None:
        super().__init__(_paired_outcomes, name=name)


class Predictions(metric_types.Metric):
    """Keeps label and probabilities of up to `MAX_PREDICTIONS` reviews, and measures them.

    Of more reviews it keeps a random sample, the same one in every run: those whose text has the
    smallest hash. Besides `predictions`, which `decode_predictions` reads, its results are the
    metrics of `metrics.METRICS` for which TFMA has no class.
    """

    def __init__(self, name: str = PREDICTIONS) -> None:
        super().__init__(_predictions, name=name)


class Disagreements(metric_types.Metric):
    """Keeps the `MAX_DISAGREEMENTS` most confident disagreements of the two models.

    Confidence is the smaller of the two models' top probabilities. A text is cut after
    `MAX_CHARACTERS`. `decode_texts` reads the result.
    """

    def __init__(self, name: str = DISAGREEMENTS) -> None:
        super().__init__(_disagreements, name=name)


class Mistakes(metric_types.Metric):
    """Keeps, of each model, as many wrong answers: those with the highest probability.

    `decode_texts` reads the result.
    """

    def __init__(self, name: str = MISTAKES) -> None:
        super().__init__(_mistakes, name=name)


@dataclasses.dataclass(frozen=True)
class PredictionTable:
    """What `Predictions` kept, one row a review, in the same order in every run.

    Attributes:
      hashes: uint64 `[reviews]`, the texts' `text_hash`.
      labels: int32 `[reviews]`.
      probabilities: For each model, by its name, float32 `[reviews, classes]`.
      class_names: The classes.
    """

    hashes: Ints
    labels: Ints
    probabilities: dict[str, Floats]
    class_names: tuple[str, ...]


def decode_predictions(value: bytes) -> PredictionTable:
    """Reads the value of the metric `predictions`."""
    with np.load(io.BytesIO(value), allow_pickle=False) as arrays:
        rows, models = arrays["rows"], arrays["models"].tolist()
        by_model = np.moveaxis(rows["probabilities"], 1, 0)
        return PredictionTable(
            rows["hash"].view(">u8"),
            rows["label"],
            dict(zip(models, by_model, strict=True)),
            tuple(arrays["class_names"].tolist()),
        )


def decode_texts(value: bytes) -> list[dict[str, Any]]:
    """Reads the value of the metrics `disagreements` and `mistakes`, the most confident first.

    Returns:
      Mappings with `text`, `label`, and `probabilities`: each model's, by its name.
    """
    texts: list[dict[str, Any]] = json.loads(value)
    return texts


class _Review(NamedTuple):
    """What our combiners need to know of a review.

    Attributes:
      text: The text, unchanged.
      label: Index of its class.
      probabilities: float32 `[models, classes]`.
      class_names: bytes `[classes]`.
    """

    text: bytes
    label: int
    probabilities: Floats
    class_names: NDArray[Any]


class _ReviewPreprocessor(metric_types.Preprocessor):
    """Reads a review once, whatever the number of slices that it belongs to."""

    def __init__(self, models: Sequence[str]) -> None:
        super().__init__(name=f"text of {', '.join(models)}")
        self._models = models

    def process(self, extracts: dict[str, Any]) -> Iterator[_Review]:
        outputs = [_outputs(extracts[constants.PREDICTIONS_KEY], model) for model in self._models]
        features = extracts[constants.FEATURES_KEY]
        yield _Review(
            text=features[TEXT].item(),
            label=features[LABEL].item(),
            probabilities=np.stack([each[PROBABILITIES] for each in outputs]),
            class_names=outputs[0][LABELS],
        )


def _outputs(predictions: dict[str, Any], model: str) -> dict[str, NDArray[Any]]:
    """Returns one model's outputs; TFMA drops the name of a model that is alone."""
    outputs: dict[str, NDArray[Any]] = predictions[model] if model else predictions
    return outputs


def _paired_outcomes(
    name: str, eval_config: config_pb2.EvalConfig, model_names: Sequence[str]
) -> metric_types.MetricComputations:
    del name  # TFMA hands it over; the counts have names of their own.
    pair = _pair(eval_config, model_names)
    return [_computation(_PairedOutcomesCombiner(pair[0]), pair)] if pair else []


def _predictions(
    name: str, eval_config: config_pb2.EvalConfig, model_names: Sequence[str]
) -> metric_types.MetricComputations:
    del eval_config
    # One of the models has to lend its name; all of them are in the value.
    key = metric_types.MetricKey(name, model_name=model_names[0])
    names = [each.name for each in METRICS.values() if not each.tfma_class]

    def derive(metrics: _Metrics) -> _Metrics:
        table = decode_predictions(metrics[key])
        return {
            metric_types.MetricKey(metric, model_name=model): estimated.value
            for model, probabilities in table.probabilities.items()
            for metric, estimated in estimate(table.labels, probabilities).items()
            if metric in names
        }

    derived = [
        metric_types.MetricKey(metric, model_name=model)
        for metric in names
        for model in model_names
    ]
    return [
        _computation(_PredictionsCombiner(key, model_names), model_names),
        metric_types.DerivedMetricComputation(keys=derived, result=derive),
    ]


def _disagreements(
    name: str, eval_config: config_pb2.EvalConfig, model_names: Sequence[str]
) -> metric_types.MetricComputations:
    pair = _pair(eval_config, model_names)
    if not pair:
        return []
    return [_computation(_DisagreementsCombiner(_difference_key(name, pair[0]), pair), pair)]


def _mistakes(
    name: str, eval_config: config_pb2.EvalConfig, model_names: Sequence[str]
) -> metric_types.MetricComputations:
    del eval_config
    keys = [metric_types.MetricKey(name, model_name=model) for model in model_names]
    return [
        _computation(_MistakesCombiner(key, [key.model_name]), [key.model_name]) for key in keys
    ]


def _pair(eval_config: config_pb2.EvalConfig, model_names: Sequence[str]) -> Sequence[str]:
    """Returns candidate and baseline, or nothing where a model is alone."""
    baseline = model_util.get_baseline_model_spec(eval_config)
    candidates = [name for name in model_names if baseline and name != baseline.name]
    return [*candidates, baseline.name] if candidates else []


def _computation(combiner: Any, models: Sequence[str]) -> metric_types.MetricComputation:
    return metric_types.MetricComputation(
        keys=combiner.keys, preprocessors=[_ReviewPreprocessor(models)], combiner=combiner
    )


def _difference_key(name: str, candidate: str) -> metric_types.MetricKey:
    return metric_types.MetricKey(name, model_name=candidate, is_diff=True)


class _PairedOutcomesCombiner(beam.CombineFn):
    def __init__(self, candidate: str) -> None:
        self.keys = [_difference_key(name, candidate) for name in (GAINED, LOST, FLIPPED)]

    def create_accumulator(self) -> _Counts:
        return _Counts()

    def add_input(self, counts: _Counts, review: _Review) -> _Counts:
        candidate, baseline = review.probabilities.argmax(axis=1)
        if candidate != baseline:
            counts[FLIPPED] += 1
            counts[GAINED] += int(candidate == review.label)
            counts[LOST] += int(baseline == review.label)
        return counts

    def merge_accumulators(self, accumulators: Iterable[_Counts]) -> _Counts:
        return sum(accumulators, _Counts())

    def extract_output(self, counts: _Counts) -> _Metrics:
        return {key: float(counts[key.name]) for key in self.keys}


@dataclasses.dataclass
class _Kept:
    """Rows of `_row_type`, as bytes: a Python object for each field would take ten times more."""

    rows: list[bytes]
    class_names: NDArray[Any] | None = None


class _PredictionsCombiner(beam.CombineFn):
    def __init__(self, key: metric_types.MetricKey, models: Sequence[str]) -> None:
        self.keys = [key]
        self._models = models

    def create_accumulator(self) -> _Kept:
        return _Kept([])

    def add_input(self, kept: _Kept, review: _Review) -> _Kept:
        kept.class_names = review.class_names
        kept.rows.append(
            text_hash(review.text).to_bytes(HASH_BYTES, "big")
            + review.label.to_bytes(_LABEL_BYTES, "little")
            + review.probabilities.tobytes()
        )
        return _bounded(kept)

    def merge_accumulators(self, accumulators: Iterable[_Kept]) -> _Kept:
        merged = self.create_accumulator()
        for each in accumulators:
            merged.rows += each.rows
            merged.class_names = each.class_names if each.rows else merged.class_names
        return _bounded(merged)

    def extract_output(self, kept: _Kept) -> _Metrics:
        rows = b"".join(sorted(kept.rows)[:MAX_PREDICTIONS])
        names = [] if kept.class_names is None else [name.decode() for name in kept.class_names]
        content = io.BytesIO()
        np.savez(
            content,
            rows=np.frombuffer(rows, _row_type(len(self._models), len(names))),
            models=np.array(self._models),
            class_names=np.array(names, dtype=str),
        )
        return {self.keys[0]: content.getvalue()}


def _bounded(kept: _Kept) -> _Kept:
    """Cuts the rows to `MAX_PREDICTIONS` once there are twice as many."""
    if len(kept.rows) > 2 * MAX_PREDICTIONS:
        kept.rows = sorted(kept.rows)[:MAX_PREDICTIONS]
    return kept


def _row_type(models: int, classes: int) -> np.dtype[Any]:
    return np.dtype(
        [
            ("hash", f"V{HASH_BYTES}"),
            ("label", "<i4"),
            ("probabilities", "<f4", (models, classes)),
        ]
    )


class _TextsCombiner(beam.CombineFn):
    """Keeps a heap of reviews, the least confident on top; ties go by the text."""

    def __init__(self, key: metric_types.MetricKey, models: Sequence[str]) -> None:
        self.keys = [key]
        self._models = models

    def create_accumulator(self) -> _Heap:
        return []

    def _is_due(self, review: _Review) -> bool:
        """Returns whether the review is of the kind that is kept."""
        raise NotImplementedError

    def add_input(self, heap: _Heap, review: _Review) -> _Heap:
        confidence = float(review.probabilities.max(axis=1).min())
        if math.isfinite(confidence) and self._is_due(review) and _has_room(heap, confidence):
            heapq.heappush(heap, (confidence, self._describe(review)))
            if len(heap) > MAX_DISAGREEMENTS:
                heapq.heappop(heap)
        return heap

    def merge_accumulators(self, accumulators: Iterable[_Heap]) -> _Heap:
        merged = heapq.nlargest(MAX_DISAGREEMENTS, itertools.chain(*accumulators))
        return merged[::-1]  # ascending, which is a heap

    def extract_output(self, heap: _Heap) -> _Metrics:
        reviews = [json.loads(review) for _, review in sorted(heap, reverse=True)]
        return {self.keys[0]: json.dumps(reviews).encode()}

    def _describe(self, review: _Review) -> str:
        text = review.text.decode(errors="replace")
        return json.dumps(
            {
                "text": text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…",
                "label": review.label,
                "probabilities": dict(
                    zip(self._models, review.probabilities.tolist(), strict=True)
                ),
            }
        )


class _DisagreementsCombiner(_TextsCombiner):
    def _is_due(self, review: _Review) -> bool:
        candidate, baseline = review.probabilities.argmax(axis=1)
        return bool(candidate != baseline)


class _MistakesCombiner(_TextsCombiner):
    def _is_due(self, review: _Review) -> bool:
        [answer] = review.probabilities.argmax(axis=1)
        return bool(answer != review.label)


def _has_room(heap: _Heap, confidence: float) -> bool:
    return len(heap) < MAX_DISAGREEMENTS or confidence >= heap[0][0]
