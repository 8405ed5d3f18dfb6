"""How the models compare, in words."""

import dataclasses

import pytest

from albert_tfx.evaluation.measurements import FlipRates, Interval
from albert_tfx.report.summary import Deciding
from albert_tfx.report.wording import comparison
from tests.support.summaries import (
    ALIKE,
    BETTER,
    SUMMARY,
    WORSE,
    YARDSTICK,
    by_log_loss,
    changed,
    on_two_splits,
)


@pytest.mark.parametrize(
    ("difference", "meaning"),
    [
        (Interval(0.05, 0.033, 0.067), "but the gain may be as small as 3.3 points."),
        (Interval(-0.05, -0.07, -0.03), "this training of it did worse, by at least 3.0 points."),
        (Interval(0.01, -0.01, 0.03), "The interval includes zero"),
        (Interval(0.01), "+1.0 points; its interval is not known."),
        (Interval(0.0), "its interval is not known, as no text told the two apart."),
        (Interval(float("nan")), "is undefined."),
    ],
)
def test_a_difference_is_put_into_words(difference, meaning):
    assert meaning in comparison.uncertainty(changed(difference={"accuracy": difference}))


def test_flips_are_put_into_words_where_they_are_known():
    rates = FlipRates(Interval(0.3), Interval(0.2), Interval(0.1))
    said = comparison.flips(changed(flip_rates=rates))
    assert said.endswith("30.0% of the texts: fine-tuning corrects 20.0% and breaks 10.0%.")
    assert comparison.flips(changed(flip_rates=None)) == ""
    never = Interval(0.0, 0.0, 0.01)
    alike = comparison.flips(changed(flip_rates=FlipRates(never, never, never)))
    assert alike == "The two give the same answer to each of these texts."


@pytest.mark.parametrize(
    ("name", "title", "said"),
    [
        ("accuracy", "accuracy", "accuracy 80.0%."),
        ("f1", "macro F1", "macro F1 80.0%."),
        ("recall:pos", "recall of pos", "balanced accuracy 80.0%."),
    ],
)
def test_what_a_constant_answer_reaches_is_said_by_the_metric_that_decides(name, title, said):
    metric = Deciding(
        name=name,
        title=title,
        is_higher_better=True,
        is_percentage=True,
        models={},
        constant=0.8,
        test=Interval(0.9),
    )
    assert comparison.constant(dataclasses.replace(SUMMARY, metric=metric)).endswith(said)


def test_the_auc_of_several_classes_is_said_to_be_a_mean():
    labels = {"train": {"a": 1, "b": 2, "c": 3}}
    assert "AUC" in comparison.averaged(dataclasses.replace(SUMMARY, labels=labels))
    assert "AUC" not in comparison.averaged(SUMMARY)


def test_a_difference_says_of_which_texts_and_of_how_many_trainings_it_is():
    once = changed(difference={"accuracy": BETTER})
    said = comparison.uncertainty(once)
    assert "On the 400 texts of the eval split, which decide," in said
    assert "mean of" not in said
    assert "trained once: the chance of training is not in" in said
    said = comparison.uncertainty(dataclasses.replace(once, seeds=3))
    assert "by +7.7 points, the mean of 3 trainings;" in said
    assert "trained 3 times: the chance of training is in" in said


def test_a_metric_of_which_less_is_better_is_put_into_words():
    summary = by_log_loss()
    assert "the gain may be as small as 0.050." in comparison.uncertainty(summary)
    assert "reaches a log loss of 0.600" in comparison.yardstick(summary)
    assert comparison.yardstick_verdict(summary) == "clearly below the fine-tuned encoder"
    worse = dataclasses.replace(summary, difference={"log_loss": Interval(0.1, 0.05, 0.15)})
    assert "did worse, by at least 0.050." in comparison.uncertainty(worse)


def test_nothing_is_said_of_a_yardstick_that_was_not_measured():
    summary = changed(yardstick=None)
    assert comparison.yardstick(summary) == ""
    assert comparison.yardstick_verdict(summary) == ""
    unknown = {"frozen": {"accuracy": Interval(float("nan"))}}
    summary = changed(yardstick=dataclasses.replace(YARDSTICK, gain=unknown))
    assert comparison.yardstick(summary).endswith("reaches 75.0% on eval.")
    assert comparison.yardstick_verdict(summary) == ""


@pytest.mark.parametrize(
    ("gain_on_test", "end"),
    [
        (
            BETTER,
            "On the test split, which chose nothing, the fine-tuned encoder is clearly better.",
        ),
        (WORSE, "On the test split, which chose nothing, TF-IDF is clearly better."),
        (ALIKE, "On this text, BERT is not shown to be worth its cost."),
    ],
)
def test_a_yardstick_that_eval_cannot_tell_from_an_encoder_is_judged_by_test(gain_on_test, end):
    assert comparison.yardstick(on_two_splits(gain_on_test)).endswith(end)
