"""Reviews as token ids: drawn with the lengths that IMDB's have, or those of a data set."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

# Words of an IMDB review (Maas et al. 2011, the 25,000 of `train`): a log-normal has this median
# and this mean. An ALBERT's vocabulary makes about 1.3 pieces of a word.
MEDIAN_WORDS, MEAN_WORDS = 174, 234
PIECES_A_WORD = 1.3
_START, _END, _FIRST_PIECE = 2, 3, 5
_SHORTEST = 3


def draw_lengths(count: int, longest: int, seed: int) -> np.ndarray:
    """Draws tokens of reviews, start and end included; int64 `[count]`, `longest` at most."""
    spread = np.sqrt(2 * np.log(MEAN_WORDS / MEDIAN_WORDS))
    words = np.random.default_rng(seed).lognormal(np.log(MEDIAN_WORDS), spread, count)
    return np.clip(np.rint(words * PIECES_A_WORD + 2), _SHORTEST, longest).astype(np.int64)


def draw_ids(lengths: Sequence[int], vocabulary: int, seed: int) -> list[list[int]]:
    """Draws token ids below `vocabulary` for reviews of these lengths."""
    random = np.random.default_rng(seed)
    return [
        [_START, *random.integers(_FIRST_PIECE, vocabulary, length - 2).tolist(), _END]
        for length in lengths
    ]


def real_ids(dataset: str, preprocessor: str, count: int, longest: int) -> list[list[int]]:
    """Returns the token ids of the first training reviews of a TFDS data set, cut to `longest`."""
    from albert_tfx.data import tfds_source
    from albert_tfx.modeling import tokens
    from albert_tfx.options import DatasetOptions

    resolved = tfds_source.resolve(DatasetOptions(name=dataset))
    texts = itertools.islice(tfds_source.texts(resolved, resolved.splits["train"]), count)
    model = tokens.load_preprocessor(preprocessor)
    tokenize = model.tokenize
    special = tokenize.get_special_tokens_dict()
    pieces = tokenize(tokens.remove_line_breaks(list(texts)))
    if pieces.ragged_rank > 1:
        pieces = pieces.merge_dims(1, pieces.ragged_rank)
    return tokens.add_special_tokens(
        tokens.truncate(pieces, longest - 2, "head_tail"),
        special["start_of_sequence_id"],
        special["end_of_segment_id"],
    ).to_list()


def write_records(reviews: Sequence[Sequence[int]], file: Path) -> None:
    """Writes ids with labels that alternate, as `transformed_examples` has them."""
    import tensorflow as tf

    from albert_tfx.contract import INPUT_WORD_IDS, LABEL

    with tf.io.TFRecordWriter(str(file), "GZIP") as writer:
        for row, ids in enumerate(reviews):
            example = tf.train.Example()
            example.features.feature[INPUT_WORD_IDS].int64_list.value.extend(ids)
            example.features.feature[LABEL].int64_list.value.append(row % 2)
            writer.write(example.SerializeToString())
