import csv
import io
import json

import pytest

from albert_tfx.prediction.prediction_formats import FORMATS
from albert_tfx.prediction.predictions import Prediction

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
        "text,label,probability\n"
        "Lovely.,good,0.900000\n"
        '"He said ""no"",\nand left. 日本語","so, so",0.750000\n'
        ",bad,1.000000\n"
    )


def test_csv_reads_back_as_it_was():
    rows = list(csv.DictReader(io.StringIO(formatted("csv", with_text=True), newline="")))
    assert [row["text"] for row in rows] == [prediction.text for prediction in PREDICTIONS]
    assert [row["label"] for row in rows] == ["good", "so, so", "bad"]


@pytest.mark.parametrize("text", ["good\rbad", "good\r\nbad\r\n", "\r"])
def test_every_line_end_within_a_text_reads_back(text):
    rows = FORMATS["csv"](True).rows([Prediction(text, {"good": 1.0})])
    assert list(csv.reader(io.StringIO(rows, newline=""))) == [[text, "good", "1.000000"]]
    assert rows.endswith('",good,1.000000\n')


def test_csv_without_texts():
    assert formatted("csv", with_text=False) == (
        'label,probability\ngood,0.900000\n"so, so",0.750000\nbad,1.000000\n'
    )


def test_json_lines_are_golden():
    first, second, third = formatted("jsonl", with_text=True).splitlines()
    assert first == (
        '{"text": "Lovely.", "label": "good", "probability": 0.9, '
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
        list(json.loads(line)) == ["label", "probability", "probabilities"] for line in lines
    )
