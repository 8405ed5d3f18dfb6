"""The card: it says what the summary says, of the model that was selected."""

import dataclasses
import re

import pytest

from albert_tfx.calibration.temperature import Calibration
from albert_tfx.evaluation.measurements import AnswerMetrics, Interval
from albert_tfx.model_card import writing
from albert_tfx.options import AnswerOptions
from albert_tfx.report.summary import AnswersSummary, Settings
from albert_tfx.report.wording import encoder, limits, served, splits, verdict
from tests.support import reports, summaries

SETTINGS = Settings(
    dataset="tickets",
    sequence_length=96,
    truncation="head_tail",
    class_weights="balanced",
    batch_size={"frozen": 32, "fine_tuned": 16},
)


@pytest.fixture(scope="module")
def summary():
    found = reports.make_with_yardstick(classes=3).summary
    labels = {split: {"a": 320, "b|<i>": 60, "c": 20} for split in ("train", "eval", "test")}
    return dataclasses.replace(found, settings=SETTINGS, labels=labels)


def sections(card: str) -> dict[str, str]:
    return dict(re.findall(r"^## (.+?)\n\n(.*?)(?=^## |\Z)", card, re.MULTILINE | re.DOTALL))


def test_the_card_has_its_parts_and_no_sentence_of_its_own(summary):
    card = writing.render(summary)
    parts = sections(card)
    names = ("What it is", "Data", "Recipe", "Figures", "Cost", "Limits", "How to ask it")
    assert tuple(parts) == names
    assert verdict.headline(summary) in card
    assert splits.subject(summary).partition("; ")[0] in card
    assert splits.on_test(summary) in parts["Figures"]
    assert encoder.described(summary) in parts["What it is"]
    assert all(reason in parts["Limits"] for reason in limits.statements(summary).values())
    assert "- class weights: balanced" in parts["Recipe"]
    assert "{" not in card


def test_the_precision_of_the_answers_and_what_it_changes_are_told(summary):
    assert "| matrix products of its answers | float32 |" in writing.render(summary)
    rounded = summaries.rounded(Interval(-0.025, -0.04, -0.01)).models[summary.selected]
    model = dataclasses.replace(
        summary.models[summary.selected],
        inference_precision=rounded.inference_precision,
        precision_change=rounded.precision_change,
    )
    summary = dataclasses.replace(summary, models={**summary.models, summary.selected: model})
    card = sections(writing.render(summary))
    said = "Its encoder's matrix products are in bfloat16 in place of float32, on eval: "
    assert said in card["Figures"]
    assert "| matrix products of its answers | bfloat16 |" in card["Cost"]
    assert "bfloat16 costs accuracy." in card["Limits"]


def test_tables_have_the_figures_of_the_summary(summary):
    parts = sections(writing.render(summary))
    accuracy = summary.test.metrics.accuracy
    bounds = f"({accuracy.lower:.1%} to {accuracy.upper:.1%})"
    assert f"| accuracy | {accuracy.value:.1%} {bounds} |" in parts["Figures"]
    for each in summary.classes["fine_tuned"]:
        assert (
            f"| {each.name} | {each.examples:,} | {each.precision.value:.1%} (" in parts["Figures"]
        )
    assert "| a | 320 | 320 | 320 |" in parts["Data"]
    assert "| all | 3,600 | 400 | 1,200 |" in parts["Data"]


def test_what_users_name_breaks_no_table(summary):
    assert "| b\\|&lt;i&gt; | 60 | 60 | 60 |" in writing.render(summary)


def test_the_small_encoder_is_called_what_it_is(summary):
    own = dataclasses.replace(reports.ENCODER, handle="asset://albert_en_mini")
    card = writing.render(dataclasses.replace(summary, encoder=own))
    assert "this project's own small ALBERT, for trying out, and not Google's" in card
    assert "Licence of the encoder: MIT" in card
    assert "it is not Google's" in sections(card)["Limits"]
    other = dataclasses.replace(reports.ENCODER, handle="hf://them/theirs")
    card = writing.render(dataclasses.replace(summary, encoder=other))
    assert "not known here; it is stated where hf://them/theirs comes from" in card
    assert "Google" not in card


def test_the_yardstick_has_a_card_without_an_encoder(summary):
    card = writing.render(dataclasses.replace(summary, selected="yardstick", winner="yardstick"))
    assert card.startswith("# TF-IDF: a classifier of texts")
    assert "It has no text encoder." in card
    assert "Licence of the encoder" not in card
    assert "epochs" not in sections(card)["Recipe"]
    assert f"{summary.yardstick.parameters:,}" in sections(card)["Cost"]


def test_the_yardstick_s_card_tells_nothing_of_an_encoder_s_limits(summary):
    own = dataclasses.replace(reports.ENCODER, handle="asset://albert_en_mini")
    pushed = dataclasses.replace(summary, encoder=own, selected="yardstick", winner="yardstick")
    assert "This encoder is not ALBERT" not in writing.render(pushed)


def test_the_card_names_what_the_model_answers_with(summary):
    asked = sections(writing.render(summary))["How to ask it"]
    assert all(f"`{name}`" in asked for name in ("probabilities", "labels", "label", "score"))


def test_a_model_that_was_refused_is_said_so(summary):
    refused = dataclasses.replace(summary, winner=None, reason="It is not good enough.")
    assert "**This model was not pushed.** It is not good enough." in writing.render(refused)
    gate = dataclasses.replace(summary.production, passed=False, reason="It loses.")
    refused = dataclasses.replace(summary, production=gate)
    assert "**This model was not pushed.** It loses." in writing.render(refused)
    assert "was not pushed" not in writing.render(summary)


def test_the_card_tells_how_sure_the_model_is_and_what_its_labels_cost(summary):
    share = Interval(0.9, 0.87, 0.92)
    calibration = Calibration(
        temperature=2.0,
        log_loss_before=0.7,
        log_loss=0.5,
        calibration_error_before=0.12,
        calibration_error=0.03,
    )
    known = dataclasses.replace(
        summary,
        answers=AnswersSummary(
            options=AnswerOptions(abstain_below=0.8), test=AnswerMetrics(1_200, share, share)
        ),
        models={
            name: dataclasses.replace(each, calibration=calibration)
            for name, each in summary.models.items()
        },
    )
    figures = sections(writing.render(known))["Figures"]
    assert served.calibration(known, ["fine_tuned"]) in figures
    assert "frozen" not in figures.partition("How sure it is")[2].partition("\n")[0]
    of_yardstick = dataclasses.replace(known, selected="yardstick", winner="yardstick")
    assert "How sure it is" not in writing.render(of_yardstick)
    assert served.answers(known) in figures
    assert "How sure it is" not in writing.render(summary)
