"""What word counts make of the same reviews, in seconds: the baseline of both models.

TF-IDF of words and pairs of words under a logistic regression is the baseline that a text encoder
has to beat to be worth its cost (Wang & Manning 2012, "Baselines and Bigrams: Simple, Good
Sentiment and Topic Classification").
"""

import dataclasses
import io
import itertools
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from etils import epath
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import Pipeline, make_pipeline

from albert_tfx.contract import ANSWERS_FILE, EVAL, TEST, TRAIN, YARDSTICK_FILE
from albert_tfx.data.records import reviews_of
from albert_tfx.data.similarity import text_hash, words
from albert_tfx.evaluation.measurements import Interval, measure, paired_difference
from albert_tfx.storage import read_json, write_bytes, write_json

if TYPE_CHECKING:
    from albert_tfx.evaluation.tfma_metrics import PredictionTable

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
    """The yardstick's predictions on a split.

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
        return np.asarray(self.probabilities.argmax(axis=1) == self.labels)


def load_yardstick(uri: str) -> Any:
    """Reads what Yardstick measured.

    Args:
      uri: Folder of its `result`.

    Returns:
      A mapping of `eval` and `test`, each a `ModelMetrics.record`, `train_seconds`,
      `trainable_parameters` and `train_examples`.
    """
    return read_json(epath.Path(uri) / YARDSTICK_FILE)


def load_gains(uri: str, table: "PredictionTable") -> dict[str, Interval]:
    """Returns by how much each model's accuracy on `eval` exceeds the yardstick's.

    Args:
      uri: Folder of Yardstick's `result`.
      table: What the Evaluator kept of the models' predictions on `eval`.

    Returns:
      The difference by the model's name, paired review by review.
    """
    answers = np.load(io.BytesIO((epath.Path(uri) / ANSWERS_FILE).read_bytes()))
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


def evaluate(examples_uri: str, result_uri: str) -> None:
    """Trains on `train`, measures on `eval` and `test`, and writes what is to be loaded.

    Args:
      examples_uri: Folder of `Examples`.
      result_uri: Folder of Yardstick's `result`.
    """
    texts, labels = _first_reviews(examples_uri)
    started = time.monotonic()
    model = train(texts, labels)
    seconds = time.monotonic() - started
    splits = {split: predict(model, _batches(examples_uri, split)) for split in (EVAL, TEST)}
    result = {
        "train_seconds": seconds,
        "train_examples": len(texts),
        "trainable_parameters": count_parameters(model),
        **{
            split: measure(each.labels, each.probabilities).record()
            for split, each in splits.items()
        },
    }
    _save_answers(epath.Path(result_uri) / ANSWERS_FILE, splits[EVAL])
    write_json(epath.Path(result_uri) / YARDSTICK_FILE, result)


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
    """Classifies reviews.

    Args:
      model: What `train` returned.
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
    # A class that training did not meet gets the probability 0.
    probabilities = np.zeros([len(labels), max(*model.classes_, *labels) + 1])
    probabilities[:, model.classes_] = known
    return Predictions(hashes, labels, probabilities)


def _save_answers(path: epath.Path, predictions: Predictions) -> None:
    content = io.BytesIO()
    np.savez(content, hashes=predictions.hashes, labels=predictions.labels, right=predictions.right)
    write_bytes(path, content.getvalue())


def _first_reviews(examples_uri: str) -> Batch:
    """Returns what there is to train on; TfdsExampleGen has mixed the reviews."""
    first = itertools.islice(reviews_of(examples_uri, TRAIN), _MOST_TRAINED_ON)
    texts, labels = zip(*first, strict=True)
    return list(texts), np.array(labels)


def _batches(examples_uri: str, split: str) -> Iterator[Batch]:
    reviews = reviews_of(examples_uri, split)
    while batch := list(itertools.islice(reviews, _BATCH_SIZE)):
        texts, labels = zip(*batch, strict=True)
        yield list(texts), np.array(labels)
