"""Text to token ids, by a preprocessor of TF Hub's interface, in training and serving alike.

The interface is that of https://www.tensorflow.org/hub/common_saved_model_apis/text: a
preprocessor with `tokenize` and its special tokens.
"""

import tensorflow as tf
import tensorflow_hub
import tensorflow_text  # noqa: F401  registers the ops that preprocessors are made of

from albert_tfx.contract import LINE_BREAK
from albert_tfx.errors import InputError, one_line
from albert_tfx.modeling.hub import resolve

PADDING_ID = 0


def load_preprocessor(handle: str) -> tf.Module:
    """Loads a text preprocessing model.

    Raises:
      InputError: It cannot be found or loaded, or offers no `tokenize` with special tokens.
    """
    folder = resolve(handle)
    try:
        preprocessor = tensorflow_hub.load(folder)
    except (OSError, tf.errors.OpError, ValueError) as error:
        raise InputError(
            f"{folder} cannot be loaded ({one_line(error)})",
            "Its files may be incomplete: fetch the model again",
        ) from error
    tokenize = getattr(preprocessor, "tokenize", None)
    if not hasattr(tokenize, "get_special_tokens_dict"):
        raise InputError(
            f"{handle} is no text preprocessing model: it has no tokenize() with special tokens",
            "Give one that was made for the encoder, e.g. "
            "https://tfhub.dev/tensorflow/albert_en_preprocess/3",
        )
    return preprocessor


def vocabulary_size(preprocessor: str) -> int:
    """Returns the number of tokens of a preprocessor.

    Raises:
      InputError: It is none, or pads with another id than `PADDING_ID`.
    """
    tokenize = load_preprocessor(preprocessor).tokenize
    special = tokenize.get_special_tokens_dict()
    if int(special["padding_id"]) != PADDING_ID:
        raise InputError(
            f"The preprocessor {preprocessor} pads with {int(special['padding_id'])}",
            f"Give one that pads with {PADDING_ID}, as BERT's and ALBERT's do",
        )
    return int(special["vocab_size"])


def remove_line_breaks(text: tf.Tensor) -> tf.Tensor:
    """Replaces HTML line breaks, which IMDB's reviews are full of, by spaces."""
    return tf.strings.regex_replace(text, LINE_BREAK, " ")


def truncate(ids: tf.RaggedTensor, budget: int, truncation: str) -> tf.RaggedTensor:
    """Keeps at most `budget` ids of each row.

    >>> truncate(tf.ragged.constant([[1, 2, 3, 4, 5, 6], [7]]), 4, "head_tail").to_list()
    [[1, 4, 5, 6], [7]]

    Args:
      ids: Ragged `[batch, (length)]`.
      budget: Most ids to keep, at least 1.
      truncation: `head`, `tail`, or `head_tail` for a quarter from the head and the rest from
        the tail.
    """
    head = {"head": budget, "tail": 0, "head_tail": budget // 4}[truncation]
    if head == budget:
        return ids[:, :budget]
    return tf.concat([ids[:, :head], ids[:, head:][:, head - budget :]], axis=1)


def add_special_tokens(ids: tf.RaggedTensor, start: tf.Tensor, end: tf.Tensor) -> tf.RaggedTensor:
    """Puts the scalar `start` before and `end` behind each row of ragged `[batch, (length)]`."""
    rows = ids.nrows()
    return tf.concat([tf.fill([rows, 1], start), ids, tf.fill([rows, 1], end)], axis=1)


def tokenize(preprocessor: tf.Module, text: tf.Tensor) -> tf.RaggedTensor:
    """Returns the ids of each text of string `[batch]`, ragged `[batch, (length)]`."""
    ids = preprocessor.tokenize(text)
    # Wordpiece tokenizers give [batch, (words), (pieces)], SentencePiece [batch, (pieces)].
    return ids if ids.ragged_rank == 1 else ids.merge_dims(1, ids.ragged_rank)
