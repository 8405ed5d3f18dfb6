"""What TFX's Evaluator finds under our configurations, against NumPy and scikit-learn."""

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
import trivial_models
from sklearn import metrics

from components.evaluation_results import comparison_table, load_comparison, load_model_metrics
from components.options import SelectionPolicy
from pipelines import evaluation


@pytest.fixture(params=["two_classes", "four_classes"])
def evaluated(request):
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("model", trivial_models.MODELS)
def test_metrics_are_those_of_scikit_learn(evaluated, model):
    measured = getattr(load_comparison(evaluated.evaluation.uri), model)
    labels = evaluated.scores.labels
    probabilities = evaluated.scores.probabilities(model)
    one_versus_rest = np.eye(probabilities.shape[1])[labels]
    assert measured.examples == len(labels)
    assert measured.accuracy.value == evaluated.scores.right(model).mean()
    assert measured.log_loss == pytest.approx(metrics.log_loss(labels, probabilities), abs=1e-5)
    assert measured.auc == pytest.approx(
        metrics.roc_auc_score(one_versus_rest, probabilities, average="macro"), abs=1e-3
    )


def test_auc_of_two_classes_is_the_binary_one(two_classes):
    measured = load_comparison(two_classes.evaluation.uri).fine_tuned
    positive = two_classes.scores.probabilities("fine_tuned")[:, 1]
    expected = metrics.roc_auc_score(two_classes.scores.labels, positive)
    assert measured.auc == pytest.approx(expected, abs=1e-3)


def test_difference_has_the_interval_of_a_paired_bootstrap(evaluated):
    scores = evaluated.scores
    gains = scores.right("fine_tuned") - scores.right("frozen")
    random = np.random.default_rng(seed=0)
    resampled = random.choice(gains, size=(4000, len(gains))).mean(axis=1)
    lower, upper = np.quantile(resampled, [0.025, 0.975])
    difference = load_comparison(evaluated.evaluation.uri).difference
    assert difference.value == pytest.approx(gains.mean())
    assert difference.lower == pytest.approx(lower, abs=0.004)
    assert difference.upper == pytest.approx(upper, abs=0.004)


def test_majority_share_is_that_of_the_labels(evaluated):
    counts = np.bincount(evaluated.scores.labels)
    measured = load_comparison(evaluated.evaluation.uri).majority_share
    assert measured == counts.max() / counts.sum()


def test_winner_is_measured_on_the_split_it_is_given(evaluated):
    measured = load_model_metrics(evaluated.test_evaluation.uri)
    assert measured.examples == 150
    assert measured.accuracy.value == evaluated.scores.right("fine_tuned")[:150].mean()


def test_better_candidate_is_blessed(evaluated):
    assert evaluated.evaluation.get_int_custom_property("blessed") == 1
    assert evaluated.test_evaluation.get_int_custom_property("blessed") == 1


def test_floor_and_tie_fail_the_validation(two_classes, tmp_path):
    model = two_classes.frozen_model
    result = trivial_models.evaluate(
        tmp_path,
        evaluation.comparison_config(2, SelectionPolicy(min_accuracy=0.99)),
        two_classes.examples,
        "test",
        model=model,
        baseline_model=model,
    )
    assert result.get_int_custom_property("blessed") == 0
    assert load_comparison(result.uri).difference.value == 0
    failures = [
        failure
        for validation in tfma.load_validation_result(result.uri).metric_validations_per_slice
        for failure in validation.failures
    ]
    assert {failure.metric_key.is_diff for failure in failures} == {False, True}


def test_table_has_a_row_a_model(two_classes):
    comparison = load_comparison(two_classes.evaluation.uri)
    table = comparison_table(comparison)
    assert list(table.index) == ["frozen", "fine_tuned"]
    assert table.loc["fine_tuned", "accuracy"] == comparison.fine_tuned.accuracy.value
    assert table.loc["frozen", "accuracy_lower"] == comparison.frozen.accuracy.lower
