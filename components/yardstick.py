"""Yardstick: what word counts make of the same reviews, in seconds.

TF-IDF of words and pairs of words under a logistic regression is the baseline that a text encoder
has to beat to be worth its cost (Wang & Manning 2012, "Baselines and Bigrams: Simple, Good
Sentiment and Topic Classification").
"""

import dataclasses
import io
import itertools
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

from albert_tfx.contract import ANSWERS_FILE, EVAL, LABEL, TEST, TEXT, TRAIN, YARDSTICK_FILE
from albert_tfx.data.records import records_of
from albert_tfx.data.similarity import words
from albert_tfx.evaluation.measurements import Interval, measure, paired_difference
from albert_tfx.evaluation.tfma_metrics import PredictionTable, text_hash
from albert_tfx.storage import to_json

EXAMPLES_KEY = "examples"
RESULT_KEY = "result"

# n-grams are hashed, not listed, and no more reviews than this are trained on, so that memory has
# a bound whatever the data set: of IMDB's, 2**20 columns instead gain 0.2 points of accuracy.
_COLUMNS = 2**18
_MOST_TRAINED_ON = 100_000
_BATCH_SIZE = 4096
# The inverse of the regularisation: fixed, never chosen on the reviews at hand. Of 1, 3, 10 and 30
# the best on `eval` of IMDB and of the sample reviews.
_C = 30.0

Batch = tuple[list[bytes], np.ndarray]  # texts in UTF-8, and labels, int64 `[reviews]`


@dataclasses.dataclass(frozen=True)
class Predictions:
    """What the yardstick makes of a split.

    Attributes:
      hashes: The texts' `text_hash`, uint64 `[reviews]`.
      labels: int64 `[reviews]`.
      probabilities: float64 `[reviews, classes]`.
    """

    hashes: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether the most probable class is the label, bool `[reviews]`."""
        return self.probabilities.argmax(axis=1) == self.labels


def load_yardstick(uri: str) -> dict[str, Any]:
    """Reads what Yardstick measured.

    Args:
      uri: Folder of its `result`.

    Returns:
      A mapping of `eval` and `test`, each a `ModelMetrics.record`, `train_seconds`,
      `trainable_parameters` and `train_examples`.
    """
    with fileio.open(os.path.join(uri, YARDSTICK_FILE)) as file:
        return json.loads(file.read())


def load_gains(uri: str, table: PredictionTable) -> dict[str, Interval]:
    """Returns by how much each model's accuracy on `eval` exceeds the yardstick's.

    Args:
      uri: Folder of Yardstick's `result`.
      table: What the Evaluator kept of the models' predictions on `eval`.

    Returns:
      The difference by the model's name, paired review by review.
    """
    with fileio.open(os.path.join(uri, ANSWERS_FILE), "rb") as file:
        answers = np.load(io.BytesIO(file.read()))
    right = dict(
        zip(_reviews_of(answers["hashes"], answers["labels"]), answers["right"], strict=True)
    )
    baseline = np.array([right[review] for review in _reviews_of(table.hashes, table.labels)])
    return {
        model: _gain(probabilities.argmax(axis=1) == table.labels, baseline)
        for model, probabilities in table.probabilities.items()
    }


def _reviews_of(hashes: np.ndarray, labels: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yields what tells reviews apart; those alike in it get the same answer."""
    return zip(hashes.tolist(), labels.tolist(), strict=True)


def _gain(right: np.ndarray, baseline_right: np.ndarray) -> Interval:
    gained, lost = (right & ~baseline_right).sum(), (~right & baseline_right).sum()
    return paired_difference(int(gained), int(lost), len(right))


class Executor(base_executor.BaseExecutor):
    """Trains on `train` and measures on `eval` and `test`."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes what `load_yardstick` and `load_gains` read."""
        del exec_properties
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES_KEY])
        uri = artifact_utils.get_single_uri(output_dict[RESULT_KEY])
        texts, labels = _first_reviews(examples)
        started = time.monotonic()
        model = train(texts, labels)
        seconds = time.monotonic() - started
        splits = {split: predict(model, _batches(examples, split)) for split in (EVAL, TEST)}
        result = {
            "train_seconds": seconds,
            "train_examples": len(texts),
            "trainable_parameters": count_parameters(model),
            **{
                split: measure(each.labels, each.probabilities).record()
                for split, each in splits.items()
            },
        }
        _save_answers(os.path.join(uri, ANSWERS_FILE), splits[EVAL])
        io_utils.write_string_file(os.path.join(uri, YARDSTICK_FILE), to_json(result))


def train(texts: Sequence[bytes], labels: np.ndarray) -> Pipeline:
    """Trains a classifier of texts.

    Args:
      texts: The reviews, in UTF-8.
      labels: int64 `[reviews]`, of two classes or more.

    Returns:
      A scikit-learn pipeline with `predict_proba`. The same reviews give the same one.
    """
    return make_pipeline(
        HashingVectorizer(
            decode_error="replace",
            tokenizer=words,
            token_pattern=None,
            lowercase=False,  # `words` has done that
            ngram_range=(1, 2),
            n_features=_COLUMNS,
            alternate_sign=False,
            norm=None,
            dtype=np.float32,
        ),
        TfidfTransformer(sublinear_tf=True),
        OneVsRestClassifier(LogisticRegression(C=_C, solver="liblinear")),
    ).fit(texts, labels)


def count_parameters(model: Pipeline) -> int:
    """Returns the number of weights that are not zero: those of n-grams that occurred."""
    return sum(
        int(np.count_nonzero(each.coef_) + np.count_nonzero(each.intercept_))
        for each in model[-1].estimators_
    )


def predict(model: Pipeline, batches: Iterable[Batch]) -> Predictions:
    """Asks a classifier.

    Args:
      model: What `train` gave.
      batches: Reviews, of one class or more.
    """
    parts = [
        (
            np.array([text_hash(text) for text in texts], np.uint64),
            labels,
            model.predict_proba(texts),
        )
        for texts, labels in batches
    ]
    hashes, labels, known = map(np.concatenate, zip(*parts, strict=True))
    # A class that training did not meet is held impossible.
    probabilities = np.zeros([len(labels), max(*model.classes_, *labels) + 1])
    probabilities[:, model.classes_] = known
    return Predictions(hashes, labels, probabilities)


def _save_answers(path: str, predictions: Predictions) -> None:
    content = io.BytesIO()
    np.savez(content, hashes=predictions.hashes, labels=predictions.labels, right=predictions.right)
    io_utils.write_bytes_file(path, content.getvalue())


def _first_reviews(examples: types.Artifact) -> Batch:
    """Returns what there is to train on; TfdsExampleGen has mixed the reviews."""
    texts, labels = zip(*itertools.islice(_reviews(examples, TRAIN), _MOST_TRAINED_ON), strict=True)
    return list(texts), np.array(labels)


def _batches(examples: types.Artifact, split: str) -> Iterator[Batch]:
    reviews = _reviews(examples, split)
    while batch := list(itertools.islice(reviews, _BATCH_SIZE)):
        texts, labels = zip(*batch, strict=True)
        yield list(texts), np.array(labels)


def _reviews(examples: types.Artifact, split: str) -> Iterator[tuple[bytes, int]]:
    batches = records_of(examples, split).batch(_BATCH_SIZE)
    for record in itertools.chain.from_iterable(batches.as_numpy_iterator()):
        feature = tf.train.Example.FromString(record).features.feature
        yield feature[TEXT].bytes_list.value[0], feature[LABEL].int64_list.value[0]


class YardstickSpec(component_spec.ComponentSpec):
    """Interface of Yardstick."""

    PARAMETERS: dict[str, component_spec.ExecutionParameter] = {}  # noqa: RUF012
    INPUTS = {  # noqa: RUF012
        EXAMPLES_KEY: component_spec.ChannelParameter(type=standard_artifacts.Examples)
    }
    OUTPUTS = {  # noqa: RUF012
        RESULT_KEY: component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation)
    }


class Yardstick(base_component.BaseComponent):
    """Trains TF-IDF and logistic regression, and measures them as the two models are.

    Outputs:
      result: Folder of what was measured; `load_yardstick` reads it.
    """

    SPEC_CLASS = YardstickSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(self, examples: types.BaseChannel) -> None:
        """Takes `Examples` with the splits `train`, `eval` and `test`."""
        super().__init__(
            YardstickSpec(
                examples=examples,
                result=types.Channel(type=standard_artifacts.ModelEvaluation),
            )
        )
