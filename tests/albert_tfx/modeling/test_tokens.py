import pytest
import tensorflow as tf

from albert_tfx.modeling import tokens

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
