"""Text to token ids, in the graph that both training and serving run."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

from albert_tfx.contract import INPUT_WORD_IDS, LABEL, TEXT
from albert_tfx.modeling import tokens
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
        lambda: tokens.load_tokenizer(options.preprocessor), name="tokenizer"
    )
    budget = options.sequence_length - 2
    text = tokens.shorten(tf.reshape(inputs[TEXT], [-1]), budget, options.truncation)
    ids = tokens.tokenize(preprocessor, tokens.remove_line_breaks(text))
    special = preprocessor.tokenize.get_special_tokens_dict()
    input_word_ids = tokens.add_special_tokens(
        tokens.truncate(ids, budget, options.truncation),
        special["start_of_sequence_id"],
        special["end_of_segment_id"],
    )
    return {
        INPUT_WORD_IDS: tf.cast(input_word_ids, tf.int64).to_sparse(),
        LABEL: inputs[LABEL],
        TEXT: inputs[TEXT],
    }
