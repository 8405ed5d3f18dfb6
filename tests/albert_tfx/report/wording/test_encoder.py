"""What is said of the encoder and its trainings."""

import dataclasses

import pytest

from albert_tfx.report.wording import encoder
from tests.support import summaries
from tests.support.summaries import SUMMARY, changed


@pytest.mark.parametrize(
    ("handle", "model_type", "expected"),
    [
        ("hf://owner/MiniLM", "bert", "BERT"),
        ("hf://owner/albert", "distilbert", "DistilBERT"),
        ("/models/mine", "xlm-roberta", "XLM-RoBERTa"),
        ("/models/mine", "albert", "ALBERT"),
        ("asset://albert_en_mini", None, "ALBERT"),
        ("https://tfhub.dev/tensorflow/albert_en_base/3", None, "ALBERT"),
        ("https://www.kaggle.com/models/tensorflow/bert/tensorFlow2/en-uncased/4", None, "BERT"),
        ("/home/albert/encoder", None, "the encoder"),
        ("https://tfhub.dev/google/electra_small/2", None, "the encoder"),
        ("https://tfhub.dev/tensorflow/mobilebert_en/1", None, "the encoder"),
    ],
)
def test_the_encoder_is_called_by_its_kind(handle: str, model_type: str | None, expected: str):
    found = dataclasses.replace(summaries.ENCODER, handle=handle, model_type=model_type)
    assert encoder.kind(changed(encoder=found)) == expected


def test_an_encoder_that_is_not_known_has_no_kind():
    assert encoder.kind(changed(encoder=None)) == "the encoder"


def test_the_encoder_is_named_with_its_size_and_the_small_one_as_our_own():
    known = summaries.ENCODER
    assert encoder.described(changed()) == (
        "hf://owner/model@c0ffeec, 22,713,216 weights, 512 positions"
    )
    own = dataclasses.replace(known, handle="asset://small", revision=None, positions=None)
    said = encoder.described(changed(encoder=own))
    assert said.startswith("asset://small, 22,713,216 weights (this project's own small ALBERT")
    assert encoder.described(changed(encoder=None)) == ""


def test_the_rates_that_were_tried_are_told():
    tried = (
        {"rate": 1e-4, "steps": 40, "loss": 0.6},
        {"rate": 3e-5, "steps": 40, "loss": float("nan")},
    )
    model = dataclasses.replace(SUMMARY.models["fine_tuned"], learning_rate=1e-4, rates=tried)
    said = encoder.rates(changed(models={"fine_tuned": model}))
    assert "fine-tuned encoder, 0.0001, was chosen" in said
    assert said.endswith("0.0001 after 40 steps: 0.600; 3e-05 after 40 steps: undefined.")
    assert encoder.rates(SUMMARY) == ""
