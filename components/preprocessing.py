"""Text to token ids, in the graph that both training and serving run."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from albert_tfx.contract import INPUT_WORD_IDS, LABEL, LINE_BREAK, TEXT
from albert_tfx.modeling import encoder
from albert_tfx.options import PreprocessingOptions, decode


def preprocessing_fn(
    inputs: Mapping[str, tf.Tensor], custom_config: Mapping[str, Any]
) -> dict[str, tf.Tensor]:
    """TFX Transform's entry point: maps `text` to variable-length `input_word_ids`.

    Args:
      inputs: `text` string `[batch]` and `label` int64 `[batch]`.
      custom_config: `PreprocessingOptions` as `albert_tfx.options.encode` gives them.

    Returns:
      `input_word_ids`, sparse int64 `[batch, length]`, `[CLS]` first and `[SEP]` last, at most
      `sequence_length` of them; and `label` and `text` as they were.
    """
    options = decode(PreprocessingOptions, custom_config)
    preprocessor = tft.make_and_track_object(
        lambda: encoder.load_preprocessor(options.preprocessor), name="preprocessor"
    )
    text = remove_line_breaks(tf.reshape(inputs[TEXT], [-1]))
    special = preprocessor.tokenize.get_special_tokens_dict()
    input_word_ids = add_special_tokens(
        truncate(_tokenize(preprocessor, text), options.sequence_length - 2, options.truncation),
        special["start_of_sequence_id"],
        special["end_of_segment_id"],
    )
    return {
        INPUT_WORD_IDS: tf.cast(input_word_ids, tf.int64).to_sparse(),
        LABEL: inputs[LABEL],
        TEXT: inputs[TEXT],
    }


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


def _tokenize(preprocessor: Any, text: tf.Tensor) -> tf.RaggedTensor:
    ids = preprocessor.tokenize(text)
    # Wordpiece tokenizers give [batch, (words), (pieces)], SentencePiece [batch, (pieces)].
    return ids if ids.ragged_rank == 1 else ids.merge_dims(1, ids.ragged_rank)
