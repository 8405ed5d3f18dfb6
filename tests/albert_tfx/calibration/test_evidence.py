from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from albert_tfx.calibration import evidence
from albert_tfx.encoders.tokenizers import tokenization, vocabulary
from albert_tfx.modeling import tokens
from pipelines.presets import MINI_PREPROCESSOR
from tests.support import tokenizer_files


@pytest.fixture(scope="module")
def tokenize():
    preprocessor = tokens.load_preprocessor(MINI_PREPROCESSOR)

    def with_special_tokens(text: tf.Tensor) -> tf.RaggedTensor:
        ids = tokens.tokenize(preprocessor, text)
        return tokens.add_special_tokens(ids, tf.constant(2), tf.constant(3))

    return with_special_tokens


@pytest.mark.parametrize("text", ["", " \t\n", "\U00013001", "日本語", "\U00012345 ありがとう"])
def test_a_text_that_the_vocabulary_lacks_tells_nothing(tokenize, text: str):
    ids = evidence.uninformative_ids(tokenize)
    assert not evidence.has_evidence(tokenize(tf.constant([text])), ids).numpy().any()


@pytest.mark.parametrize("text", ["good", "a", "7", "!", "日本語 film", "\U00013001 no"])
def test_one_piece_that_is_known_is_evidence(tokenize, text: str):
    ids = evidence.uninformative_ids(tokenize)
    found = evidence.has_evidence(tokenize(tf.constant(["", text, "日本"])), ids)
    assert found.numpy().tolist() == [False, True, False]


def test_a_vocabulary_may_know_one_of_the_rare_letters():
    table = tf.lookup.StaticHashTable(
        tf.lookup.KeyValueTensorInitializer(["\U00013000", "film"], tf.constant([7, 8], tf.int64)),
        default_value=1,
    )

    def tokenize(text: tf.Tensor) -> tf.RaggedTensor:
        return tf.ragged.map_flat_values(table.lookup, tf.strings.split(text))

    assert evidence.uninformative_ids(tokenize).tolist() == [1]


def test_bytes_are_no_unknown_pieces():
    """A tokenizer that falls back on bytes, as RoBERTa's, knows every text but the empty one."""

    def tokenize(text: tf.Tensor) -> tf.RaggedTensor:
        return tf.ragged.map_flat_values(
            lambda each: tf.reshape(tf.io.decode_raw(each, tf.uint8), [-1]),
            tf.strings.bytes_split(text),
        )

    ids = evidence.uninformative_ids(tokenize)
    texts = ["", "film", "映画", "\U00013001"]
    found = evidence.has_evidence(tokenize(tf.constant(texts)), ids)
    assert found.numpy().tolist() == [False, True, True, True]


def test_shares_count_classes_that_no_text_has():
    np.testing.assert_allclose(evidence.shares(np.array([2, 0, 2, 2]), 4), [0.25, 0, 0.75, 0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model_type", "save", "nothing", "something"),
    [
        ("bert", tokenizer_files.save_word_piece, ["", "文", "[UNK] 「文"], ["film", "文 a"]),
        ("albert", tokenizer_files.save_unigram_json, ["", "文", "文 <unk>"], ["film", "文 a"]),
        ("roberta", tokenizer_files.save_byte_level, ["", "  ", "\n \t"], ["film", "文"]),
    ],
)
def test_the_tokenizers_of_hugging_face_tell_what_they_do_not_know(
    model_type: str, save: Callable[..., Path], nothing: list[str], something: list[str], tmp_path
):
    name = ["AlbertTokenizer"] if model_type == "albert" else []
    folder = save(tmp_path, *name)
    read = vocabulary.read(folder, model_type)
    made = tokenization.preprocessor(read, 1, read.size, folder)

    def tokenize(text: tf.Tensor) -> tf.RaggedTensor:
        ids = tf.cast(tokens.tokenize(made, text), tf.int64)
        return tokens.add_special_tokens(ids, tf.constant(2, tf.int64), tf.constant(3, tf.int64))

    ids = evidence.uninformative_ids(tokenize)
    found = evidence.has_evidence(tokenize(tf.constant([*nothing, *something])), ids)
    assert found.numpy().tolist() == [False] * len(nothing) + [True] * len(something)
