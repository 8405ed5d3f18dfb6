"""Yardstick: what word counts make of the same reviews, in seconds.

TF-IDF of words and pairs of words under a logistic regression is the baseline that a text encoder
has to beat to be worth its cost (Wang & Manning 2012, "Baselines and Bigrams: Simple, Good
Sentiment and Topic Classification").
"""

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

from components import estimates, report_summary
from components.evaluation_results import metrics_record
from components.features import EVAL, LABEL, TEST, TEXT, TRAIN
from components.measurements import ModelMetrics
from components.text_similarity import words

EXAMPLES_KEY = "examples"
RESULT_KEY = "result"
RESULT_FILE = "yardstick.json"

# n-grams are hashed, not listed, and no more reviews than this are trained on, so that memory has
# a bound whatever the data set: of IMDB's, 2**20 columns instead gain 0.2 points of accuracy.
_COLUMNS = 2**18
_MOST_TRAINED_ON = 100_000
_BATCH_SIZE = 4096
# The inverse of the regularisation, fixed: chosen on no split, so that all measure it alike.
# Of 1, 3, 10 and 30 the best on IMDB and on the sample reviews.
_C = 30.0


def load_yardstick(uri: str) -> dict[str, Any]:
    """Reads what Yardstick measured.

    Args:
      uri: Folder of its `result`.

    Returns:
      A mapping of `eval` and `test`, each a `metrics_record`, `train_seconds`,
      `trainable_parameters` and `train_examples`.
    """
    with fileio.open(os.path.join(uri, RESULT_FILE)) as file:
        return json.loads(file.read())


class Executor(base_executor.BaseExecutor):
    """Trains on `train` and measures on `eval` and `test`."""

    def Do(  # noqa: N802  TFX's name
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes what `load_yardstick` reads."""
        del exec_properties
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES_KEY])
        uri = artifact_utils.get_single_uri(output_dict[RESULT_KEY])
        texts, labels = _first_reviews(examples)
        started = time.monotonic()
        model = train(texts, labels)
        result = {
            "train_seconds": time.monotonic() - started,
            "train_examples": len(texts),
            "trainable_parameters": count_parameters(model),
            **{
                split: metrics_record(measure(model, _batches(examples, split)))
                for split in (EVAL, TEST)
            },
        }
        io_utils.write_string_file(os.path.join(uri, RESULT_FILE), report_summary.to_json(result))


def train(texts: Sequence[str], labels: np.ndarray) -> Pipeline:
    """Trains a classifier of texts.

    Args:
      texts: The reviews.
      labels: int64 `[reviews]`, of two classes or more.

    Returns:
      A scikit-learn pipeline with `predict_proba`. The same reviews give the same one.
    """
    return make_pipeline(
        HashingVectorizer(
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


def measure(model: Pipeline, batches: Iterable[tuple[list[str], np.ndarray]]) -> ModelMetrics:
    """Measures a classifier.

    Args:
      model: What `train` gave.
      batches: Reviews and their labels, int64 `[reviews]`.
    """
    parts = [(model.predict_proba(texts), labels) for texts, labels in batches]
    known, labels = map(np.concatenate, zip(*parts, strict=True))
    # A class that training did not meet is held impossible.
    probabilities = np.zeros((len(labels), max(model.classes_.max(), labels.max()) + 1))
    probabilities[:, model.classes_] = known
    return estimates.measure(labels, probabilities)


def _first_reviews(examples: types.Artifact) -> tuple[list[str], np.ndarray]:
    """Returns what there is to train on; TfdsExampleGen has mixed the reviews."""
    texts, labels = zip(*itertools.islice(_reviews(examples, TRAIN), _MOST_TRAINED_ON), strict=True)
    return list(texts), np.array(labels)


def _batches(examples: types.Artifact, split: str) -> Iterator[tuple[list[str], np.ndarray]]:
    reviews = _reviews(examples, split)
    while batch := list(itertools.islice(reviews, _BATCH_SIZE)):
        texts, labels = zip(*batch, strict=True)
        yield list(texts), np.array(labels)


def _reviews(examples: types.Artifact, split: str) -> Iterator[tuple[str, int]]:
    folder = artifact_utils.get_split_uri([examples], split)
    files = sorted(os.path.join(folder, name) for name in map(str, fileio.listdir(folder)))
    records = tf.data.TFRecordDataset(files, compression_type="GZIP").batch(_BATCH_SIZE)
    for record in itertools.chain.from_iterable(records.as_numpy_iterator()):
        feature = tf.train.Example.FromString(record).features.feature
        text = feature[TEXT].bytes_list.value[0].decode(errors="replace")
        yield text, feature[LABEL].int64_list.value[0]


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
