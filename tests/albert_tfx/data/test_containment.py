"""Which texts lie within others, as runs of their words."""

import apache_beam as beam
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that, equal_to

from albert_tfx.data import containment, similarity

LONG = "a b c d e f g h i j k l m n o p q r s t"


def test_a_run_has_one_hash_wherever_it_is():
    found = dict(containment.runs(similarity.word_hashes(similarity.words(LONG))))
    part = dict(containment.runs(similarity.word_hashes(similarity.words("e f g h i j k l"))))
    assert [*found] == [4, 8, 16]
    assert part[8][0] == found[8][4]
    assert part[4].tolist() == found[4][4:9].tolist()
    assert [*containment.runs(similarity.word_hashes(["a", "b", "c"]))] == []


def test_texts_within_a_text_of_another_split_are_found():
    texts = [
        (0, 0, LONG),
        (0, 1, "b c d e"),  # of the same split
        (1, 0, "B, c d e f!"),
        (1, 1, LONG),  # the same text, not one within it
        (1, 2, "p q r s t"),
        (2, 0, "c d e"),  # too short
        (2, 1, "b c d f"),  # not in a row
        (2, 2, "k l m n o p q r s t"),
        (2, 3, "k l m n o p q r s u"),
        (2, 4, "x y " + LONG),
    ]
    expected = {
        ((0, 0, 0), (2, 0, 4)),
        ((0, 0, 1), (1, 0, 1)), ((0, 0, 1), (1, 0, 0)), ((0, 0, 1), (2, 0, 4)),
        ((1, 0, 0), (0, 0, 0)), ((1, 0, 0), (2, 0, 4)),
        ((1, 0, 1), (2, 0, 4)),
        ((1, 0, 2), (0, 0, 0)), ((1, 0, 2), (2, 0, 2)), ((1, 0, 2), (2, 0, 4)),
        ((2, 0, 2), (0, 0, 0)), ((2, 0, 2), (1, 0, 1)),
    }  # fmt: skip
    # One host of each split is enough.
    expected.discard(((0, 0, 1), (1, 0, 1)))
    expected.discard(((1, 0, 2), (2, 0, 4)))
    with TestPipeline("FnApiRunner") as pipeline:
        found = (
            pipeline
            | beam.Create([((split, 0, row), text, "") for split, row, text in texts])
            | containment.FindContained()
            | beam.MapTuple(lambda part, host: (part.position, host.position))
        )
        assert_that(found, equal_to([*expected]))
