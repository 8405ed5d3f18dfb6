"""The words that the page and the terminal share."""

import dataclasses

import pytest

from albert_tfx.contract import NAMES
from albert_tfx.evaluation.measurements import FlipRates, Interval
from albert_tfx.release.selection import Rule
from albert_tfx.report import wording
from albert_tfx.report.convergence import Convergence
from tests.support import summaries
from tests.support.summaries import changed


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_has_words(rule):
    summary = changed(rule=rule, winner="frozen" if rule == Rule.ONLY_DEFINED else None)
    assert wording.rule(summary)
    assert wording.verdict(summary) != "Serve neither model"


def test_a_rule_unknown_here_has_a_verdict_all_the_same():
    assert wording.rule(changed(rule="news")) == ""
    assert wording.verdict(changed(rule="news")) == "Serve the fine-tuned encoder"
    assert wording.verdict(changed(rule="news", winner=None)) == "Serve neither model"


@pytest.mark.parametrize(
    ("difference", "meaning"),
    [
        (Interval(0.05, 0.033, 0.067), "helps here, but the gain may be as small as 3.3 points."),
        (Interval(-0.05, -0.07, -0.03), "this training of it did worse, by at least 3.0 points."),
        (Interval(0.01, -0.01, 0.03), "The interval includes zero"),
        (Interval(0.01), "+1.0 points; its interval is not known."),
        (Interval(float("nan")), "is undefined."),
    ],
)
def test_a_difference_is_put_into_words(difference, meaning):
    assert meaning in wording.uncertainty(changed(difference={"accuracy": difference}))


GAIN, LOSS = Interval(0.05, 0.03, 0.07), Interval(-0.05, -0.07, -0.03)


@pytest.mark.parametrize(
    ("unfinished", "difference", "is_told"),
    [
        ("fine_tuned", LOSS, True),
        ("fine_tuned", Interval(0.01, -0.01, 0.03), True),
        ("fine_tuned", GAIN, False),
        ("frozen", GAIN, True),
        ("frozen", LOSS, False),
    ],
)
def test_what_an_unfinished_training_lost_gives_no_verdict(unfinished, difference, is_told):
    models = dict(summaries.SUMMARY.models)
    models[unfinished] = dataclasses.replace(
        models[unfinished], convergence=Convergence.STILL_FALLING
    )
    summary = changed(models=models, difference={"accuracy": difference}, rule="no_sure_gain")
    summary = dataclasses.replace(summary, caution=wording.caution(summary))
    assert (NAMES[unfinished] in summary.caution) is is_told
    assert wording.verdict(summary).startswith("No verdict yet") is is_told


def test_the_rates_that_were_tried_are_told():
    tried = (
        {"rate": 1e-4, "steps": 40, "loss": 0.6},
        {"rate": 3e-5, "steps": 40, "loss": float("nan")},
    )
    model = dataclasses.replace(
        summaries.SUMMARY.models["fine_tuned"], learning_rate=1e-4, rates=tried
    )
    said = wording.rates(changed(models={"fine_tuned": model}))
    assert "fine-tuned encoder, 0.0001, was chosen" in said
    assert said.endswith("0.0001 after 40 steps: 0.600; 3e-05 after 40 steps: undefined.")
    assert wording.rates(summaries.SUMMARY) == ""


def test_each_sign_of_an_unfinished_training_has_words():
    fine_tuned = summaries.SUMMARY.models["fine_tuned"]
    said = {
        wording.caution(
            changed(models={"fine_tuned": dataclasses.replace(fine_tuned, convergence=each)})
        )
        for each in Convergence
    }
    assert len(said) == len(Convergence)
    assert "" in said


def test_flips_are_put_into_words_where_they_are_known():
    rates = FlipRates(Interval(0.3), Interval(0.2), Interval(0.1))
    said = wording.flips(changed(flip_rates=rates))
    assert said.endswith("30.0% of the reviews: fine-tuning corrects 20.0% and breaks 10.0%.")
    assert wording.flips(changed(flip_rates=None)) == ""


def test_nothing_is_said_of_what_was_not_measured():
    summary = changed(yardstick=None, duplicates=None)
    said = (wording.yardstick(summary), wording.yardstick_verdict(summary))
    assert (*said, wording.duplicates(summary)) == ("", "", "")
    unknown = {"frozen": {"accuracy": Interval(float("nan"))}}
    summary = changed(yardstick=dataclasses.replace(summaries.YARDSTICK, gain=unknown))
    assert wording.yardstick(summary).endswith("reaches 75.0%.")
    assert wording.yardstick_verdict(summary) == ""


def test_the_encoder_is_named_with_its_size_and_the_small_one_as_our_own():
    known = summaries.ENCODER
    assert wording.encoder(changed()) == (
        "hf://owner/model@c0ffeec, 22,713,216 weights, 512 positions"
    )
    own = dataclasses.replace(known, handle="asset://small", revision=None, positions=None)
    said = wording.encoder(changed(encoder=own))
    assert said.startswith("asset://small, 22,713,216 weights (this project's own small ALBERT")
    assert wording.encoder(changed(encoder=None)) == ""


def test_texts_of_two_labels_are_said():
    found = dataclasses.replace(
        summaries.DUPLICATES, contradicting={"train": {"test": 3, "train": 2}, "eval": {"test": 1}}
    )
    summary = summaries.changed(duplicates=found)
    assert wording.duplicates(summary) == (
        "taken out: 1 of eval, 1,234 of train; with another label than the same text has before: "
        "3 of train, 1 of eval"
    )
