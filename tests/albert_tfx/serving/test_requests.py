"""The form of TensorFlow Serving's REST."""

import base64
import json

import numpy as np
import pytest

from albert_tfx.serving import requests
from albert_tfx.serving.options import Limits
from albert_tfx.serving.requests import Query, RequestError

LIMITS = Limits(max_texts=3, max_text_bytes=8)
BINARY = {"b64": base64.b64encode(b"\x00\xff").decode()}


def read(content: object) -> Query:
    return requests.read(json.dumps(content).encode(), LIMITS)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"instances": ["a", "é"]}, Query("classify_text", (b"a", "é".encode()), True)),
        ({"instances": [{"text": "a"}]}, Query("classify_text", (b"a",), True)),
        ({"instances": [BINARY]}, Query("serving_default", (b"\x00\xff",), True)),
        ({"instances": [{"examples": BINARY}]}, Query("serving_default", (b"\x00\xff",), True)),
        ({"instances": [{"text": BINARY}]}, Query("classify_text", (b"\x00\xff",), True)),
        ({"inputs": ["a"]}, Query("classify_text", (b"a",), False)),
        ({"inputs": {"text": ["a", ""]}}, Query("classify_text", (b"a", b""), False)),
        ({"inputs": {"examples": [BINARY]}}, Query("serving_default", (b"\x00\xff",), False)),
        (
            {"signature_name": "classify_text", "instances": [BINARY]},
            Query("classify_text", (b"\x00\xff",), True),
        ),
        ({"signature_name": "", "instances": ["a"]}, Query("classify_text", (b"a",), True)),
        ({"instances": ["\ud800"]}, Query("classify_text", (b"?",), True)),
    ],
)
def test_each_form_is_read(content, expected):
    assert read(content) == expected


@pytest.mark.parametrize(
    ("content", "status", "message"),
    [
        ([], 400, "JSON object"),
        ({}, 400, "Give one of"),
        ({"instances": ["a"], "inputs": ["a"]}, 400, "Give one of"),
        ({"instances": []}, 400, "one text or more"),
        ({"instances": "a"}, 400, "one text or more"),
        ({"inputs": {"text": "a"}}, 400, "one text or more"),
        ({"inputs": {"text": ["a"], "examples": ["b"]}}, 400, "one input"),
        ({"inputs": {"words": ["a"]}}, 400, "'text' or 'examples'"),
        ({"instances": [{}]}, 400, "one input"),
        ({"instances": ["a", {"text": "b"}]}, 400, "different inputs"),
        ({"instances": [1]}, 400, "a string"),
        ({"instances": ["a", None]}, 400, "a string"),
        ({"instances": [{"b64": "?"}]}, 400, "Base64"),
        ({"instances": [{"b64": 1}]}, 400, "Base64"),
        ({"signature_name": "other", "instances": ["a"]}, 400, "no signature 'other'"),
        ({"signature_name": ["a"], "instances": ["a"]}, 400, "no signature"),
        ({"signature_name": "serving_default", "instances": ["a"]}, 400, "are binary"),
        ({"signature_name": "classify_text", "inputs": {"examples": [""]}}, 400, "is 'text'"),
        ({"instances": ["a"] * 4}, 413, "4 texts in a request, and 3 are allowed"),
        ({"instances": ["é" * 5]}, 413, "10 bytes, and 8 are allowed"),
    ],
)
def test_each_mistake_is_named(content, status, message):
    with pytest.raises(RequestError, match=message) as refusal:
        read(content)
    assert refusal.value.status == status


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[" * 100_000,
        b'{"instances": ["\xff"]}',
        '{"instances": ["a"]}'.encode("utf-16"),
    ],
)
def test_what_is_no_json_is_refused(body):
    with pytest.raises(RequestError, match="no JSON in UTF-8"):
        requests.read(body, LIMITS)


OUTPUTS = {
    "probabilities": np.array([[0.1, 0.9], [0.5, 0.5]], np.float32),
    "labels": np.array([[b"bad", "gut\u00e9".encode()]] * 2, object),
    "score": np.array([0.9, 0.5], np.float32),
}


def test_an_answer_by_rows():
    assert requests.written(OUTPUTS, by_row=True) == {
        "predictions": [
            {"probabilities": [0.1, 0.9], "labels": ["bad", "guté"], "score": 0.9},
            {"probabilities": [0.5, 0.5], "labels": ["bad", "guté"], "score": 0.5},
        ]
    }


def test_an_answer_by_columns():
    assert requests.written(OUTPUTS, by_row=False) == {
        "outputs": {
            "probabilities": [[0.1, 0.9], [0.5, 0.5]],
            "labels": [["bad", "guté"]] * 2,
            "score": [0.9, 0.5],
        }
    }


def test_what_is_no_number_is_null_as_json_has_none():
    outputs = {"score": np.array([np.nan, np.inf, 0.5], np.float32)}
    assert requests.written(outputs, by_row=False) == {"outputs": {"score": [None, None, 0.5]}}
