"""What word counts make of the same reviews, in seconds: the baseline of both models.

TF-IDF of words and pairs of words under a logistic regression is the baseline that a text encoder
has to beat to be worth its cost (Wang & Manning 2012, "Baselines and Bigrams: Simple, Good
Sentiment and Topic Classification").
"""

import dataclasses
import io
import itertools
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from albert_tfx.errors import InputError
from albert_tfx.evaluation.measurements import measure
from albert_tfx.options import BALANCED, YardstickOptions
from albert_tfx.storage import read_json, write_bytes, write_json

if TYPE_CHECKING:
    from albert_tfx.evaluation.tfma_metrics import PredictionTable

# n-grams are hashed, not listed, and no more reviews than this are trained on, so that memory has
# a bound whatever the data set: of IMDB's, 2**20 columns instead gain 0.2 points of accuracy.
_COLUMNS = 2**18
_MOST_TRAINED_ON = 100_000
_BATCH_SIZE = 4096
_TIMED = 30  # texts
# The inverse of the regularisation: fixed, never chosen on the reviews at hand. Of 1, 3, 10 and 30
# the best on `eval` of IMDB and of the sample reviews.
_C = 30.0

_UNWEIGHTED = YardstickOptions()

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


class Answers:
    """The yardstick's answers to the eval reviews, as a pipeline left them."""

    def __init__(self, uri: str, content: Mapping[str, np.ndarray]) -> None:
        """Takes what `load` has read."""
        self._uri = uri
        reviews = _reviews_of(content["hashes"], content["labels"])
        self._rows = {review: row for row, review in enumerate(reviews)}
        self._probabilities = content["probabilities"]

    @classmethod
    def load(cls, uri: str) -> "Answers | None":
        """Reads them from the folder of Yardstick's `result`.

        Returns:
          None where an earlier version of this project made it, which kept no probabilities.
        """
        content = io.BytesIO((epath.Path(uri) / ANSWERS_FILE).read_bytes())
        with np.load(content) as answers:
            return cls(uri, answers) if "probabilities" in answers else None

    def of(self, table: "PredictionTable") -> np.ndarray:
        """Returns the yardstick's probabilities, float32 `[reviews, classes]`.

        Args:
          table: The reviews: what the Evaluator kept of the models' predictions on them.

        Raises:
          InputError: There is no answer to one of them.
        """
        return self.to(table.hashes, table.labels, len(table.class_names))

    def to(self, hashes: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
        """Does the same for texts of these hashes, uint64 `[reviews]`, and labels."""
        try:
            order = [self._rows[review] for review in _reviews_of(hashes, labels)]
        except KeyError as error:
            raise InputError(
                f"The yardstick's answers in {self._uri} are not to the reviews evaluated",
                "Run the pipeline again, which makes them anew",
            ) from error
        known = self._probabilities[order]
        missing = classes - known.shape[1]
        return np.pad(known, ((0, 0), (0, max(missing, 0))))


def _reviews_of(hashes: np.ndarray, labels: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yields what tells reviews apart; those alike in it get the same answer."""
    return zip(hashes.tolist(), labels.tolist(), strict=True)


def evaluate(examples_uri: str, result_uri: str, options: YardstickOptions = _UNWEIGHTED) -> None:
    """Trains on `train`, measures on `eval` and `test`, and writes what is to be loaded.

    Args:
      examples_uri: Folder of `Examples`.
      result_uri: Folder of Yardstick's `result`.
      options: How to train.
    """
    texts, labels = _first_reviews(examples_uri)
    started = time.monotonic()
    model = train(texts, labels, options)
    seconds = time.monotonic() - started
    splits = {split: predict(model, _batches(examples_uri, split)) for split in (EVAL, TEST)}
    result = {
        "train_seconds": seconds,
        "train_examples": len(texts),
        "trainable_parameters": count_parameters(model),
        **dataclasses.asdict(measure_cost(model, _first_texts(examples_uri))),
        **{
            split: measure(each.labels, each.probabilities).record()
            for split, each in splits.items()
        },
    }
    _save_answers(epath.Path(result_uri) / ANSWERS_FILE, splits[EVAL])
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


@dataclasses.dataclass(frozen=True)
class Cost:
    """What the yardstick costs its users, with the keys of `summary.YardstickSummary`.

    Attributes:
      parameters: Number of all its weights, with those of the columns' frequencies.
      model_bytes: Size of these, as they are kept.
      latency_seconds: Median wall-clock time of one text, in a batch of its own.
      slow_latency_seconds: Of ten texts, one takes longer.
    """

    parameters: int
    model_bytes: int
    latency_seconds: float
    slow_latency_seconds: float


def measure_cost(model: Pipeline, texts: Sequence[bytes]) -> Cost:
    """Asks the yardstick about single texts, on this machine.

    Args:
      model: What `train` returned.
      texts: In UTF-8; one or more.
    """
    weights = [model[1].idf_]
    for each in model[-1].estimators_:
        weights += [each.coef_, each.intercept_]
    seconds = [_seconds(model, each) for each in texts]
    median, slow = np.quantile(seconds, (0.5, 0.9))
    return Cost(
        sum(each.size for each in weights),
        sum(each.nbytes for each in weights),
        float(median),
        float(slow),
    )


def _seconds(model: Pipeline, text: bytes) -> float:
    started = time.perf_counter()
    model.predict_proba([text])
    return time.perf_counter() - started


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
    np.savez(
        content,
        hashes=predictions.hashes,
        labels=predictions.labels,
        right=predictions.right,
        probabilities=predictions.probabilities.astype(np.float32),
    )
    write_bytes(path, content.getvalue())


def _first_reviews(examples_uri: str) -> Batch:
    """Returns what there is to train on; TfdsExampleGen has mixed the reviews."""
    first = itertools.islice(reviews_of(examples_uri, TRAIN), _MOST_TRAINED_ON)
    texts, labels = zip(*first, strict=True)
    return list(texts), np.array(labels)


def _first_texts(examples_uri: str) -> list[bytes]:
    """Returns the texts by whose latency the yardstick's cost is measured."""
    return [text for text, _ in itertools.islice(reviews_of(examples_uri, EVAL), _TIMED)]


def _batches(examples_uri: str, split: str) -> Iterator[Batch]:
    reviews = reviews_of(examples_uri, split)
    while batch := list(itertools.islice(reviews, _BATCH_SIZE)):
        texts, labels = zip(*batch, strict=True)
        yield list(texts), np.array(labels)
