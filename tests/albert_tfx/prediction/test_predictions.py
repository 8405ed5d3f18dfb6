"""Order, laziness and batches of predictions, with a classifier that counts letters."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from albert_tfx.data.text_files import PAUSE
from albert_tfx.errors import InputError
from albert_tfx.prediction.predictions import Prediction, predict


class LengthClassifier:
    """The probability of `long` is the length over a million."""

    class_names = ("short", "long")

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        lengths = np.array([len(text) for text in texts])
        self.batches.append(lengths.tolist())
        return np.stack([1 - lengths / 1e6, lengths / 1e6], axis=1).astype(np.float32)


@pytest.fixture
def classifier() -> LengthClassifier:
    return LengthClassifier()


def texts_of_any_length(count: int) -> list[str]:
    lengths = np.random.default_rng(1).integers(0, 400, count)
    return ["x" * length for length in lengths]


def test_every_text_has_its_own_answer_in_its_own_place(classifier):
    texts = texts_of_any_length(10_000)
    predictions = list(itertools.chain(*predict(texts, classifier)))
    assert [prediction.text for prediction in predictions] == texts
    for prediction in predictions:
        assert prediction.probabilities["long"] == pytest.approx(len(prediction.text) / 1e6)


def test_batches_are_of_like_length_and_of_bounded_size(classifier):
    list(predict(texts_of_any_length(8192), classifier))
    assert max(map(len, classifier.batches)) == 64
    assert len(classifier.batches) == 8192 / 64
    widest = max(max(batch) - min(batch) for batch in classifier.batches)
    assert widest < 20  # of 400, were the batches in the order of the texts


def test_an_endless_input_is_answered_as_it_comes(classifier):
    read = []

    def endless() -> Iterator[str]:
        for number in itertools.count():
            read.append(number)
            yield f"text {number}"

    answers = predict(endless(), classifier)
    first = next(answers)
    assert len(first) == len(read)  # not one text further than the answers reach
    assert next(answers)[0].text == f"text {len(first)}"


def test_long_texts_make_smaller_windows(classifier):
    read = itertools.count()
    endless = ("x" * (1 << 20) for _ in read)
    assert len(next(predict(endless, classifier))) == 16


def test_a_pause_is_answered_at_once(classifier):
    def texts() -> Iterator[str | None]:
        yield from ("one", "two", PAUSE, PAUSE)
        pytest.fail("it read on")

    assert [prediction.text for prediction in next(predict(texts(), classifier))] == ["one", "two"]


def test_what_came_before_a_bad_line_is_answered(classifier):
    def texts() -> Iterator[str]:
        yield from ("one", "two")
        raise InputError("line 3 is bad", "Mend it")

    answers = predict(texts(), classifier)
    assert len(next(answers)) == 2
    with pytest.raises(InputError, match="line 3"):
        next(answers)


def test_no_text_no_answer(classifier):
    assert list(predict([], classifier)) == []
    assert list(predict([PAUSE], classifier)) == []


def test_the_label_is_the_most_probable_class():
    prediction = Prediction("a", {"bad": 0.2, "fair": 0.5, "good": 0.3})
    assert (prediction.label, prediction.probability) == ("fair", 0.5)
