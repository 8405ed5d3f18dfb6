"""Words of reviews, and the names of their slices."""

import numpy as np
import pytest

from albert_tfx.data.lengths import ReviewLengths, count_words, length_name, length_names


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (0, "under 25 words"),
        (24, "under 25 words"),
        (25, "25 to 49 words"),
        (199, "100 to 199 words"),
        (200, "200 to 399 words"),
        (799, "400 to 799 words"),
        (800, "800 words or more"),
        (12_000, "800 words or more"),
    ],
)
def test_slice_of_a_length(words, name):
    assert length_name(words) == name


def test_names_of_lengths_ascend():
    assert length_names()[:2] == ["under 25 words", "25 to 49 words"]
    assert length_names()[-1] == "800 words or more"
    assert len(length_names()) == 7


@pytest.mark.parametrize(
    ("text", "words"), [("", 0), (" one\ttwo\n", 2), ("end.<br /><BR/>Start", 2), ("na\u00efve", 1)]
)
def test_words_are_counted_without_line_breaks(text, words):
    assert count_words(text.encode()) == words


def test_lengths_are_those_of_single_reviews():
    words = np.random.default_rng(1).integers(1, 400, 301)
    lengths = ReviewLengths.of({int(each): int((words == each).sum()) for each in words})
    assert lengths.longest == words.max()
    for found, share in ((lengths.short, 0.05), (lengths.median, 0.5), (lengths.long, 0.95)):
        assert found == np.quantile(words, share, method="nearest")
