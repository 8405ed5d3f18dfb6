"""The yardstick as an exported model: what scikit-learn has learnt, in operations of TensorFlow."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from sklearn.pipeline import Pipeline

from albert_tfx.modeling.serving_model import Server
from albert_tfx.options import AnswerOptions
from albert_tfx.yardstick.ngrams import COLUMNS, NgramCounter


class YardstickServer(Server):
    """TF-IDF and logistic regression, with the probabilities that scikit-learn gives.

    It computes in float64, as scikit-learn does, and keeps no weights of columns that training did
    not meet. A text of no n-gram that training met gets the classes' shares, and a class that
    training did not meet the probability 0.

    Attributes:
      ngrams: Counts the n-grams.
      places: int32 `[COLUMNS]`, each column's row in what follows: 0 for one that is not kept.
      idf: float64 `[kept + 1]`, inverse document frequencies.
      weights: float64 `[kept + 1, classes]`, of which the first row is 0.
      intercepts: float64 `[classes]`.
    """

    def __init__(
        self,
        model: Pipeline,
        class_names: Sequence[str],
        options: AnswerOptions | None = None,
        shares: np.ndarray | None = None,
    ) -> None:
        """Builds it.

        Args:
          model: What `training.train` returned.
          class_names: All classes.
          options: What becomes of probabilities.
          shares: Of the classes in training, float `[classes]`: the answer to a text that tells
            nothing. None for that of the intercepts, which is scikit-learn's.
        """
        super().__init__(class_names, options)
        self.shares = None if shares is None else tf.constant(shares, tf.float32)
        idf = model[1].idf_
        weights, intercepts = _one_against_rest(model, len(class_names))
        kept = np.flatnonzero((idf != idf.max()) | weights.any(axis=1))
        places = np.zeros(COLUMNS, np.int32)
        places[kept] = np.arange(1, len(kept) + 1)
        self.ngrams = NgramCounter()
        self.places = tf.Variable(places, trainable=False)
        self.idf = tf.Variable([idf.max(), *idf[kept]], trainable=False, dtype=tf.float64)
        self.weights = tf.Variable(np.pad(weights[kept], ((1, 0), (0, 0))), trainable=False)
        self.intercepts = tf.Variable(intercepts, trainable=False)

    @property
    def parameters(self) -> int:
        """Number of the numbers that training found."""
        return sum(int(tf.size(each)) for each in (self.idf, self.weights, self.intercepts))

    def probabilities(self, text: tf.Tensor) -> tf.Tensor:
        """Maps texts, string `[batch]`, to probabilities, float32 `[batch, classes]`."""
        counts = self.ngrams.counts(text)
        given = tf.sigmoid(self._scores(counts))
        found = tf.cast(given / tf.reduce_sum(given, axis=1, keepdims=True), tf.float32)
        if self.shares is None:
            return found
        return tf.where(self._has_evidence(counts)[:, tf.newaxis], found, self.shares)

    def _has_evidence(self, counts: tf.SparseTensor) -> tf.Tensor:
        """Returns whether a text has any n-gram that training met, bool `[batch]`."""
        text, column = tf.unstack(counts.indices, axis=1)
        known = tf.minimum(tf.gather(self.places, column), 1)
        return tf.math.unsorted_segment_sum(known, text, counts.dense_shape[0]) > 0

    def _scores(self, counts: tf.SparseTensor) -> tf.Tensor:
        """Maps counts, `[batch, COLUMNS]`, to scores of each class against the rest."""
        texts = counts.dense_shape[0]
        text, column = tf.unstack(counts.indices, axis=1)
        place = tf.gather(self.places, column)
        tfidf = (1 + tf.math.log(counts.values)) * tf.gather(self.idf, place)
        norm = tf.sqrt(tf.math.unsorted_segment_sum(tfidf**2, text, texts))
        indices = tf.stack([text, tf.cast(place, tf.int64)], axis=1)
        shape = tf.stack([texts, tf.size(self.idf, tf.int64)])
        vectors = tf.SparseTensor(indices, tfidf / tf.gather(norm, text), shape)
        return tf.sparse.sparse_dense_matmul(vectors, self.weights) + self.intercepts


def _one_against_rest(model: Pipeline, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns weights `[COLUMNS, classes]` and intercepts `[classes]`, both float64.

    For two classes scikit-learn trains one regression, which is that of the second; the first's is
    its opposite.
    """
    regressions = model[-1].estimators_
    coefficients = np.concatenate([each.coef_ for each in regressions]).T
    constants = np.concatenate([each.intercept_ for each in regressions])
    if len(regressions) == 1:
        coefficients = np.hstack([-coefficients, coefficients])
        constants = np.hstack([-constants, constants])
    weights, intercepts = np.zeros([COLUMNS, classes]), np.full(classes, -np.inf)
    weights[:, model.classes_] = coefficients
    intercepts[model.classes_] = constants
    return weights, intercepts
