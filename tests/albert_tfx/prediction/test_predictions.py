"""Order, laziness and batches of predictions, with a classifier that counts letters; their form."""

import csv
import io
import itertools
import json
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from albert_tfx.data.files.content import PAUSE
from albert_tfx.errors import InputError
from albert_tfx.prediction.predictions import FORMATS, Answers, Prediction, predict, written


class LengthClassifier:
    """The probability of `long` is the length over a million."""

    class_names: tuple[str, ...] = ("short", "long")

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def probabilities(self, texts: Sequence[str]) -> np.ndarray:
        lengths = np.array([len(text) for text in texts])
        self.batches.append(lengths.tolist())
        return np.stack([1 - lengths / 1e6, lengths / 1e6], axis=1).astype(np.float32)

    def answers(self, texts: Sequence[str]) -> Answers:
        return Answers(self.probabilities(texts))


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
    assert (prediction.label, prediction.probability, prediction.score) == ("fair", 0.5, 0.5)
    assert not prediction.is_abstention


class Unsure(LengthClassifier):
    """Says `long` of every text, but of the shortest ones nothing."""

    def answers(self, texts: Sequence[str]) -> Answers:
        labels = ["long" if len(text) > 1 else "unsure" for text in texts]
        return Answers(self.probabilities(texts), labels, [0.25] * len(texts))


def test_a_model_that_says_a_label_is_believed():
    first, second = itertools.chain(*predict(["xx", ""], Unsure()))
    assert (first.label, first.score, first.is_abstention) == ("long", 0.25, False)
    assert first.probability == pytest.approx(1 - 2e-6)
    assert (second.label, second.score, second.is_abstention) == ("unsure", 0.25, True)
    row = FORMATS["csv"](False).rows([second])
    assert row == "unsure,1.000000,0.250000\n"
    assert json.loads(FORMATS["jsonl"](False).rows([second])) == {
        "label": "unsure",
        "probability": 1.0,
        "score": 0.25,
        "probabilities": {"short": 1.0, "long": 0.0},
    }


PREDICTIONS = [
    Prediction("Lovely.", {"bad": 0.03, "so, so": 0.0700000, "good": 0.9}),
    Prediction('He said "no",\nand left. 日本語', {"bad": 0.25, "so, so": 0.7500001, "good": 0.0}),
    Prediction("", {"bad": 1.0, "so, so": 0.0, "good": 1e-9}),
]


def formatted(name: str, with_text: bool) -> str:
    chosen = FORMATS[name](with_text)
    return chosen.header() + chosen.rows(PREDICTIONS[:1]) + chosen.rows(PREDICTIONS[1:])


def test_csv_is_golden():
    assert formatted("csv", with_text=True) == (
        "text,label,probability,score\n"
        "Lovely.,good,0.900000,0.900000\n"
        '"He said ""no"",\nand left. 日本語","so, so",0.750000,0.750000\n'
        ",bad,1.000000,1.000000\n"
    )


def test_csv_reads_back_as_it_was():
    rows = list(csv.DictReader(io.StringIO(formatted("csv", with_text=True), newline="")))
    assert [row["text"] for row in rows] == [prediction.text for prediction in PREDICTIONS]
    assert [row["label"] for row in rows] == ["good", "so, so", "bad"]


@pytest.mark.parametrize("text", ["good\rbad", "good\r\nbad\r\n", "\r"])
def test_every_line_end_within_a_text_reads_back(text):
    rows = FORMATS["csv"](True).rows([Prediction(text, {"good": 1.0})])
    read = list(csv.reader(io.StringIO(rows, newline="")))
    assert read == [[text, "good", "1.000000", "1.000000"]]
    assert rows.endswith('",good,1.000000,1.000000\n')


def test_csv_without_texts():
    assert formatted("csv", with_text=False) == (
        "label,probability,score\ngood,0.900000,0.900000\n"
        '"so, so",0.750000,0.750000\nbad,1.000000,1.000000\n'
    )


def test_json_lines_are_golden():
    first, second, third = formatted("jsonl", with_text=True).splitlines()
    assert first == (
        '{"text": "Lovely.", "label": "good", "probability": 0.9, "score": 0.9, '
        '"probabilities": {"bad": 0.03, "so, so": 0.07, "good": 0.9}}'
    )
    assert json.loads(second)["text"] == PREDICTIONS[1].text
    assert "日本語" in second
    assert json.loads(third)["probabilities"] == {"bad": 1.0, "so, so": 0.0, "good": 0.0}


@pytest.mark.parametrize("name", FORMATS)
def test_no_prediction_no_line(name):
    assert FORMATS[name](True).rows([]) == ""


def test_json_lines_without_texts():
    lines = formatted("jsonl", with_text=False).splitlines()
    assert all(
        list(json.loads(line)) == ["label", "probability", "score", "probabilities"]
        for line in lines
    )


def test_the_header_comes_with_the_first_answers_or_alone_where_there_are_none():
    chosen = FORMATS["csv"](False)

    def breaking_off() -> Iterator[list[Prediction]]:
        raise InputError("line 1 is bad", "Mend it")
        yield []

    assert list(written([], chosen)) == ["label,probability,score\n"]
    assert list(written([PREDICTIONS[:1], PREDICTIONS[2:]], chosen)) == [
        "label,probability,score\ngood,0.900000,0.900000\n",
        "bad,1.000000,1.000000\n",
    ]
    with pytest.raises(InputError):
        next(written(breaking_off(), chosen))
