"""Which texts tell a model nothing, by their token ids, and what it answers to them.

An empty text, or one of pieces that the vocabulary lacks, reaches a classifier all the same, which
answers it with whatever its weights give, often with great certainty. Honest are the shares of the
classes among the training texts: they are all that is known of a text without evidence.
"""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

# Letters that vocabularies lack: of Linear A, of cuneiform, hieroglyphs of Egypt and of Anatolia.
_UNKNOWN = ("\U00010600", "\U00012000", "\U00013000", "\U00014400")
# Tokenizers that keep white space have pieces for runs of it.
_BLANK = ("", *(" " * count for count in range(1, 17)), "\n", "\n\n", "\t", "\r\n")


def uninformative_ids(tokenize: Callable[[tf.Tensor], tf.RaggedTensor]) -> np.ndarray:
    """Returns the ids that a text has which tells nothing.

    They are those of a text that is empty or blank, such as `[CLS]` and `[SEP]`, and those that
    most letters give that a vocabulary lacks: its unknown piece, and what SentencePiece puts before
    a word. A tokenizer that falls back on bytes has no unknown piece, and knows every other text.

    Args:
      tokenize: From string `[batch]` to ragged ids `[batch, (length)]`.
    """
    blank = tokenize(tf.constant(_BLANK)).flat_values.numpy()
    unknown = tokenize(tf.constant(_UNKNOWN)).to_list()
    counts = np.unique([each for ids in unknown for each in set(ids)], return_counts=True)
    shared = [each for each, count in zip(*counts, strict=True) if 2 * count > len(unknown)]
    return np.unique([*blank, *shared]).astype(np.int64)


def has_evidence(input_word_ids: tf.RaggedTensor, uninformative: np.ndarray) -> tf.Tensor:
    """Returns whether a text has any id that is not `uninformative`.

    Args:
      input_word_ids: Ragged int `[batch, (length)]`.
      uninformative: From `uninformative_ids`.

    Returns:
      bool `[batch]`.
    """
    known = tf.constant(uninformative, input_word_ids.dtype)
    is_other = tf.reduce_all(input_word_ids.flat_values[:, tf.newaxis] != known, axis=1)
    found = tf.cast(input_word_ids.with_flat_values(is_other), tf.int32)
    return tf.reduce_sum(found, axis=1) > 0


def shares(labels: Sequence[int] | np.ndarray, classes: int) -> np.ndarray:
    """Returns the share of each class, float32 `[classes]`, among int `[texts]`.

    >>> shares([0, 1, 1, 1], 3).tolist()
    [0.25, 0.75, 0.0]
    """
    counts = np.bincount(np.asarray(labels, np.int64), minlength=classes)
    return np.asarray(counts / max(counts.sum(), 1), np.float32)
