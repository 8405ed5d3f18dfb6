"""Intervals against independent computations."""

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import precision_recall_fscore_support

from albert_tfx.calibration.labelling import label_and_score
from albert_tfx.evaluation.measurements import (
    Interval,
    chosen,
    measure_answers,
    measure_classes,
    paired_difference,
    proportion,
)
from albert_tfx.options import AnswerOptions
from tests.support.data import bounds, draw_scores


@pytest.mark.parametrize(("gained", "lost"), [(300, 180), (40, 90), (15, 15)])
def test_paired_interval_is_that_of_a_paired_bootstrap(gained, lost):
    gains = np.repeat([1.0, -1.0, 0.0], [gained, lost, 2500 - gained - lost])
    resampled = np.random.default_rng(seed=3).choice(gains, size=(4000, 2500)).mean(axis=1)
    lower, upper = np.quantile(resampled, [0.025, 0.975])
    interval = paired_difference(gained, lost, 2500)
    assert interval.value == pytest.approx(gains.mean())
    assert (interval.lower, interval.upper) == pytest.approx((lower, upper), abs=0.001)


def test_paired_interval_leaves_out_zero_where_mcnemar_rejects_equality():
    """The exact test of McNemar (1947) is a sign test on the reviews that only one gets right."""
    verdicts = []
    for gained in range(0, 120, 3):
        for lost in range(0, 120, 3):
            test = stats.binomtest(gained, gained + lost) if gained + lost else None
            interval = paired_difference(gained, lost, 2500)
            assert (interval.value > 0) == (gained > lost)
            lower, upper = bounds(interval)
            verdicts.append((test is not None and test.pvalue < 0.05, not lower <= 0 <= upper))
    exact, ours = np.array(verdicts).T
    # The exact test is the more careful one, by no more than its discreteness brings.
    assert not (exact & ~ours).any()
    assert (exact != ours).mean() < 0.03


def test_paired_interval_covers_the_truth_as_often_as_it_says():
    random = np.random.default_rng(seed=5)
    examples, probabilities = 300, [0.12, 0.07, 0.81]
    outcomes = random.multinomial(examples, probabilities, size=3000)
    intervals = [paired_difference(gained, lost, examples) for gained, lost, _ in outcomes]
    covered = np.mean([lower <= 0.05 <= upper for lower, upper in map(bounds, intervals)])
    assert 0.94 <= covered <= 0.965


def test_swapping_the_models_mirrors_the_interval():
    forth, back = paired_difference(30, 12, 200), paired_difference(12, 30, 200)
    assert (back.value, back.lower) == pytest.approx((-forth.value, -bounds(forth)[1]))


def test_models_that_always_agree_still_leave_doubt():
    interval = paired_difference(0, 0, 50)
    assert interval.value == 0
    lower, upper = bounds(interval)
    assert lower < 0 < upper


def test_bounds_stay_possible():
    assert paired_difference(5, 0, 5).upper == 1


def test_wilson_interval_of_a_published_example():
    """Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I."""
    interval = proportion(81 / 263, 263)
    assert (interval.lower, interval.upper) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_undefined_share_has_no_interval():
    interval = proportion(math.nan, 10)
    assert math.isnan(interval.value)
    assert (interval.lower, interval.upper) == (None, None)
    assert proportion(0.5, 0) == Interval(0.5)


def test_each_class_is_measured_as_scikit_learn_does():
    scores = draw_scores(400, 3)
    probabilities = scores.probabilities("frozen")
    answers = probabilities.argmax(axis=1)
    precision, recall, f1, support = precision_recall_fscore_support(scores.labels, answers)
    for index, each in enumerate(measure_classes(scores.labels, probabilities, ("a", "b", "c"))):
        assert (each.name, each.examples) == ("abc"[index], support[index])
        assert each.answers == (answers == index).sum()
        found = (each.precision.value, each.recall.value, each.f1.value)
        assert found == pytest.approx((precision[index], recall[index], f1[index]))
        for interval in (each.precision, each.recall, each.f1):
            assert bounds(interval)[0] < interval.value < bounds(interval)[1]


def test_a_class_that_is_never_met_or_answered_has_no_share():
    labels, probabilities = np.array([0, 0]), np.array([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]])
    _, answered, unknown = measure_classes(labels, probabilities, ("a", "b", "c"))
    assert (answered.examples, answered.answers, answered.precision.value) == (0, 1, 0)
    assert math.isnan(answered.recall.value)
    assert math.isnan(unknown.precision.value)


@pytest.mark.parametrize(
    ("options", "classes"),
    [
        (AnswerOptions(), 2),
        (AnswerOptions(threshold=0.3), 2),
        (AnswerOptions(threshold=0.8, abstain_below=0.6), 2),
        (AnswerOptions(abstain_below=0.5), 4),
    ],
)
def test_what_is_measured_is_what_the_exported_graph_says(options, classes):
    scores = draw_scores(300, classes)
    probabilities = scores.probabilities("frozen").astype(np.float32)
    probabilities[:2] = 1 / classes  # a tie, of which the first class is the answer
    names = np.array([f"class {each}" for each in range(classes)])
    served = label_and_score(probabilities, names.tolist(), options)
    said = np.array([label.decode() for label in served["label"].numpy()])

    index, score = chosen(probabilities, options)
    np.testing.assert_array_equal(score, served["score"])
    is_said = said != options.abstain_label
    np.testing.assert_array_equal(names[index][is_said], said[is_said])

    found, truth = measure_answers(scores.labels, probabilities, options), names[scores.labels]
    assert found.examples == 300
    assert found.coverage.value == is_said.mean()
    assert found.accuracy.value == pytest.approx((said == truth)[is_said].mean())
    if classes > 2:
        assert (found.precision, found.recall) == (None, None)
        return
    precision, recall, *_ = precision_recall_fscore_support(
        truth, said, labels=["class 1"], zero_division=0
    )
    assert found.precision is not None
    assert found.recall is not None
    assert (found.precision.value, found.recall.value) == pytest.approx((precision[0], recall[0]))


def test_a_model_that_says_nothing_has_no_accuracy():
    found = measure_answers(
        np.array([0, 1]), np.full([2, 2], 0.5), AnswerOptions(abstain_below=0.9)
    )
    assert found.coverage.value == 0
    assert math.isnan(found.accuracy.value)
