"""What TFX's Evaluator finds under our configurations, against NumPy and scikit-learn."""

import math

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from sklearn import metrics

from albert_tfx.data.lengths import length_name, length_names
from albert_tfx.errors import InputError
from albert_tfx.evaluation import tfma_config
from albert_tfx.evaluation.measurements import paired_difference, proportion
from albert_tfx.evaluation.metrics import deciding
from albert_tfx.evaluation.results import (
    Evaluation,
    constant_to_beat,
    load_comparison,
    load_production_comparison,
)
from albert_tfx.options import SelectionPolicy
from tests.support import artifacts, data

FLOAT32_TIES = 1e-4  # models answer in float32, where scores may tie that do not in float64
SHARES = ("auc", "precision", "recall", "f1")


@pytest.fixture(params=["two_classes", "four_classes"])
def evaluated(request):
    return request.getfixturevalue(request.param)


def by_scikit_learn(scores, model: str) -> dict[str, float]:
    labels, probabilities = scores.labels, scores.probabilities(model)
    one_versus_rest = np.eye(probabilities.shape[1])[labels]
    averaged = metrics.precision_recall_fscore_support(
        labels, probabilities.argmax(axis=1), average="macro"
    )
    area = metrics.roc_auc_score(one_versus_rest, probabilities, average="macro")
    return dict(zip(SHARES, (area, *averaged[:3]), strict=True))


@pytest.mark.parametrize(
    ("labels", "constants"),
    [
        ([0] * 6 + [1] * 4, {"accuracy": 0.6, "balanced_accuracy": 0.5, "log_loss": 0.673}),
        ([0, 0, 1], {"accuracy": None}),  # three right answers of three: 44 % or more
        ([1] * 50, {"accuracy": None, "auc": None, "log_loss": None}),
    ],
)
def test_a_constant_answer_is_to_be_beaten_where_a_faultless_model_surely_does(labels, constants):
    for metric, expected in constants.items():
        guard = deciding(metric, ["a", "b"]).guard
        found = constant_to_beat(guard, np.array(labels), 2)
        assert found == (expected if expected is None else pytest.approx(expected, abs=1e-3))


@pytest.mark.parametrize("model", data.MODELS)
def test_metrics_are_those_of_scikit_learn(evaluated, model):
    measured = getattr(load_comparison(evaluated.evaluation.uri), model)
    labels, probabilities = evaluated.scores.labels, evaluated.scores.probabilities(model)
    assert measured.examples == len(labels)
    assert measured.accuracy.value == evaluated.scores.right(model).mean()
    assert measured.log_loss == pytest.approx(metrics.log_loss(labels, probabilities), abs=1e-5)
    for name, expected in by_scikit_learn(evaluated.scores, model).items():
        assert measured[name].value == pytest.approx(expected, abs=FLOAT32_TIES), name


def test_auc_of_two_classes_is_the_binary_one(two_classes):
    measured = load_comparison(two_classes.evaluation.uri).fine_tuned
    positive = two_classes.scores.probabilities("fine_tuned")[:, 1]
    expected = metrics.roc_auc_score(two_classes.scores.labels, positive)
    assert measured.auc == pytest.approx(expected, abs=FLOAT32_TIES)


@pytest.mark.parametrize("model", data.MODELS)
def test_metrics_have_intervals_around_them(evaluated, model):
    comparison = load_comparison(evaluated.evaluation.uri)
    measured = getattr(comparison, model)
    for name in (*SHARES, "log_loss", "calibration_error"):
        interval = measured[name]
        assert interval.lower < interval.value < interval.upper, name
        difference = comparison.differences[name]
        gained = comparison.fine_tuned[name].value - comparison.frozen[name].value
        assert difference.value == pytest.approx(gained)
        lower, upper = data.bounds(difference)
        assert lower < difference.value < upper


def test_tfma_itself_shows_the_metrics_and_their_differences(two_classes):
    result = tfma.load_eval_result(two_classes.evaluation.uri, model_name="fine_tuned")
    shown = result.get_metrics_for_slice()
    comparison = load_comparison(two_classes.evaluation.uri)
    assert shown["auc"]["doubleValue"] == comparison.fine_tuned.auc
    gained = comparison.fine_tuned["f1"].value - comparison.frozen["f1"].value
    assert shown["f1_diff"]["doubleValue"] == pytest.approx(gained)
    assert (("label_name", "class 1"),) in result.get_slice_names()


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


def test_slices_are_those_of_the_same_reviews(evaluated):
    scores, slices = evaluated.scores, load_comparison(evaluated.evaluation.uri).slices
    expected = {
        f"length {name}": np.array([length_name(words) == name for words in scores.words()])
        for name in length_names()
    }
    classes = scores.frozen.shape[1]
    expected |= {f"label class {index}": scores.labels == index for index in range(classes)}
    expected = {name: within for name, within in expected.items() if within.any()}
    assert [each.name for each in slices] == list(expected)
    for each in slices:
        within = expected[each.name]
        frozen, fine_tuned = (scores.right(model)[within] for model in data.MODELS)
        assert each.examples == within.sum()
        assert each.frozen.value == pytest.approx(frozen.mean())
        assert each.fine_tuned == proportion(fine_tuned.mean(), each.examples)
        gained, lost = (fine_tuned > frozen).sum(), (frozen > fine_tuned).sum()
        assert each.difference == paired_difference(gained, lost, each.examples)


def test_flips_are_counted(evaluated):
    scores, flips = evaluated.scores, load_comparison(evaluated.evaluation.uri).flip_rates
    frozen, fine_tuned = (getattr(scores, model).argmax(axis=1) for model in data.MODELS)
    assert flips is not None
    assert flips.flipped.value == (frozen != fine_tuned).mean()
    gained = scores.right("fine_tuned") > scores.right("frozen")
    assert flips.gained == proportion(gained.mean(), len(gained))
    assert flips.gained.value - flips.lost.value == pytest.approx(
        load_comparison(evaluated.evaluation.uri).difference.value
    )


@pytest.mark.parametrize("model", data.MODELS)
def test_curves_have_the_measured_areas(evaluated, model):
    curves = Evaluation.load(evaluated.evaluation.uri).curves()[model]
    measured = getattr(load_comparison(evaluated.evaluation.uri), model)
    areas = [
        metrics.auc(curve["false_positive_rate"], curve["true_positive_rate"])
        for _, curve in curves.roc.groupby("class_name")
    ]
    assert np.mean(areas) == pytest.approx(measured.auc, abs=FLOAT32_TIES)
    labels, probabilities = evaluated.scores.labels, evaluated.scores.probabilities(model)
    for name, curve in curves.precision_recall.groupby("class_name"):
        index = int(str(name).removeprefix("class "))
        average = -np.sum(np.diff(curve["recall"]) * curve["precision"].to_numpy()[:-1])
        expected = metrics.average_precision_score(labels == index, probabilities[:, index])
        assert average == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("model", data.MODELS)
def test_confusion_and_reliability_add_up(evaluated, model):
    curves = Evaluation.load(evaluated.evaluation.uri).curves()[model]
    answers = getattr(evaluated.scores, model).argmax(axis=1)
    expected = metrics.confusion_matrix(evaluated.scores.labels, answers)
    assert curves.confusion.to_numpy().tolist() == expected.tolist()
    assert curves.confusion.columns[1] == "class 1"
    bins = curves.reliability
    assert bins["examples"].sum() == len(answers)
    error = np.average(abs(bins["confidence"] - bins["accuracy"]), weights=bins["examples"])
    measured = getattr(load_comparison(evaluated.evaluation.uri), model)
    assert error == pytest.approx(measured["calibration_error"].value)


def test_disagreements_are_the_surest(evaluated):
    reviews, scores = Evaluation.load(evaluated.evaluation.uri).disagreements(), evaluated.scores
    frozen, fine_tuned = (scores.probabilities(model) for model in data.MODELS)
    differ = frozen.argmax(axis=1) != fine_tuned.argmax(axis=1)
    sureness = np.minimum(frozen.max(axis=1), fine_tuned.max(axis=1))[differ]
    found = [min(each.frozen_probability, each.fine_tuned_probability) for each in reviews]
    assert found == pytest.approx(sorted(sureness, reverse=True)[:50], abs=1e-6)
    first = reviews[0]
    row = next(r for r, s in enumerate(scores.frozen) if first.text.startswith(f"{s[0]} {s[1]} "))
    assert first.label == f"class {scores.labels[row]}"
    assert first.frozen == f"class {frozen[row].argmax()}"
    assert first.fine_tuned == f"class {fine_tuned[row].argmax()}"


def test_winner_is_measured_on_the_split_it_is_given(evaluated):
    measured = load_production_comparison(evaluated.test_evaluation.uri).winner
    assert measured.examples == 150
    assert measured.accuracy.value == evaluated.scores.right("fine_tuned")[:150].mean()


def test_single_model_has_curves_and_intervals(evaluated):
    measured = load_production_comparison(evaluated.test_evaluation.uri).winner
    assert data.bounds(measured["auc"])[0] < measured.auc
    (curves,) = Evaluation.load(evaluated.test_evaluation.uri).curves().values()
    assert curves.confusion.to_numpy().sum() == 150


def test_better_candidate_is_blessed(evaluated):
    assert evaluated.evaluation.get_int_custom_property("blessed") == 1
    assert evaluated.test_evaluation.get_int_custom_property("blessed") == 1


def test_floor_and_tie_fail_the_validation(two_classes, tmp_path):
    model = two_classes.frozen_model
    result = artifacts.evaluate(
        tmp_path,
        tfma_config.comparison_config(SelectionPolicy(min_accuracy=0.99)),
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


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """An evaluation without reviews of class 2, where fine_tuned once answers NaN."""
    folder = tmp_path_factory.mktemp("broken")
    drawn = data.draw_scores(reviews=120, classes=4)
    present = drawn.labels != 2
    scores = data.Scores(*(column[present] for column in vars(drawn).values()))
    scores.fine_tuned[5] = math.nan
    evaluation_artifact = artifacts.evaluate(
        folder,
        tfma_config.comparison_config(SelectionPolicy()),
        artifacts.save_scores(folder / "examples", eval=scores),
        "eval",
        model=artifacts.save_model(folder / "fine_tuned", 4, 4),
        baseline_model=artifacts.save_model(folder / "frozen", 0, 4),
    )
    return scores, evaluation_artifact.uri


def test_missing_class_does_not_lower_the_averages(broken):
    scores, uri = broken
    probabilities = scores.probabilities("frozen")
    areas = [
        metrics.roc_auc_score(scores.labels == index, probabilities[:, index])
        for index in (0, 1, 3)
    ]
    comparison = load_comparison(uri)
    assert comparison.frozen.auc == pytest.approx(np.mean(areas), abs=1e-6)
    assert "label class 2" not in {each.name for each in comparison.slices}


def test_model_that_answers_nan_can_be_read(broken):
    scores, uri = broken
    comparison = load_comparison(uri)
    for name in (*SHARES, "log_loss", "calibration_error"):
        assert math.isnan(comparison.fine_tuned[name].value), name
        assert comparison.differences[name].lower is None
        assert math.isfinite(comparison.frozen[name].value), name
    assert math.isfinite(comparison.difference.value)
    evaluation = Evaluation.load(uri)
    reliability = evaluation.curves()["fine_tuned"].reliability
    assert reliability["examples"].sum() == len(scores.labels) - 1
    assert evaluation.disagreements()
    assert comparison.flip_rates is None


def test_folder_without_an_evaluation_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no evaluation"):
        Evaluation.load(str(tmp_path / "nowhere"))


def test_evaluation_of_one_model_is_no_comparison(two_classes):
    with pytest.raises(InputError, match=r"has no .* of frozen"):
        load_comparison(two_classes.test_evaluation.uri)
