import shutil
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf

from albert_tfx.errors import InputError
from albert_tfx.modeling import tokens
from pipelines import presets

ASSETS = Path(__file__).parents[3] / "assets"
ROWS = tf.ragged.constant([[1, 2, 3, 4, 5, 6, 7, 8], [9], [], [1, 2, 3, 4]], dtype=tf.int32)


@pytest.mark.parametrize(
    ("truncation", "expected"),
    [
        ("head", [[1, 2, 3, 4], [9], [], [1, 2, 3, 4]]),
        ("tail", [[5, 6, 7, 8], [9], [], [1, 2, 3, 4]]),
        ("head_tail", [[1, 6, 7, 8], [9], [], [1, 2, 3, 4]]),
    ],
)
def test_truncate_keeps_the_named_part(truncation: str, expected: list[list[int]]):
    assert tokens.truncate(ROWS, 4, truncation).to_list() == expected


@pytest.mark.parametrize("truncation", ["head", "tail", "head_tail"])
def test_a_budget_of_one_keeps_one(truncation: str):
    assert all(n <= 1 for n in tokens.truncate(ROWS, 1, truncation).row_lengths())


def test_special_tokens_enclose_every_row_even_an_empty_one():
    enclosed = tokens.add_special_tokens(ROWS[1:3], tf.constant(2), tf.constant(3))
    assert enclosed.to_list() == [[2, 9, 3], [2, 3]]


def test_line_breaks_become_spaces():
    text = tf.constant(["Good.<br /><br>Bad.<BR/>Ugly <b>bold</b>"])
    assert tokens.remove_line_breaks(text).numpy()[0] == b"Good.  Bad. Ugly <b>bold</b>"


@pytest.fixture(scope="module")
def preprocessor() -> Any:
    return tokens.load_preprocessor(presets.MINI_PREPROCESSOR)


def test_a_tokenizer_comes_without_the_rest_of_its_preprocessor(preprocessor: Any):
    tokenizer = tokens.load_tokenizer(presets.MINI_PREPROCESSOR)
    assert hasattr(preprocessor, "bert_pack_inputs")
    assert not hasattr(tokenizer, "bert_pack_inputs")
    text = tf.constant(["A lovely film.", "", "映画"])
    expected = tokens.tokenize(preprocessor, text).to_list()
    assert tokens.tokenize(tokenizer, text).to_list() == expected


class _Tokenize(tf.Module):
    """Looks words up in a table that another module holds."""

    def __init__(self, look_up: Any) -> None:
        super().__init__()
        self._look_up = tf.function(
            look_up, input_signature=[tf.TensorSpec([None, None], tf.string)]
        )

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def __call__(self, text: tf.Tensor) -> tf.RaggedTensor:
        return tf.RaggedTensor.from_tensor(self._look_up(tf.strings.split(text).to_tensor()))

    @tf.function(input_signature=[])
    def get_special_tokens_dict(self) -> dict[str, tf.Tensor]:
        return {"vocab_size": tf.constant(2)}


def test_a_tokenizer_whose_table_is_elsewhere_comes_with_all(tmp_path: Path):
    whole = tf.Module()
    words = tf.lookup.KeyValueTensorInitializer(["film"], tf.constant([1], tf.int64))
    table = whole.table = tf.lookup.StaticHashTable(words, 0)
    whole.tokenize = _Tokenize(lambda found: table.lookup(found))
    tf.saved_model.save(whole, str(tmp_path))
    assert hasattr(tokens.load_tokenizer(str(tmp_path)), "table")


def test_a_preprocessor_is_loaded_once_until_its_file_changes(tmp_path: Path):
    folder = shutil.copytree(ASSETS / "albert_en_mini_preprocess", tmp_path / "preprocessor")
    first, again = (tokens.load_preprocessor(str(folder)) for _ in range(2))
    assert again is first
    model = folder / "saved_model.pb"
    model.write_bytes(model.read_bytes())
    other = tokens.load_preprocessor(str(folder))
    assert other is not first
    model.write_bytes(b"damaged")
    with pytest.raises(InputError, match="is damaged"):
        tokens.load_preprocessor(str(folder))


@pytest.mark.parametrize("truncation", ["head", "tail", "head_tail"])
@pytest.mark.parametrize("unit", ["a lovely film, ", "<br /><br />Schön! ", "映画 "])
def test_a_long_text_keeps_the_tokens_that_count(preprocessor: Any, unit: str, truncation: str):
    """Numbers tell the words apart; the whole text is four times what is read of it."""
    budget = 30
    count = 4 * 128 * budget // len(unit.encode())
    text = tf.constant(["".join(f"{unit}{number} " for number in range(count)), "short"])
    short = tokens.shorten(text, budget, truncation)
    assert short[1] == "short"
    assert int(tf.strings.length(short[0])) <= 128 * budget + 1 < int(tf.strings.length(text[0]))
    kept, expected = (
        tokens.truncate(tokens.tokenize(preprocessor, each), budget, truncation).to_list()
        for each in (short, text)
    )
    assert kept == expected


@pytest.mark.parametrize("truncation", ["head", "tail", "head_tail"])
@pytest.mark.parametrize("letter", ["\0", "é", "漢", "\N{CLAPPER BOARD}", "\u200b"])
def test_no_letter_is_cut_in_two_and_no_text_is_long(letter: str, truncation: str):
    text = letter * 10_007
    (short,) = tokens.shorten(tf.constant([text]), 7, truncation).numpy()
    assert 128 * 7 - 8 < len(short) <= 128 * 7 + 1
    assert set(short.decode()) <= {letter, " "}


def test_a_text_of_just_the_bytes_that_are_read_stays_as_it_is():
    text = "é" * 64 * 7
    assert tokens.shorten(tf.constant([text, text + "!"]), 7, "head")[0] == text.encode()
