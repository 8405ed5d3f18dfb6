"""The metric that decides, and what is gained by it."""

import dataclasses

from albert_tfx.evaluation.measurements import Interval
from albert_tfx.report.wording import deciding
from tests.support.summaries import (
    ALIKE,
    BETTER,
    SUMMARY,
    WORSE,
    answered,
    by_log_loss,
    on_two_splits,
)


def test_the_accuracy_decides_where_a_summary_names_no_metric():
    assert deciding.metric_of(SUMMARY).name == "accuracy"
    assert deciding.beside_accuracy(SUMMARY) is None
    assert deciding.heading(SUMMARY) == "Accuracy"
    named = deciding.beside_accuracy(by_log_loss())
    assert named is not None
    assert named.name == "log_loss"
    assert deciding.heading(by_log_loss()) == "Log loss"


def test_a_change_is_said_with_what_is_not_in_its_bounds():
    said = "changes accuracy by +7.7 points"
    assert deciding.changes(SUMMARY, BETTER) == f"{said} (+4.1 to +11.3, without training's chance)"
    unbounded = Interval(BETTER.value)
    assert deciding.changes(SUMMARY, unbounded) == f"{said} (without training's chance)"
    assert deciding.changes(dataclasses.replace(SUMMARY, seeds=2), unbounded) == said


def test_a_gain_is_above_zero_of_a_metric_of_which_less_is_better_too():
    gains = deciding.gains_on_eval(by_log_loss())
    assert gains["fine_tuned"] == Interval(0.2, 0.1, 0.3)


def test_gains_are_those_of_their_split():
    summary = on_two_splits(BETTER)
    assert deciding.gains_on_eval(summary) == {"frozen": WORSE, "fine_tuned": ALIKE}
    assert deciding.gains_on_test(summary) == {"frozen": WORSE, "fine_tuned": BETTER}
    assert deciding.gains_on_test(SUMMARY) == {}


def test_a_certain_gain_is_ranked_above_a_greater_one():
    doubtful = Interval(0.1, -0.01, 0.21)
    assert deciding.ranked(answered("frozen", "no_sure_gain", BETTER, doubtful)) == [
        "frozen",
        "fine_tuned",
    ]
