"""Metrics against scikit-learn, and their intervals against resampling."""

import math

import numpy as np
import pytest
from sklearn import metrics

from albert_tfx.evaluation.measurements import (
    Interval,
    ModelMetrics,
    difference_interval,
    interval,
    measure,
)
from albert_tfx.evaluation.metrics import METRICS, Estimate, calibration_bins, estimate
from tests.support import data

REVIEWS = 600
MODELS = ("frozen", "fine_tuned")


@pytest.fixture(params=[2, 4])
def scores(request):
    return data.draw_scores(REVIEWS, request.param)


def by_scikit_learn(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    """Computes all metrics but the calibration error, of labels among which every class is."""
    one_versus_rest = np.eye(probabilities.shape[1])[labels]
    answers = probabilities.argmax(axis=1)
    averaged = metrics.precision_recall_fscore_support(labels, answers, average="macro")
    return {
        "auc": metrics.roc_auc_score(one_versus_rest, probabilities, average="macro"),
        **dict(zip(("precision", "recall", "f1"), averaged[:3], strict=True)),
        "log_loss": metrics.log_loss(labels, probabilities),
    }


def calibration_error(labels: np.ndarray, probabilities: np.ndarray) -> float:
    """Adds up, bin by bin, as Guo et al. (2017) write it, equation 3."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    total = 0.0
    for index in range(15):
        within = (confidence > index / 15) & (confidence <= (index + 1) / 15)
        if within.any():
            gap = abs(right[within].mean() - confidence[within].mean())
            total += within.sum() / len(labels) * gap
    return total


@pytest.mark.parametrize("model", MODELS)
def test_values_are_those_of_scikit_learn(scores, model):
    probabilities = scores.probabilities(model)
    estimated = estimate(scores.labels, probabilities)
    for name, expected in by_scikit_learn(scores.labels, probabilities).items():
        assert estimated[name].value == pytest.approx(expected, abs=1e-12), name
    expected = calibration_error(scores.labels, probabilities)
    assert estimated["calibration_error"].value == pytest.approx(expected, abs=1e-12)


def test_measuring_puts_all_of_it_together(scores):
    probabilities = scores.probabilities("frozen")
    measured = measure(scores.labels, probabilities)
    estimated = estimate(scores.labels, probabilities)
    assert measured.accuracy.value == scores.right("frozen").mean()
    assert measured.examples == REVIEWS
    assert measured["f1"].value == estimated["f1"].value
    half_width = estimated["f1"].half_width(REVIEWS)
    assert measured["f1"].upper == pytest.approx(measured["f1"].value + half_width)
    assert list(measured.intervals) == list(METRICS)
    assert ModelMetrics.from_record(measured.record()) == measured


def resample(scores, statistic, times: int = 500) -> dict[str, float]:
    """Returns the standard deviation of each value of `statistic` over resampled reviews."""
    random = np.random.default_rng(seed=11)
    draws = [statistic(random.integers(REVIEWS, size=REVIEWS)) for _ in range(times)]
    return {name: float(np.std([draw[name] for draw in draws])) for name in draws[0]}


@pytest.mark.slow
def test_intervals_are_as_wide_as_a_paired_bootstrap_says(scores):
    probabilities = {model: scores.probabilities(model) for model in MODELS}

    def differences(rows: np.ndarray) -> dict[str, float]:
        frozen, fine_tuned = (
            by_scikit_learn(scores.labels[rows], probabilities[model][rows]) for model in MODELS
        )
        difference = {f"{name} gained": fine_tuned[name] - frozen[name] for name in frozen}
        return {**fine_tuned, **difference}

    frozen, fine_tuned = (estimate(scores.labels, probabilities[m]) for m in MODELS)
    deviations = resample(scores, differences)
    for name in by_scikit_learn(scores.labels, probabilities["frozen"]):
        half_width = fine_tuned[name].half_width(REVIEWS)
        assert half_width == pytest.approx(1.96 * deviations[name], rel=0.1), name
        half_width = (fine_tuned[name] - frozen[name]).half_width(REVIEWS)
        assert half_width == pytest.approx(1.96 * deviations[f"{name} gained"], rel=0.1), name


def test_paired_interval_is_narrower_than_the_models_apart(scores):
    frozen, fine_tuned = (
        estimate(scores.labels, scores.probabilities(model))["auc"] for model in MODELS
    )
    apart = math.hypot(frozen.half_width(REVIEWS), fine_tuned.half_width(REVIEWS))
    assert (fine_tuned - frozen).half_width(REVIEWS) < 0.95 * apart


def test_calibration_interval_is_as_wide_as_a_bootstrap_says():
    """Half of the answers are too timid, half too bold: the excesses must not cancel out."""
    random = np.random.default_rng(seed=13)
    confidence = np.repeat([0.6, 0.9], 1000)
    right = random.random(2000) < np.repeat([0.8, 0.6], 1000)
    labels, probabilities = right.astype(int), np.stack([1 - confidence, confidence], axis=1)
    rows = random.integers(2000, size=(1500, 2000))
    errors = [calibration_error(labels[each], probabilities[each]) for each in rows]
    estimated = estimate(labels, probabilities)["calibration_error"]
    assert estimated.half_width(2000) == pytest.approx(1.96 * np.std(errors), rel=0.06)


@pytest.mark.parametrize(("overconfidence", "truth"), [(1.0, 0.0005), (2.0, 0.0933)])
def test_calibration_interval_holds_the_truth_as_often_as_it_says(overconfidence, truth):
    """The truth was computed on four million reviews."""
    random = np.random.default_rng(seed=3)
    covered = []
    for _ in range(300):
        logits = random.normal(scale=2, size=1000)
        labels = (random.random(1000) < 1 / (1 + np.exp(-logits))).astype(int)
        positive = 1 / (1 + np.exp(-overconfidence * logits))
        probabilities = np.stack([1 - positive, positive], axis=1)
        error = estimate(labels, probabilities)["calibration_error"]
        found = interval("calibration_error", error, error.value, 1000)
        covered.append(found.lower <= truth <= found.upper)
    assert 0.91 <= np.mean(covered) <= 0.98


def test_class_that_does_not_occur_is_left_out_of_the_averages():
    scores = data.draw_scores(REVIEWS, 4)
    present = scores.labels != 2
    labels, probabilities = scores.labels[present], scores.probabilities("frozen")[present]
    estimated = estimate(labels, probabilities)
    areas = [metrics.roc_auc_score(labels == index, probabilities[:, index]) for index in (0, 1, 3)]
    assert estimated["auc"].value == pytest.approx(np.mean(areas))
    answers = probabilities.argmax(axis=1)
    recall = metrics.recall_score(labels, answers, labels=[0, 1, 3], average="macro")
    assert estimated["recall"].value == pytest.approx(recall)


def test_one_class_alone_has_no_area():
    scores = data.draw_scores(50, 2)
    estimated = estimate(np.zeros(50, int), scores.probabilities("frozen"))
    assert math.isnan(estimated["auc"].value)
    answered = scores.frozen.argmax(axis=1) == 0
    assert estimated["recall"].value == pytest.approx(answered.mean())


def test_answer_never_given_has_no_precision():
    labels = np.array([0, 1, 1, 0])
    estimated = estimate(labels, np.tile([0.8, 0.2], (4, 1)))
    assert estimated["precision"].value == pytest.approx((0.5 + 0) / 2)
    assert estimated["auc"].value == 0.5


def test_undefined_predictions_make_every_metric_undefined(scores):
    probabilities = scores.probabilities("frozen")
    probabilities[7] = math.nan
    estimated = estimate(scores.labels, probabilities)
    assert len(estimated) == 6
    for name, each in estimated.items():
        found = interval(name, each, each.value, REVIEWS)
        assert math.isnan(found.value)
        assert found.lower is None


def test_perfection_on_few_reviews_is_not_certain():
    labels = np.arange(20) % 2
    perfect = estimate(labels, np.eye(2)[labels] * 0.8 + 0.1)["auc"]
    assert interval("auc", perfect, perfect.value, 20) == Interval(1.0)


def test_no_spread_has_neither_bound():
    labels = np.arange(60) % 2
    sure = estimate(labels, np.eye(2)[labels] * 0.998 + 0.001)["calibration_error"]
    found = interval("calibration_error", sure, sure.value, 60)
    assert (found.lower, found.upper) == (None, None)


def test_bounds_stay_possible_and_samples_serve_more_reviews():
    estimated = Estimate(0.99, np.array([-1.0, 1.0, -1.0, 1.0]))
    assert interval("auc", estimated, 0.99, 4).upper == 1
    assert data.bounds(interval("log_loss", estimated, 0.99, 4))[1] > 1
    assert difference_interval("auc", estimated, -0.99, 4).lower == -1
    assert estimated.half_width(400) == pytest.approx(estimated.half_width(4) / 10)


def test_bins_of_a_reliability_diagram():
    labels = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.95, 0.05], [0.97, 0.03], [0.98, 0.02], [0.3, 0.7]])
    bins = calibration_bins(labels, probabilities)
    assert bins.examples.tolist() == [0] * 10 + [1, 0, 0, 0, 3]
    assert bins.accuracy[14] == pytest.approx(2 / 3)
    assert bins.confidence[14] == pytest.approx((0.95 + 0.97 + 0.98) / 3)
    assert bins.accuracy[10] == 1
    assert math.isnan(bins.accuracy[0])
