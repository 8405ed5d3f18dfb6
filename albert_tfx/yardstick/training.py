"""What word counts make of the same reviews, in seconds: the baseline of both models.

TF-IDF of words and pairs of words under a logistic regression is the baseline that a text encoder
has to beat to be worth its cost (Wang & Manning 2012, "Baselines and Bigrams: Simple, Good
Sentiment and Topic Classification").
"""

import io
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf
from etils import epath
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from albert_tfx.calibration import evidence
from albert_tfx.contract import (
    ANSWERS_FILE,
    CLASSIFY_TEXT,
    EVAL,
    PROBABILITIES,
    TEST,
    TRAIN,
    YARDSTICK_FILE,
)
from albert_tfx.data.records import reviews_of
from albert_tfx.data.words import text_hash
from albert_tfx.evaluation.measurements import measure
from albert_tfx.evaluation.model_cost import ModelCost, measure_cost, sample_of
from albert_tfx.modeling.serving_model import write_warmup
from albert_tfx.options import BALANCED, AnswerOptions, YardstickOptions
from albert_tfx.resources import memory
from albert_tfx.storage import write_bytes, write_json
from albert_tfx.yardstick.ngrams import NgramCounter
from albert_tfx.yardstick.server import YardstickServer

# No more reviews than this are trained on, so that memory has a bound whatever the data set.
_MOST_TRAINED_ON = 100_000
_BATCH_SIZE = 1024
_WARMUP_TEXTS = 4
# The inverse of the regularisation: fixed, never chosen on the reviews at hand. Of 1, 3, 10 and 30
# the best on `eval` of IMDB and of the sample reviews.
_C = 30.0

_UNWEIGHTED = YardstickOptions()

Batch = tuple[list[bytes], np.ndarray]  # texts in UTF-8, and labels, int64 `[reviews]`


def evaluate(
    examples_uri: str,
    result_uri: str,
    model: str,
    class_names: Sequence[str],
    options: YardstickOptions = _UNWEIGHTED,
    answers: AnswerOptions | None = None,
) -> None:
    """Trains on `train`, exports, and measures the exported model on `eval` and `test`.

    Args:
      examples_uri: Folder of `Examples`.
      result_uri: Folder of Yardstick's `result`; `evaluation.baseline` reads what is written there.
      model: Folder that receives the SavedModel.
      class_names: All classes.
      options: How to train.
      answers: What becomes of probabilities. The yardstick is served without a temperature.
    """
    with memory.taken() as used:
        texts, labels = _first_reviews(examples_uri)
        started = time.monotonic()
        trained = train(texts, labels, options)
        seconds = time.monotonic() - started
    of_classes = evidence.shares(labels, len(class_names))
    server = YardstickServer(trained, class_names, answers, of_classes)
    server.export(model)
    write_warmup(model, _first_texts(examples_uri))
    loaded = tf.saved_model.load(model)
    splits = {split: _answers(loaded, _batches(examples_uri, split)) for split in (EVAL, TEST)}
    result = {
        "train_seconds": seconds,
        "train_memory_bytes": used.bytes,
        "train_examples": len(texts),
        "trainable_parameters": count_parameters(trained),
        "parameters": server.parameters,
        **_cost(measure_cost(model, sample_of(examples_uri, EVAL))),
        **{
            split: measure(labels, probabilities).record()
            for split, (_, labels, probabilities) in splits.items()
        },
    }
    hashes, labels, probabilities = map(np.concatenate, zip(*splits.values(), strict=True))
    _save_answers(epath.Path(result_uri) / ANSWERS_FILE, hashes, labels, probabilities)
    write_json(epath.Path(result_uri) / YARDSTICK_FILE, result)


def train(
    texts: Sequence[bytes], labels: np.ndarray, options: YardstickOptions = _UNWEIGHTED
) -> Pipeline:
    """Trains a classifier of texts.

    Args:
      texts: The reviews, in UTF-8.
      labels: int64 `[reviews]`, of two classes or more.
      options: How to train. Balanced, each class counts as much as the rest of them together.

    Returns:
      A scikit-learn pipeline with `predict_proba`. The same reviews give the same one.
    """
    return make_pipeline(
        FunctionTransformer(NgramCounter().matrix),
        TfidfTransformer(sublinear_tf=True),
        OneVsRestClassifier(
            LogisticRegression(
                C=_C,
                solver="liblinear",
                class_weight=BALANCED if options.class_weights == BALANCED else None,
            )
        ),
    ).fit(texts, labels)


def count_parameters(model: Pipeline) -> int:
    """Returns the number of weights that are not zero: those of n-grams that occurred."""
    return sum(
        int(np.count_nonzero(each.coef_) + np.count_nonzero(each.intercept_))
        for each in model[-1].estimators_
    )


def _cost(measured: ModelCost) -> dict[str, float]:
    """Returns what the model costs its users, by the keys of `summary.YardstickSummary`."""
    return {
        "model_bytes": measured.bytes,
        "latency_seconds": measured.latency_seconds,
        "slow_latency_seconds": measured.slow_latency_seconds,
    }


def _answers(
    loaded: tf.Module, batches: Iterable[Batch]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Asks an exported model about reviews.

    Returns:
      The texts' `text_hash`, uint64 `[reviews]`; their labels, int64 `[reviews]`; and
      probabilities, float32 `[reviews, classes]`.
    """
    classify = loaded.signatures[CLASSIFY_TEXT]
    parts = [
        (
            np.array([text_hash(text) for text in texts], np.uint64),
            labels,
            classify(text=tf.constant(texts))[PROBABILITIES].numpy(),
        )
        for texts, labels in batches
    ]
    hashes, labels, probabilities = map(np.concatenate, zip(*parts, strict=True))
    return hashes, labels, probabilities


def _save_answers(
    path: epath.Path, hashes: np.ndarray, labels: np.ndarray, probabilities: np.ndarray
) -> None:
    content = io.BytesIO()
    right = probabilities.argmax(axis=1) == labels
    np.savez(content, hashes=hashes, labels=labels, right=right, probabilities=probabilities)
    write_bytes(path, content.getvalue())


def _first_reviews(examples_uri: str) -> Batch:
    """Returns what there is to train on; TfdsExampleGen has mixed the reviews."""
    first = itertools.islice(reviews_of(examples_uri, TRAIN), _MOST_TRAINED_ON)
    texts, labels = zip(*first, strict=True)
    return list(texts), np.array(labels)


def _first_texts(examples_uri: str) -> list[bytes]:
    """Returns the texts of the warm-up requests."""
    return [text for text, _ in itertools.islice(reviews_of(examples_uri, EVAL), _WARMUP_TEXTS)]


def _batches(examples_uri: str, split: str) -> Iterator[Batch]:
    reviews = reviews_of(examples_uri, split)
    while batch := list(itertools.islice(reviews, _BATCH_SIZE)):
        texts, labels = zip(*batch, strict=True)
        yield list(texts), np.array(labels)
