"""The metrics by which a model may win, and what the same answer to every text reaches."""

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss, precision_score, recall_score

from albert_tfx.errors import InputError
from albert_tfx.evaluation.measurements import compare_one, measure_by, measure_one
from albert_tfx.evaluation.metrics import METRICS, deciding
from albert_tfx.options import SelectionPolicy
from tests.support import data

CLASSES = ("low", "mid", "high")
SCORES = data.draw_scores(400, 3)
FROZEN, FINE_TUNED = (SCORES.probabilities(each) for each in ("frozen", "fine_tuned"))
OF_ALL = ("accuracy", "balanced_accuracy", "macro_f1", "auc", "log_loss")
OF_ONE = ("recall:mid", "precision:mid", "f1:mid")


@pytest.mark.parametrize("choice", [*OF_ALL, *OF_ONE])
def test_each_choice_of_the_option_is_a_metric(choice):
    SelectionPolicy(metric=choice)
    metric = deciding(choice, CLASSES)
    measured = measure_one(metric, SCORES.labels, FINE_TUNED)
    lower, upper = data.bounds(measured)
    assert lower < measured.value < upper


def test_every_metric_that_can_decide_can_be_asked_for():
    for metric in METRICS.values():
        if metric.choice:
            SelectionPolicy(metric=metric.choice)
        if metric.of_class:
            SelectionPolicy(metric=f"{metric.name}:a class")


@pytest.mark.parametrize(
    "choice", ["calibration_error", "recall", "recall:", "auc:mid", "f1", "f1 :a"]
)
def test_another_is_refused(choice):
    with pytest.raises(InputError, match="metric cannot be"):
        SelectionPolicy(metric=choice)


def test_a_class_that_is_not_there_is_refused():
    with pytest.raises(InputError, match="names no class of these texts"):
        deciding("recall:midd", CLASSES)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("recall:mid", lambda labels, answers: recall_score(labels, answers, average=None)[1]),
        ("precision:mid", lambda labels, given: precision_score(labels, given, average=None)[1]),
        ("f1:mid", lambda labels, answers: f1_score(labels, answers, average=None)[1]),
        ("macro_f1", lambda labels, answers: f1_score(labels, answers, average="macro")),
        ("balanced_accuracy", lambda labels, given: recall_score(labels, given, average="macro")),
    ],
)
def test_values_are_those_of_scikit_learn(choice, expected):
    measured = measure_by(choice, CLASSES)(SCORES.labels, FINE_TUNED)
    assert measured == pytest.approx(expected(SCORES.labels, FINE_TUNED.argmax(axis=1)))


@pytest.mark.parametrize("choice", [*OF_ALL, *OF_ONE])
def test_no_answer_that_is_the_same_for_every_text_is_better_than_said(choice):
    metric = deciding(choice, CLASSES).guard
    labels = SCORES.labels
    constants = [np.tile(each, (len(labels), 1)) for each in np.eye(3) * 0.998 + 0.001]
    constants.append(np.tile(np.bincount(labels) / len(labels), (len(labels), 1)))
    reached = [measure_one(metric, labels, each).value for each in constants]
    best = max(reached) if metric.higher_is_better else min(reached)
    assert metric.best_constant(labels) == pytest.approx(best)


def test_of_log_loss_the_best_constant_is_the_shares_themselves():
    labels = SCORES.labels
    shares = np.tile(np.bincount(labels) / len(labels), (len(labels), 1))
    metric = deciding("log_loss", CLASSES)
    assert metric.best_constant(labels) == pytest.approx(log_loss(labels, shares))


def test_the_recall_of_a_rare_class_is_counted_and_so_is_its_difference():
    labels = np.array([0] * 95 + [1] * 5)
    none = np.tile([0.9, 0.1], (100, 1))
    some = none.copy()
    some[95:98] = [0.1, 0.9]
    metric = deciding("recall:rare", ("common", "rare"))
    assert measure_one(metric, labels, some).value == 0.6
    assert data.bounds(measure_one(metric, labels, some))[0] < 0.25
    difference = compare_one(metric, labels, some, none)
    assert difference.value == 0.6
    assert data.bounds(difference)[0] < 0  # three of five may be chance


def test_a_class_without_texts_has_no_value():
    metric = deciding("recall:rare", ("common", "rare"))
    labels = np.zeros(10, int)
    answers = np.tile([0.9, 0.1], (10, 1))
    assert np.isnan(measure_one(metric, labels, answers).value)
    assert np.isnan(compare_one(metric, labels, answers, answers).value)
    assert np.isnan(measure_by("f1:rare", ("common", "rare"))(labels, answers))


def test_differences_of_a_metric_are_paired():
    metric = deciding("macro_f1", CLASSES)
    paired = compare_one(metric, SCORES.labels, FINE_TUNED, FROZEN)
    alone = [measure_one(metric, SCORES.labels, each) for each in (FINE_TUNED, FROZEN)]
    assert paired.value == pytest.approx(alone[0].value - alone[1].value)
    width, widths = _width(paired), [_width(each) for each in alone]
    assert width < math.hypot(*widths)


def _width(interval) -> float:
    lower, upper = data.bounds(interval)
    return upper - lower
