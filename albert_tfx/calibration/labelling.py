"""From probabilities to an answer, in TensorFlow operations: part of every exported model.

`tempered` makes probabilities as sure as they may be, and `label_and_score` says which class that
is. Whatever has a probability for each class can be served with them.

>>> probabilities = tempered(tf.constant([[0.1, 0.9], [0.5, 0.5]]), temperature=2.0)
>>> answer = label_and_score(probabilities, ["no", "yes"], AnswerOptions(abstain_below=0.7))
>>> answer["label"].numpy().tolist()
[b'yes', b'unsure']
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from albert_tfx.contract import LABEL, SCORE
from albert_tfx.options import ARGMAX_THRESHOLD, AnswerOptions

_FLOAT32 = np.finfo(np.float32)
NO_ANSWER = ""  # the label of what could not be read


def tempered(probabilities: tf.Tensor, temperature: float) -> tf.Tensor:
    """Divides log-probabilities by a temperature and renormalises (Guo et al. 2017, section 4.2).

    "On Calibration of Modern Neural Networks", https://arxiv.org/abs/1706.04599. As softmax does
    not see what is added to all logits, log-probabilities do as well as they.

    Args:
      probabilities: float32 `[batch, classes]`.
      temperature: Above 1 for less sure, below 1 for surer; 1 returns `probabilities`.

    Returns:
      float32 `[batch, classes]`. The class that comes first, by `argmax`, is the one that it was:
      rounding neither makes nor breaks a tie.
    """
    if temperature == 1:
        return probabilities
    is_less = probabilities < _FLOAT32.tiny  # written so that NaN stays
    logarithms = tf.math.log(tf.where(is_less, _FLOAT32.tiny, probabilities))
    return _with_first(tf.nn.softmax(logarithms / temperature), tf.argmax(probabilities, axis=1))


def _with_first(probabilities: tf.Tensor, first: tf.Tensor) -> tf.Tensor:
    """Lifts the class `first` above the greatest probability, where it is not the first."""
    is_other = tf.argmax(probabilities, axis=1) != first
    is_first = tf.one_hot(first, tf.shape(probabilities)[1], on_value=True, off_value=False)
    above = tf.reduce_max(probabilities, axis=1, keepdims=True) * (1 + _FLOAT32.eps)
    return tf.where(is_first & is_other[:, tf.newaxis], above, probabilities)


def label_and_score(
    probabilities: tf.Tensor, class_names: Sequence[str] | tf.Tensor, options: AnswerOptions
) -> dict[str, tf.Tensor]:
    """Returns what a model says of each text, and how sure it is of that.

    Args:
      probabilities: float32 `[batch, classes]`, as they are served.
      class_names: string `[classes]`.
      options: The threshold of two classes, and below which score no class is said.

    Returns:
      `label` string `[batch]`: the most probable class, or the one that the threshold chooses, or
      `options.abstain_label`. `score` float32 `[batch]`: the probability of the class that was
      chosen, also where it is too low for that class to be said.
    """
    chosen = _chosen(probabilities, options.threshold)
    score = tf.gather(probabilities, chosen, batch_dims=1)
    label = tf.gather(tf.convert_to_tensor(class_names), chosen)
    if options.abstain_below:
        is_sure = score >= options.abstain_below  # which NaN is not
        label = tf.where(is_sure, label, options.abstain_label)
    return {LABEL: label, SCORE: score}


def _chosen(probabilities: tf.Tensor, threshold: float) -> tf.Tensor:
    if threshold == ARGMAX_THRESHOLD:
        return tf.argmax(probabilities, axis=1)
    return tf.cast(probabilities[:, 1] >= threshold, tf.int64)
