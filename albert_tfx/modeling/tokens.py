"""Text to token ids, by a preprocessor of TF Hub's interface, in training and serving alike.

The interface is that of https://www.tensorflow.org/hub/common_saved_model_apis/text: a
preprocessor with `tokenize` and its special tokens.
"""

import functools
import os

import tensorflow as tf
import tensorflow_hub
import tensorflow_text  # noqa: F401  registers the ops that preprocessors are made of

from albert_tfx.contract import LINE_BREAK
from albert_tfx.encoders.fetching.handles import SAVED_MODEL
from albert_tfx.encoders.resolution import resolve
from albert_tfx.errors import InputError, one_line
from albert_tfx.storage import state_of

PADDING_ID = 0
# Bytes of text that are read for each token that is kept. English has 4 to 5, and a piece of a
# vocabulary is hardly ever longer than 16 letters of 4 bytes. Only a text of little but white
# space, or of letters that the vocabulary lacks, has more.
_BYTES_PER_TOKEN = 128


def load_preprocessor(handle: str) -> tf.Module:
    """Loads a text preprocessing model: once a process, as long as its files stay what they are.

    Raises:
      InputError: It cannot be found or loaded, or offers no `tokenize` with special tokens.
    """
    folder = resolve(handle).preprocessor
    try:
        preprocessor = _loaded(folder, state_of(os.path.join(folder, SAVED_MODEL)))
    except (OSError, tf.errors.OpError, ValueError) as error:
        raise InputError(
            f"{folder} cannot be loaded ({one_line(error)})",
            "Its files may be incomplete: fetch the model again",
        ) from error
    tokenize = getattr(preprocessor, "tokenize", None)
    if not hasattr(tokenize, "get_special_tokens_dict"):
        raise InputError(
            f"{handle} is no text preprocessing model: it has no tokenize() with special tokens",
            "Give --preprocessor one that was made for the encoder, e.g. "
            "https://tfhub.dev/tensorflow/albert_en_preprocess/3",
        )
    return preprocessor


def load_tokenizer(handle: str) -> tf.Module:
    """Returns a preprocessor's `tokenize`, alone in a module, to be exported with a graph.

    Packing and the rest are nine tenths of a preprocessor, and each load of the graph would take
    them along. Where `tokenize` may need a resource that something else of the preprocessor holds,
    all of it is returned.

    Raises:
      InputError: See `load_preprocessor`.
    """
    preprocessor = load_preprocessor(handle)
    alone = tf.Module(name="tokenizer")
    alone.tokenize = preprocessor.tokenize
    needed = _handles(preprocessor) & _captured(alone)
    return alone if needed <= _handles(alone) else preprocessor


def _handles(root: tf.Module) -> set[int]:
    """Returns the handles of the tables, vocabularies and variables below `root`, by their ids."""
    below = tf.train.TrackableView(root).descendants()
    handles = (getattr(each, "resource_handle", getattr(each, "handle", None)) for each in below)
    return {id(handle) for handle in handles if handle is not None}


def _captured(root: tf.Module) -> set[int]:
    """Returns what the functions below `root` use without being given it, by the ids."""
    below = tf.train.TrackableView(root).descendants()
    functions = (each for found in below for each in getattr(found, "concrete_functions", ()))
    return {id(tensor) for function in functions for tensor in function.captured_inputs}


# Transform traces its function several times, each time with a preprocessor of its own.
@functools.lru_cache(maxsize=1)
def _loaded(folder: str, state: tuple[int, ...]) -> tf.Module:
    """Loads the SavedModel in a folder whose file has that state."""
    del state  # another one has another model
    return tensorflow_hub.load(folder)


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
    head = _head(budget, truncation)
    if head == budget:
        return ids[:, :budget]
    return tf.concat([ids[:, :head], ids[:, head:][:, head - budget :]], axis=1)


def shorten(text: tf.Tensor, budget: int, truncation: str) -> tf.Tensor:
    """Cuts a text that is far longer than the tokens to be kept of it.

    SentencePiece's time grows with the square of a text's length, and its memory with all that it
    is given. A text of up to `128 * budget` bytes stays as it is.

    Args:
      text: string `[batch]`.
      budget: Most ids that `truncate` will keep.
      truncation: As for `truncate`, from whose side or sides the bytes are kept.

    Returns:
      string `[batch]`, of whole characters in UTF-8 where it was cut.
    """
    head = _head(budget, truncation) * _BYTES_PER_TOKEN
    tail = budget * _BYTES_PER_TOKEN - head
    length = tf.strings.length(text)
    is_long = length > head + tail
    first = tf.strings.substr(text, tf.zeros_like(length), tf.fill(tf.shape(length), head))
    last = tf.strings.substr(
        text, tf.where(is_long, length - tail, 0), tf.fill(tf.shape(length), tail)
    )
    cut = tf.strings.join([_whole_characters(first), _whole_characters(last)], separator=" ")
    return tf.where(is_long, cut, text)


def _whole_characters(text: tf.Tensor) -> tf.Tensor:
    return tf.strings.unicode_transcode(text, "UTF-8", "UTF-8", errors="ignore")


def _head(budget: int, truncation: str) -> int:
    """Returns how much of a budget is kept from the head of a text."""
    return {"head": budget, "tail": 0, "head_tail": budget // 4}[truncation]


def add_special_tokens(ids: tf.RaggedTensor, start: tf.Tensor, end: tf.Tensor) -> tf.RaggedTensor:
    """Puts the scalar `start` before and `end` behind each row of ragged `[batch, (length)]`."""
    rows = ids.nrows()
    return tf.concat([tf.fill([rows, 1], start), ids, tf.fill([rows, 1], end)], axis=1)


def tokenize(preprocessor: tf.Module, text: tf.Tensor) -> tf.RaggedTensor:
    """Returns the ids of each text of string `[batch]`, ragged `[batch, (length)]`."""
    ids = preprocessor.tokenize(text)
    # Wordpiece tokenizers give [batch, (words), (pieces)], SentencePiece [batch, (pieces)].
    return ids if ids.ragged_rank == 1 else ids.merge_dims(1, ids.ragged_rank)
